package stream_test

import (
	"fmt"
	"log"
	"time"

	"github.com/ottla-streams/ottla/join"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
)

// Orders are joined with the payments of the next hour; those without one are
// told when the hour and ten minutes of grace have passed.
func ExampleKStream_LeftJoin() {
	orders := topology.NewTopic("orders", serde.String, serde.String)
	payments := topology.NewTopic("payments", serde.String, serde.Int64)
	b := stream.NewBuilder()
	hour := join.Within(0).After(time.Hour).Grace(10 * time.Minute)
	b.Stream(orders).
		LeftJoin(b.Stream(payments), "paid-orders", hour, func(order string, cents int64, paid bool) string {
			if !paid {
				return order + " is not paid"
			}
			return fmt.Sprintf("%s is paid with %d", order, cents)
		}).Named("pay").
		To(topology.NewTopic("paid", serde.String, serde.String))
	top, err := b.Build()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(top)
	// Output:
	// Topologies:
	//    Sub-topology: 0
	//     Source: KSTREAM-SOURCE-0000000000 (topics: [orders])
	//       --> pay-this-windowed
	//     Source: KSTREAM-SOURCE-0000000001 (topics: [payments])
	//       --> pay-other-windowed
	//     Processor: pay-other-windowed (stores: [paid-orders-outer-other-join-store])
	//       --> pay-outer-other-join
	//       <-- KSTREAM-SOURCE-0000000001
	//     Processor: pay-this-windowed (stores: [paid-orders-this-join-store])
	//       --> pay-this-join
	//       <-- KSTREAM-SOURCE-0000000000
	//     Processor: pay-outer-other-join (stores: [paid-orders-left-shared-join-store, paid-orders-this-join-store])
	//       --> pay-merge
	//       <-- pay-other-windowed
	//     Processor: pay-this-join (stores: [paid-orders-left-shared-join-store, paid-orders-outer-other-join-store])
	//       --> pay-merge
	//       <-- pay-this-windowed
	//     Processor: pay-merge (stores: [])
	//       --> KSTREAM-SINK-0000000007
	//       <-- pay-this-join, pay-outer-other-join
	//     Sink: KSTREAM-SINK-0000000007 (topic: paid)
	//       <-- pay-merge
}

// Clicks get the name of their user, as it is when they come.
func ExampleKStream_JoinTable() {
	clicks := topology.NewTopic("clicks", serde.String, serde.String)
	users := topology.NewTopic("users", serde.String, serde.String)
	b := stream.NewBuilder()
	names := b.Table(users).Materialize(state.KeyValue("names", serde.String, serde.String))
	b.Stream(clicks).
		JoinTable(names, func(page, name string) string { return name + " sees " + page }).
		To(topology.NewTopic("visits", serde.String, serde.String))
	top, err := b.Build()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(top)
	// Output:
	// Topologies:
	//    Sub-topology: 0
	//     Source: KSTREAM-SOURCE-0000000002 (topics: [clicks])
	//       --> KSTREAM-JOIN-0000000003
	//     Processor: KSTREAM-JOIN-0000000003 (stores: [names])
	//       --> KSTREAM-SINK-0000000004
	//       <-- KSTREAM-SOURCE-0000000002
	//     Source: KSTREAM-SOURCE-0000000000 (topics: [users])
	//       --> KTABLE-SOURCE-0000000001
	//     Sink: KSTREAM-SINK-0000000004 (topic: visits)
	//       <-- KSTREAM-JOIN-0000000003
	//     Processor: KTABLE-SOURCE-0000000001 (stores: [names])
	//       --> none
	//       <-- KSTREAM-SOURCE-0000000000
}
