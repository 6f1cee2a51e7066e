package stream_test

import (
	"fmt"
	"log"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
)

// Orders go to the topic of their size.
func ExampleKStream_Split() {
	amount := func(name string) topology.Topic[string, int64] {
		return topology.NewTopic(name, serde.String, serde.Int64)
	}
	b := stream.NewBuilder()
	orders := b.Stream(amount("orders")).Split().Named("orders-")
	orders.Branch("large", func(_ string, n int64) bool { return n >= 1000 }).To(amount("large-orders"))
	orders.Default("small").To(amount("small-orders"))
	top, err := b.Build()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(top)
	// Output:
	// Topologies:
	//    Sub-topology: 0
	//     Source: KSTREAM-SOURCE-0000000000 (topics: [orders])
	//       --> orders-
	//     Processor: orders- (stores: [])
	//       --> orders-large, orders-small
	//       <-- KSTREAM-SOURCE-0000000000
	//     Processor: orders-large (stores: [])
	//       --> KSTREAM-SINK-0000000003
	//       <-- orders-
	//     Processor: orders-small (stores: [])
	//       --> KSTREAM-SINK-0000000005
	//       <-- orders-
	//     Sink: KSTREAM-SINK-0000000003 (topic: large-orders)
	//       <-- orders-large
	//     Sink: KSTREAM-SINK-0000000005 (topic: small-orders)
	//       <-- orders-small
}

// Deposits and withdrawals, of different types, add up to one balance.
func ExampleKGroupedStream_Cogroup() {
	deposits := topology.NewTopic("deposits", serde.String, serde.Int64)
	withdrawals := topology.NewTopic("withdrawals", serde.String, serde.Int32)
	b := stream.NewBuilder()
	b.Stream(deposits).GroupByKey().
		Cogroup(func(_ string, n, sum int64) int64 { return sum + n }).
		Cogroup(b.Stream(withdrawals).GroupByKey(), func(_ string, n int32, sum int64) int64 { return sum - int64(n) }).
		Aggregate(func() int64 { return 0 }, state.KeyValue("balances", serde.String, serde.Int64)).Named("balance").
		To(topology.NewTopic("balances", serde.String, serde.Int64))
	top, err := b.Build()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(top)
	// Output:
	// Topologies:
	//    Sub-topology: 0
	//     Source: KSTREAM-SOURCE-0000000000 (topics: [deposits])
	//       --> balance-cogroup-agg-0
	//     Source: KSTREAM-SOURCE-0000000001 (topics: [withdrawals])
	//       --> balance-cogroup-agg-1
	//     Processor: balance-cogroup-agg-0 (stores: [balances])
	//       --> balance-cogroup-merge
	//       <-- KSTREAM-SOURCE-0000000000
	//     Processor: balance-cogroup-agg-1 (stores: [balances])
	//       --> balance-cogroup-merge
	//       <-- KSTREAM-SOURCE-0000000001
	//     Processor: balance-cogroup-merge (stores: [])
	//       --> KTABLE-TOSTREAM-0000000005
	//       <-- balance-cogroup-agg-0, balance-cogroup-agg-1
	//     Processor: KTABLE-TOSTREAM-0000000005 (stores: [])
	//       --> KSTREAM-SINK-0000000006
	//       <-- balance-cogroup-merge
	//     Sink: KSTREAM-SINK-0000000006 (topic: balances)
	//       <-- KTABLE-TOSTREAM-0000000005
}
