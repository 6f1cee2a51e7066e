package state_test

import (
	"bytes"
	"maps"
	"slices"
	"testing"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/overlay"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/state/engine"
	"github.com/ottla-streams/ottla/state/engine/memory"
	"github.com/ottla-streams/ottla/state/engine/pebble"
)

// bed is a task as a store sees it: its layers over an engine or over nothing,
// its changelog, and crashes of both.
type bed struct {
	t      testing.TB
	def    *graph.Store
	opener engine.Opener // nil for a store in memory
	dir    string
	engine engine.Engine
	layers *overlay.Store
	store  any
	in     *fakeInstance
	log    []overlay.Record // committed
	upTo   int              // the part of log that the engine stands for
}

type fakeInstance struct {
	graph.Instance
	now     int64
	meta    flow.Meta
	dropped int
}

func (i *fakeInstance) Now() (*flow.Origin, int64, serde.Headers) { return nil, i.now, i.meta.Headers }
func (i *fakeInstance) Meta() *flow.Meta                          { return &i.meta }
func (i *fakeInstance) Dropped(*graph.Node, string)               { i.dropped++ }

func newBed(t testing.TB, def *graph.Store, opener engine.Opener) *bed {
	t.Helper()
	def.Nodes = []*graph.Node{{Name: "node"}}
	b := &bed{t: t, def: def, opener: opener, in: &fakeInstance{}}
	if opener != nil {
		b.dir = t.TempDir()
	}
	b.open()
	t.Cleanup(b.close)
	return b
}

// engines are the openers to test with, by name.
func engines(t testing.TB) map[string]engine.Opener {
	p := pebble.New(pebble.Options{})
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return map[string]engine.Opener{"layers only": nil, "memory": memory.Opener{}, "pebble": p}
}

func (b *bed) check(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bed) open() {
	b.t.Helper()
	b.layers = overlay.New(b.def.Layout, []byte{0, 7}, b.def.Ordered)
	b.layers.KeepNewest()
	if b.opener != nil && b.engine == nil {
		var err error
		b.engine, err = b.opener.Open(b.dir)
		b.check(err)
	}
	if b.engine != nil {
		b.layers.SetBase(b.engine)
	}
	store, err := b.def.Open(graph.Opening{Store: b.def, Instance: b.in, Layers: b.layers, Changelog: "changelog"})
	b.check(err)
	b.store = store
}

func (b *bed) close() {
	if b.engine != nil {
		b.check(b.engine.Close())
		b.engine = nil
	}
}

// commit logs what changed and makes it part of the committed state.
func (b *bed) commit() {
	b.t.Helper()
	b.check(b.layers.Changes(func(r *overlay.Record) error {
		b.log = append(b.log, overlay.Record{
			Key: bytes.Clone(r.Key), Value: bytes.Clone(r.Value), Time: r.Time, Headers: r.Headers.Clone(),
		})
		return nil
	}))
	b.layers.Commit()
}

// writeOut writes the committed layer to the engine; drop takes it out of memory.
func (b *bed) writeOut(drop bool) {
	b.t.Helper()
	if b.engine == nil {
		return
	}
	batch := b.engine.NewBatch()
	b.layers.WriteOut(batch)
	b.check(batch.Commit())
	b.layers.Written(b.engine, drop)
	b.upTo = len(b.log)
}

// crash loses what is in memory, and restores the rest of the changelog. lost
// loses the engine's files too.
func (b *bed) crash(lost bool) {
	b.t.Helper()
	if b.engine == nil {
		lost = true
	}
	if _, files := b.opener.(*pebble.Opener); lost || files {
		b.close()
	}
	if lost {
		b.upTo = 0
		if b.opener != nil {
			b.dir = b.t.TempDir()
		}
	}
	b.open()
	for _, r := range b.log[b.upTo:] {
		if key, value, ok := b.layers.Restore(&r); ok {
			b.def.OnRestore(b.store, key, value, &r)
		}
	}
}

// compact leaves the last record of each key in the part of the changelog that
// the engine does not stand for, as the broker does.
func (b *bed) compact() {
	last := make(map[string]int)
	for i, r := range b.log {
		last[string(r.Key)] = i
	}
	if b.upTo == 0 {
		var log []overlay.Record
		for _, i := range slices.Sorted(maps.Values(last)) {
			log = append(log, b.log[i])
		}
		b.log = log
	}
}

// raw is the number of entries of windows and sessions in the layers and the
// engine, and the lowest segment among them.
func (b *bed) raw() (n int, lowest []byte) {
	b.t.Helper()
	b.check(b.layers.Scan(nil, []byte{0xfd}, false, false, func(key, _ []byte) bool {
		if n == 0 {
			lowest = bytes.Clone(key[:8])
		}
		n++
		return true
	}))
	return n, lowest
}

// collect returns the entries of a read as text.
func collect[K, V any](t testing.TB, seq func(func(state.Entry[K, V], error) bool), text func(state.Entry[K, V]) string) []string {
	t.Helper()
	var all []string
	for e, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text(e))
	}
	return all
}
