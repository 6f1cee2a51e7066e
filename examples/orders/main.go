// Orders completes orders with what is known of their customers and products.
//
//	orders                      completes a few orders on a broker of its own
//	orders --brokers HOST:PORT  runs on Kafka until it is stopped
//	orders help                 lists the commands and flags of every ottla program
//
// The topics orders, customers and products are read, completed-orders is
// written. They may have different numbers of partitions: an order finds its
// customer by a foreign key, wherever that is, and every instance of the app has
// all products.
package main

import (
	"github.com/ottla-streams/ottla/examples/demo"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
)

// order is what a customer wants of a product.
type order struct {
	Customer, Product string
	Pieces            int64
}

type customer struct{ Name, City string }

type product struct {
	Name  string
	Price int64 // in cents, a piece
}

// addressed is an order with its customer, and completed one with its product too.
type (
	addressed struct {
		Order    order
		Customer customer
	}
	completed struct {
		Name, City, Product string
		Pieces, Total       int64
	}
)

var (
	orders     = topology.NewTopic("orders", serde.String, serde.JSON[order]())
	customers  = topology.NewTopic("customers", serde.String, serde.JSON[customer]())
	products   = topology.NewTopic("products", serde.String, serde.JSON[product]())
	completeds = topology.NewTopic("completed-orders", serde.String, serde.JSON[completed]())

	openOrders     = state.KeyValue("open-orders", serde.String, serde.JSON[order]())
	knownCustomers = state.KeyValue("known-customers", serde.String, serde.JSON[customer]())
	catalog        = state.KeyValue("catalog", serde.String, serde.JSON[product]())
)

// complete joins orders with customers, then with products. A customer that
// moves gets all of its orders anew, since both sides of the first join are
// tables. A product that changes only counts for what comes after it: a stream
// looks up a global table.
func complete() (*topology.Topology, error) {
	b := stream.NewBuilder()
	b.Table(orders).Materialize(openOrders).
		JoinForeign(b.Table(customers).Materialize(knownCustomers), customerOf, address).Named("customer-of-order").
		Via(stream.Of).
		JoinGlobal(b.GlobalTable(products, catalog), productOf, price).
		To(completeds)
	return b.Build()
}

func customerOf(_ string, o order) (key string, ok bool) { return o.Customer, o.Customer != "" }

func address(o order, c customer) addressed { return addressed{o, c} }

func productOf(_ string, a addressed) string { return a.Order.Product }

func price(a addressed, p product) completed {
	return completed{a.Customer.Name, a.Customer.City, p.Name, a.Order.Pieces, a.Order.Pieces * p.Price}
}

var (
	config = stream.Config{ID: "orders"}
	topics = []string{orders.Name(), customers.Name(), products.Name(), completeds.Name()}
)

func main() { demo.Main(config, complete, topics, show) }
