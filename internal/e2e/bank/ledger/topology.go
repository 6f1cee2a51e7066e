// Package ledger is the workload of the fault tests: transfers between accounts
// become postings, and postings the balances of the accounts.
//
// Every posting is numbered per account, so that a reader sees each that is
// lost, that comes twice or that comes in the wrong place. [Post] is the
// computation; the rest are the topics, the store and what they hold.
package ledger

import (
	"iter"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
)

// The topics, and the store of the balances.
var (
	Transfers = topology.NewTopic("transfers", serde.String, serde.Serde[*Transfer](transferSerde{}))
	Applied   = topology.NewTopic("applied", serde.String, serde.Serde[Entry](entrySerde{}))
	Balances  = topology.NewTopic("balances", serde.String, serde.Serde[int64](decimalSerde{}))
	Accounts  = state.KeyValue("balances", serde.String, serde.Serde[Entry](entrySerde{}))
)

// Topology is Post with the transfers as they are.
func Topology() (*topology.Topology, error) {
	b := stream.NewBuilder()
	Post(b, b.Stream(Transfers))
	return b.Build()
}

// Post splits each transfer into two postings, sends them to where their
// accounts are, and keeps the balance of each account. It returns the postings.
func Post(b *stream.Builder, transfers *stream.KStream[string, *Transfer]) *stream.KStream[string, Entry] {
	b.Serde(serde.Serde[Posting](postingSerde{}))
	entries := transfers.
		FlatMap(postings).
		GroupByKey().Named("postings").
		Aggregate(func() Entry { return Entry{} }, post, Accounts).
		Via(stream.Of)
	entries.To(Applied)
	entries.MapValues(func(e Entry) int64 { return e.Balance }).To(Balances)
	return entries
}

// postings are the two sides of a transfer. A record without key or value is none.
func postings(id string, t *Transfer) iter.Seq2[string, Posting] {
	return func(yield func(string, Posting) bool) {
		if id == "" || t == nil {
			return
		}
		if yield(t.From, Posting{id, -t.Amount}) {
			yield(t.To, Posting{id, t.Amount})
		}
	}
}

// post applies a posting to its account.
func post(_ string, p Posting, e Entry) Entry {
	return Entry{Posting: p, Count: e.Count + 1, Balance: e.Balance + p.Change}
}
