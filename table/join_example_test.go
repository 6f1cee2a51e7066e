package table_test

import (
	"fmt"
	"log"
	"slices"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
)

// order is a row of a table whose customer is the key of another.
type order struct {
	Customer string
	Cents    int64
}

// Each order is joined with the row of its customer. The topics in between are
// named after the join.
func ExampleKTable_JoinForeign() {
	orders := topology.NewTopic("orders", serde.String, serde.JSON[order]())
	customers := topology.NewTopic("customers", serde.String, serde.String)
	b := stream.NewBuilder()
	rows := b.Table(orders).Materialize(state.KeyValue("orders", serde.String, serde.JSON[order]()))
	names := b.Table(customers).Materialize(state.KeyValue("names", serde.String, serde.String))
	rows.
		JoinForeign(names,
			func(_ string, o order) (string, bool) { return o.Customer, o.Customer != "" },
			func(o order, name string) string { return fmt.Sprintf("%s owes %d", name, o.Cents) }).
		Named("debts").
		To(topology.NewTopic("debts", serde.String, serde.String))
	top, err := b.Build()
	if err != nil {
		log.Fatal(err)
	}
	var topics []string
	for _, r := range top.Graph().Repartitions {
		topics = append(topics, r.Name)
	}
	slices.Sort(topics)
	fmt.Println(topics)
	// Output:
	// [debts-subscription-registration-topic debts-subscription-response-topic]
}
