package stream_test

import (
	"fmt"
	"log"
	"time"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
	"github.com/ottla-streams/ottla/window"
)

// Each minute's count is sent once, when the minute and ten seconds more have
// passed. Clicks that come later still are kept for somebody to look at.
func ExampleTimeWindowedKStream_EmitOnClose() {
	clicks := topology.NewTopic("clicks", serde.String, serde.String)
	b := stream.NewBuilder()
	b.Stream(clicks).
		GroupByKey().
		WindowedBy(window.Tumbling(time.Minute).Grace(10 * time.Second)).
		EmitOnClose().
		Late(topology.NewTopic("late-clicks", serde.String, serde.String)).
		Count(state.Windows("per-minute", serde.String, serde.Int64)).Named("count").
		To(topology.NewTopic("clicks-per-minute", serde.TimeWindowed(serde.String, time.Minute), serde.Int64))
	top, err := b.Build()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(top)
	// Output:
	// Topologies:
	//    Sub-topology: 0
	//     Source: KSTREAM-SOURCE-0000000000 (topics: [clicks])
	//       --> count
	//     Processor: count (stores: [per-minute])
	//       --> KTABLE-TOSTREAM-0000000002, count-late
	//       <-- KSTREAM-SOURCE-0000000000
	//     Processor: KTABLE-TOSTREAM-0000000002 (stores: [])
	//       --> KSTREAM-SINK-0000000003
	//       <-- count
	//     Sink: KSTREAM-SINK-0000000003 (topic: clicks-per-minute)
	//       <-- KTABLE-TOSTREAM-0000000002
	//     Sink: count-late (topic: late-clicks)
	//       <-- count
}

// A visit is the pages of a user with no more than half an hour between them.
func ExampleKGroupedStream_WindowedBySession() {
	b := stream.NewBuilder()
	b.Stream(topology.NewTopic("pages", serde.String, serde.String)).
		GroupByKey().
		WindowedBySession(window.Session(30*time.Minute)).
		Reduce(func(path, page string) string { return path + " " + page }, state.Sessions("visits", serde.String, serde.String)).
		To(topology.NewTopic("paths", serde.SessionWindowed(serde.String), serde.String))
	if _, err := b.Build(); err != nil {
		log.Fatal(err)
	}
}
