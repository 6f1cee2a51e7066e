package topology_test

import (
	"fmt"
	"log"
	"time"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/topology"
)

var (
	clicks    = topology.NewTopic("clicks", serde.String, serde.String)
	perMinute = topology.NewTopic("clicks-per-minute", serde.String, serde.Int64)
	open      = state.KeyValue("open-counts", serde.String, serde.Int64)
)

// clickCounter counts the clicks of each user, sends the counts once a minute
// and begins anew.
type clickCounter struct {
	counts *state.KeyValueStore[string, int64]
}

func newClickCounter() *clickCounter { return &clickCounter{} }

func (c *clickCounter) Init(ctx *topology.Context[string, int64]) error {
	c.counts = open.In(ctx)
	ctx.Every(time.Minute, topology.WallTime, func(time.Time) error { return c.flush(ctx) })
	return nil
}

func (c *clickCounter) Process(_ *topology.Context[string, int64], r topology.Record[string, string]) error {
	n, _, err := c.counts.Get(r.Key)
	if err != nil {
		return err
	}
	return c.counts.Put(r.Key, n+1)
}

func (c *clickCounter) flush(ctx *topology.Context[string, int64]) error {
	for e, err := range c.counts.All() {
		if err != nil {
			return err
		}
		if err := ctx.Forward(topology.Record[string, int64]{Key: e.Key, Value: e.Value}); err != nil {
			return err
		}
		if err := c.counts.Remove(e.Key); err != nil {
			return err
		}
	}
	return nil
}

// A topology node by node: a source, a processor with a store and a sink.
func ExampleBuilder() {
	b := topology.NewBuilder()
	b.Source("clicks", clicks).
		Process("counter", newClickCounter, open).
		To("counts", perMinute)
	top, err := b.Build()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(top)
	// Output:
	// Topologies:
	//    Sub-topology: 0
	//     Source: clicks (topics: [clicks])
	//       --> counter
	//     Processor: counter (stores: [open-counts])
	//       --> counts
	//       <-- clicks
	//     Sink: counts (topic: clicks-per-minute)
	//       <-- counter
}

// A processor that keeps nothing is a function. It chooses the child by its name.
func ExampleContext_ForwardTo() {
	route := func(ctx *topology.Context[string, string], r topology.Record[string, string]) error {
		if r.NoKey {
			return ctx.ForwardTo("anonymous", r)
		}
		return ctx.ForwardTo("known", r)
	}
	b := topology.NewBuilder()
	routed := b.Source("clicks", clicks).Process("route", topology.Func(route))
	routed.To("known", topology.NewTopic("known-clicks", serde.String, serde.String))
	routed.To("anonymous", topology.NewTopic("anonymous-clicks", serde.String, serde.String))
	top, err := b.Build()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(top)
	// Output:
	// Topologies:
	//    Sub-topology: 0
	//     Source: clicks (topics: [clicks])
	//       --> route
	//     Processor: route (stores: [])
	//       --> anonymous, known
	//       <-- clicks
	//     Sink: anonymous (topic: anonymous-clicks)
	//       <-- route
	//     Sink: known (topic: known-clicks)
	//       <-- route
}

// Nodes with two parents, and the mistakes that Build tells.
func ExampleBuilder_Merge() {
	b := topology.NewBuilder()
	web := b.Source("web", clicks)
	app := b.Source("app", topology.NewTopic("app-clicks", serde.String, serde.String))
	b.Merge(web, app).Process("counter", newClickCounter) // without its store
	b.Node[string, int64]("countr").To("counts", perMinute)
	_, err := b.Build()
	fmt.Println(err)
	// Output:
	// example_test.go:116: Node: node "countr" is not there, or added later
}

func ExampleRecord_WithValue() {
	r := topology.Record[string, string]{Key: "ada", Value: "click", Time: time.UnixMilli(0)}
	n := r.WithValue(int64(len(r.Value))) // a Record[string, int64]
	fmt.Println(n.Key, n.Value)
	// Output:
	// ada 5
}
