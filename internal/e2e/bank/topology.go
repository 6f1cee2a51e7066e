package main

import (
	"iter"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
)

var (
	transfers = topology.NewTopic("transfers", serde.String, serde.Serde[*transfer](transferSerde{}))
	applied   = topology.NewTopic("applied", serde.String, serde.Serde[entry](entrySerde{}))
	balances  = topology.NewTopic("balances", serde.String, serde.Serde[int64](decimalSerde{}))
	accounts  = state.KeyValue("balances", serde.String, serde.Serde[entry](entrySerde{}))
)

// bank splits each transfer into two postings, sends them to where their
// accounts are, and keeps the balance of each account.
func bank() (*topology.Topology, error) {
	b := stream.NewBuilder()
	b.Serde(serde.Serde[posting](postingSerde{}))
	entries := b.Stream(transfers).
		FlatMap(postings).
		GroupByKey().Named("postings").
		Aggregate(func() entry { return entry{} }, post, accounts).
		Via(stream.Of)
	entries.To(applied)
	entries.MapValues(func(e entry) int64 { return e.balance }).To(balances)
	return b.Build()
}

// postings are the two sides of a transfer. A record without key or value is none.
func postings(id string, t *transfer) iter.Seq2[string, posting] {
	return func(yield func(string, posting) bool) {
		if id == "" || t == nil {
			return
		}
		if yield(t.from, posting{id, -t.amount}) {
			yield(t.to, posting{id, t.amount})
		}
	}
}

// post applies a posting to its account.
func post(_ string, p posting, e entry) entry {
	return entry{posting: p, count: e.count + 1, balance: e.balance + p.change}
}
