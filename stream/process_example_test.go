package stream_test

import (
	"fmt"
	"log"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
)

// firstOnly lets the first record of each key through.
type firstOnly struct {
	seen *state.KeyValueSpec[string, int64]
}

func (f *firstOnly) Process(ctx *topology.ValueContext[string, string], r topology.Record[string, string]) error {
	_, had, err := f.seen.In(ctx).PutIfAbsent(r.Key, r.Time.UnixMilli())
	if err != nil || had {
		return err
	}
	return ctx.ForwardRecord(r)
}

// unique returns a supplier together with the store that it needs.
func unique(name string) (supply func() *firstOnly, store state.Spec) {
	seen := state.KeyValue(name, serde.String, serde.Int64)
	return func() *firstOnly { return &firstOnly{seen} }, seen
}

// A supplier can bring its stores along: its results are the call's arguments.
func ExampleKStream_ProcessValues() {
	b := stream.NewBuilder()
	b.Stream(topology.NewTopic("signups", serde.String, serde.String)).
		ProcessValues(unique("seen")).Named("unique").
		To(topology.NewTopic("first-signups", serde.String, serde.String))
	top, err := b.Build()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(top)
	// Output:
	// Topologies:
	//    Sub-topology: 0
	//     Source: KSTREAM-SOURCE-0000000000 (topics: [signups])
	//       --> unique
	//     Processor: unique (stores: [seen])
	//       --> KSTREAM-SINK-0000000001
	//       <-- KSTREAM-SOURCE-0000000000
	//     Sink: KSTREAM-SINK-0000000001 (topic: first-signups)
	//       <-- unique
}
