package main

import (
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
)

// globalJoin joins a stream with a global table by a key out of its values.
func globalJoin(b *stream.Builder, in func(string) string, out string) {
	rows := b.GlobalTable(texts(in("table")), state.KeyValue("rows", serde.String, serde.String))
	b.Stream(texts(in("in"))).
		JoinGlobal(rows, func(_, v string) string { return "g" + v[14:20] }, enrich).
		To(texts(out))
}
