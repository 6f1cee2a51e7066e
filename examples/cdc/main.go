// Cdc keeps a view of a shop's orders with their customers, as they are in its
// database, and answers queries of it over HTTP.
//
//	cdc --brokers HOST:PORT  follows the changes that Debezium writes, until it is stopped
//	cdc help                 lists the commands and flags of every ottla program
//
// PostgreSQL has the tables customers and orders; Debezium writes each change of
// a row to shop.public.customers or shop.public.orders. Both become tables again,
// which are joined by the customer's id. The view is then at
//
//	http://127.0.0.1:8080/stores/order-view/keys/1
//	http://127.0.0.1:8080/stores/order-view
//	http://127.0.0.1:8080/stores/order-view/keys/1/watch
//
// and the live page of the topology at http://127.0.0.1:8080. CDC_LISTEN is
// another address; what several instances are reached at goes there too.
package main

import (
	"cmp"
	"os"
	"strconv"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/serde/debezium"
	"github.com/ottla-streams/ottla/serve"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
)

// id is the primary key of both tables, as Debezium writes it.
type id struct {
	ID int64 `json:"id"`
}

// customer and order are rows, as far as the view needs them.
type customer struct {
	ID    int64   `json:"id"`
	Name  string  `json:"name"`
	Email *string `json:"email"`
}

type order struct {
	ID       int64  `json:"id"`
	Customer int64  `json:"customer_id"`
	Item     string `json:"item"`
	Amount   string `json:"amount"` // decimal.handling.mode=string
}

// placed is a row of the view.
type placed struct {
	Item     string  `json:"item"`
	Amount   string  `json:"amount"`
	Customer string  `json:"customer"`
	Email    *string `json:"email"`
}

var (
	customerChanges = topology.NewTopic("shop.public.customers", debezium.Key[id](), debezium.JSON[customer]())
	orderChanges    = topology.NewTopic("shop.public.orders", debezium.Key[id](), debezium.JSON[order]())

	customers = state.KeyValue("customers", debezium.Key[id](), serde.JSON[*customer]())
	orders    = state.KeyValue("orders", debezium.Key[id](), serde.JSON[*order]())
	orderView = state.KeyValue("order-view", debezium.Key[id](), serde.JSON[placed]())
)

// row is the row as it is after a change, nil if there is none any more: it
// leaves the table.
func row[T any](c *debezium.Change[T]) *T {
	r, _ := c.Row()
	return r
}

func view() (*topology.Topology, error) {
	b := stream.NewBuilder()
	known := b.Table(customerChanges).MapValues(row).Materialize(customers)
	b.Table(orderChanges).MapValues(row).Materialize(orders).
		JoinForeign(known, customerOf, place).Named("customer-of-order").Materialize(orderView)
	return b.Build()
}

func customerOf(_ id, o *order) (key id, ok bool) { return id{o.Customer}, true }

func place(o *order, c *customer) placed { return placed{o.Item, o.Amount, c.Name, c.Email} }

func parseID(s string) (id, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	return id{n}, err
}

func main() {
	listen := cmp.Or(os.Getenv("CDC_LISTEN"), "127.0.0.1:8080")
	stream.Main(stream.Config{
		ID: "cdc", Advertise: listen,
		Beside: serve.At(listen, serve.Config{
			Stores: []serve.Store{serve.KeyValue(orderView).ParseKey(parseID)},
			Page:   true,
		}),
	}, view)
}
