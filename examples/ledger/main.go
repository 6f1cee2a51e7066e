// Ledger is bank accounts as an event-sourced ledger: what is asked for are
// commands, what happened are events, and a balance is the sum of the events of
// its account.
//
//	ledger                      plays a few commands on a broker of its own, and replays the events
//	ledger --brokers HOST:PORT  runs on Kafka until it is stopped
//	ledger help                 lists the commands and flags of every ottla program
//
// The topic commands is read; events, rejections and balances are written. All
// keys are accounts, so that a task sees all commands of its accounts, one after
// the other.
package main

import (
	"github.com/ottla-streams/ottla/examples/demo"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
)

var (
	commands   = topology.NewTopic("commands", serde.String, serde.JSON[command]())
	events     = topology.NewTopic("events", serde.String, serde.JSON[event]())
	rejections = topology.NewTopic("rejections", serde.String, serde.JSON[rejection]())
	balances   = topology.NewTopic("balances", serde.String, serde.Int64)

	// accounts is what commands are checked against.
	accounts = state.KeyValue("accounts", serde.String, serde.Int64)
	// sums is the table that the events add up to.
	sums = state.KeyValue("sums", serde.String, serde.Int64)
)

// ledger turns commands into events, and events into balances.
func ledger() (*topology.Topology, error) {
	b := stream.NewBuilder()
	decisions := b.Stream(commands).ProcessValues(func() *teller { return &teller{} }, accounts)
	decisions.
		Filter(func(_ string, d decision) bool { return d.accepted }).
		MapValues(func(d decision) event { return d.event }).
		To(events)
	decisions.
		FilterNot(func(_ string, d decision) bool { return d.accepted }).
		MapValues(func(d decision) rejection { return d.rejection }).
		To(rejections)
	addUp(b)
	return b.Build()
}

// replay needs nothing but the events to get the same balances.
func replay() (*topology.Topology, error) {
	b := stream.NewBuilder()
	addUp(b)
	return b.Build()
}

// addUp makes the table of balances from the events.
func addUp(b *stream.Builder) {
	b.Stream(events).
		GroupByKey().
		Aggregate(func() int64 { return 0 }, func(_ string, e event, balance int64) int64 { return apply(balance, e) }, sums).
		To(balances)
}

// Under exactly once a command makes its event once, whatever crashes.
var config = stream.Config{ID: "ledger", Guarantee: stream.ExactlyOnce}

// topics are those that a demo has to create.
var topics = []string{commands.Name(), events.Name(), rejections.Name(), balances.Name()}

func main() { demo.Main(config, ledger, topics, show) }
