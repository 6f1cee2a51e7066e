package table_test

import (
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/table"
	"github.com/ottla-streams/ottla/topology"
)

// A table of users by id, counted by city. A user who moves leaves one count
// and enters another.
func ExampleKTable_GroupBy() {
	users := topology.NewTopic("users", serde.String, serde.String)
	b := stream.NewBuilder()
	b.Table(users).
		Materialize(state.KeyValue("users", serde.String, serde.String)).
		GroupBy(func(id, city string) (string, string) { return city, id }).
		Count(state.KeyValue("per-city", serde.String, serde.Int64)).
		To(topology.NewTopic("users-per-city", serde.String, serde.Int64))
	top, err := b.Build()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(top)
	// Output:
	// Topologies:
	//    Sub-topology: 0
	//     Source: KSTREAM-SOURCE-0000000000 (topics: [users])
	//       --> KTABLE-SOURCE-0000000001
	//     Processor: KTABLE-SOURCE-0000000001 (stores: [users])
	//       --> KTABLE-SELECT-0000000002
	//       <-- KSTREAM-SOURCE-0000000000
	//     Processor: KTABLE-SELECT-0000000002 (stores: [])
	//       --> KSTREAM-SINK-0000000003
	//       <-- KTABLE-SOURCE-0000000001
	//     Sink: KSTREAM-SINK-0000000003 (topic: per-city-repartition)
	//       <-- KTABLE-SELECT-0000000002
	//
	//   Sub-topology: 1
	//     Source: KSTREAM-SOURCE-0000000004 (topics: [per-city-repartition])
	//       --> KTABLE-AGGREGATE-0000000005
	//     Processor: KTABLE-AGGREGATE-0000000005 (stores: [per-city])
	//       --> KTABLE-TOSTREAM-0000000006
	//       <-- KSTREAM-SOURCE-0000000004
	//     Processor: KTABLE-TOSTREAM-0000000006 (stores: [])
	//       --> KSTREAM-SINK-0000000007
	//       <-- KTABLE-AGGREGATE-0000000005
	//     Sink: KSTREAM-SINK-0000000007 (topic: users-per-city)
	//       <-- KTABLE-TOSTREAM-0000000006
}

// Updates of a price that come within a minute become one.
func ExampleKTable_Suppress() {
	prices := topology.NewTopic("prices", serde.String, serde.Int64)
	b := stream.NewBuilder()
	b.Table(prices).
		Materialize(state.KeyValue("prices", serde.String, serde.Int64)).
		Suppress(table.UntilTimeLimit(time.Minute).MaxRecords(10_000)).Named("calm").
		To(topology.NewTopic("calm-prices", serde.String, serde.Int64))
	top, err := b.Build()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(top)
	// Output:
	// Topologies:
	//    Sub-topology: 0
	//     Source: KSTREAM-SOURCE-0000000000 (topics: [prices])
	//       --> KTABLE-SOURCE-0000000001
	//     Processor: KTABLE-SOURCE-0000000001 (stores: [prices])
	//       --> calm
	//       <-- KSTREAM-SOURCE-0000000000
	//     Processor: calm (stores: [calm-store])
	//       --> KTABLE-TOSTREAM-0000000002
	//       <-- KTABLE-SOURCE-0000000001
	//     Processor: KTABLE-TOSTREAM-0000000002 (stores: [])
	//       --> KSTREAM-SINK-0000000003
	//       <-- calm
	//     Sink: KSTREAM-SINK-0000000003 (topic: calm-prices)
	//       <-- KTABLE-TOSTREAM-0000000002
}

// A function of a row that looks something up in a store.
func ExampleKTable_TransformValues() {
	visits := state.KeyValue("visits", serde.String, serde.Int64)
	b := stream.NewBuilder()
	b.Table(topology.NewTopic("pages", serde.String, serde.String)).
		TransformValues(func(ctx *table.Context) func(string, string, bool) (string, bool, error) {
			visits := visits.In(ctx)
			return func(page, title string, ok bool) (string, bool, error) {
				n, _, err := visits.Get(page)
				if err != nil || !ok {
					return "", false, err
				}
				return strings.ToUpper(title), true, visits.Put(page, n+1)
			}
		}, visits).Named("titles").
		To(topology.NewTopic("titles", serde.String, serde.String))
	top, err := b.Build()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(top)
	// Output:
	// Topologies:
	//    Sub-topology: 0
	//     Source: KSTREAM-SOURCE-0000000001 (topics: [pages])
	//       --> KTABLE-SOURCE-0000000002
	//     Processor: KTABLE-SOURCE-0000000002 (stores: [])
	//       --> titles
	//       <-- KSTREAM-SOURCE-0000000001
	//     Processor: titles (stores: [visits])
	//       --> KTABLE-TOSTREAM-0000000004
	//       <-- KTABLE-SOURCE-0000000002
	//     Processor: KTABLE-TOSTREAM-0000000004 (stores: [])
	//       --> KSTREAM-SINK-0000000005
	//       <-- titles
	//     Sink: KSTREAM-SINK-0000000005 (topic: titles)
	//       <-- KTABLE-TOSTREAM-0000000004
}
