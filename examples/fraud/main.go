// Fraud raises alerts on payments that look wrong: too many of a customer, one
// above the customer's limit, or one from another country than the login before it.
//
//	fraud                      plays a few payments on a broker of its own
//	fraud --brokers HOST:PORT  runs on Kafka until it is stopped
//	fraud help                 lists the commands and flags of every ottla program
//
// The topics payments, logins and customers are read, alerts is written. All keys
// are customers, and the topics that are read need equal numbers of partitions,
// so that a task has all that is known of its customers.
package main

import (
	"time"

	"github.com/ottla-streams/ottla/examples/demo"
	"github.com/ottla-streams/ottla/join"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/table"
	"github.com/ottla-streams/ottla/topology"
	"github.com/ottla-streams/ottla/window"
)

var (
	payments  = topology.NewTopic("payments", serde.String, serde.JSON[payment]())
	logins    = topology.NewTopic("logins", serde.String, serde.JSON[login]())
	customers = topology.NewTopic("customers", serde.String, serde.JSON[customer]())
	alerts    = topology.NewTopic("alerts", serde.String, serde.JSON[alert]())

	known   = state.KeyValue("known-customers", serde.String, serde.JSON[customer]())
	tempo   = state.Windows("payments-per-window", serde.String, serde.Int64)
	minutes = window.Hopping(10*time.Minute, 5*time.Minute).Grace(time.Minute)
	// A login counts for the payments of the half hour that follows it.
	session = join.Within(0).Before(30 * time.Minute)
)

// fraud puts the rules side by side: each is a function from payments to alerts.
func fraud() (*topology.Topology, error) {
	b := stream.NewBuilder()
	paid := b.Stream(payments)
	tooMany(paid).
		Merge(tooHigh(paid, b.Table(customers).Materialize(known))).
		Merge(elsewhere(paid, b.Stream(logins))).
		To(alerts)
	return b.Build()
}

// tooMany counts the payments of a customer over windows of ten minutes, one
// beginning every five. The count passes through the number that is too high
// once in a window.
func tooMany(paid *stream.KStream[string, payment]) *stream.KStream[string, alert] {
	return paid.
		GroupByKey().
		WindowedBy(minutes).
		Count(tempo).
		Via(stream.Of).
		Filter(func(_ window.Key[string], n int64) bool { return n == many }).
		Map(func(w window.Key[string], n int64) (string, alert) { return w.Key, burst(w, n) })
}

// tooHigh looks up the limit of the customer.
func tooHigh(paid *stream.KStream[string, payment], limits *table.KTable[string, customer]) *stream.KStream[string, alert] {
	return paid.
		JoinTable(limits, overLimit).
		Filter(raised)
}

// elsewhere joins payments with the logins before them.
func elsewhere(paid *stream.KStream[string, payment], in *stream.KStream[string, login]) *stream.KStream[string, alert] {
	return paid.
		Join(in, "payments-with-logins", session, otherCountry).
		Filter(raised)
}

var (
	config = stream.Config{ID: "fraud"}
	topics = []string{payments.Name(), logins.Name(), customers.Name(), alerts.Name()}
)

func main() { demo.Main(config, fraud, topics, show) }
