package state_test

import (
	"fmt"
	"log"
	"time"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
)

// The readings of the last hour, by sensor and minute.
var readings = state.Windows("readings", serde.String, serde.Float64,
	state.Retention(time.Hour), state.WindowSize(time.Minute))

// smooth sends the average of a sensor's last five minutes.
type smooth struct{}

func (smooth) Process(ctx *topology.ValueContext[string, float64], r topology.Record[string, float64]) error {
	store, minute := readings.In(ctx), r.Time.Truncate(time.Minute)
	if err := store.Put(r.Key, r.Value, minute); err != nil {
		return err
	}
	sum, n := 0.0, 0
	for e, err := range store.FetchRange(r.Key, minute.Add(-4*time.Minute), minute) {
		if err != nil {
			return err
		}
		sum, n = sum+e.Value, n+1
	}
	r.Value = sum / float64(n)
	return ctx.ForwardRecord(r)
}

func ExampleWindows() {
	b := stream.NewBuilder()
	b.Stream(topology.NewTopic("sensors", serde.String, serde.Float64)).
		ProcessValues(func() smooth { return smooth{} }, readings).Named("smooth").
		To(topology.NewTopic("smoothed", serde.String, serde.Float64))
	top, err := b.Build()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(top)
	// Output:
	// Topologies:
	//    Sub-topology: 0
	//     Source: KSTREAM-SOURCE-0000000000 (topics: [sensors])
	//       --> smooth
	//     Processor: smooth (stores: [readings])
	//       --> KSTREAM-SINK-0000000001
	//       <-- KSTREAM-SOURCE-0000000000
	//     Sink: KSTREAM-SINK-0000000001 (topic: smoothed)
	//       <-- smooth
}
