// Orders completes orders with what is known of their customers and products.
//
//	orders                      completes a few orders on a broker of its own
//	orders --brokers HOST:PORT  runs on Kafka until it is stopped
//	orders help                 lists the commands and flags of every ottla program
//
// The topics orders, customers and products are read, completed-orders is
// written. They may have different numbers of partitions: an order finds its
// customer and its product by foreign keys, wherever these are.
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

	openOrders      = state.KeyValue("open-orders", serde.String, serde.JSON[order]())
	addressedOrders = state.KeyValue("addressed-orders", serde.String, serde.JSON[addressed]())
	knownCustomers  = state.KeyValue("known-customers", serde.String, serde.JSON[customer]())
	catalog         = state.KeyValue("catalog", serde.String, serde.JSON[product]())
)

// complete joins orders with customers, then with products. All are tables: a
// customer that moves, or a product that gets another price, completes its
// orders anew.
func complete() (*topology.Topology, error) {
	b := stream.NewBuilder()
	b.Serde(serde.JSON[addressed]())
	customers := b.Table(customers).Materialize(knownCustomers)
	products := b.Table(products).Materialize(catalog)
	b.Table(orders).Materialize(openOrders).
		JoinForeign(customers, customerOf, address).Named("customer-of-order").Materialize(addressedOrders).
		JoinForeign(products, productOf, price).Named("product-of-order").
		To(completeds)
	return b.Build()
}

func customerOf(_ string, o order) (key string, ok bool) { return o.Customer, o.Customer != "" }

func address(o order, c customer) addressed { return addressed{o, c} }

func productOf(_ string, a addressed) (key string, ok bool) {
	return a.Order.Product, a.Order.Product != ""
}

func price(a addressed, p product) completed {
	return completed{a.Customer.Name, a.Customer.City, p.Name, a.Order.Pieces, a.Order.Pieces * p.Price}
}

var (
	config = stream.Config{ID: "orders"}
	topics = []string{orders.Name(), customers.Name(), products.Name(), completeds.Name()}
)

func main() { demo.Main(config, complete, topics, show) }
