package stream

import (
	"fmt"

	"github.com/ottla-streams/ottla/internal/dsl"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/op"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/table"
)

// CogroupedKStream is several streams by key, on their way into one aggregate.
// The streams must have equal numbers of partitions. (KIP-150)
type CogroupedKStream[K, A any] struct {
	b      *dsl.Builder
	inputs []*cogroupInput[K, A]
}

// cogroupInput is one of the streams.
type cogroupInput[K, A any] struct {
	sources []*dsl.Step // before a repartition
	placed  *dsl.Step   // where its keys belong, once that was asked for
	place   func(by *dsl.Step, key serde.Serde[K], store func() string) (*dsl.Step, []*dsl.Step)
	from    []*dsl.Step // the sources behind the repartition
	bind    func(spec cogroupSpec[K, A]) op.Bind
}

type cogroupSpec[K, A any] struct {
	store *graph.Store
	key   serde.Serde[K]
	init  func() A
}

// Cogroup begins an aggregate of several streams, which differ in the types of
// their values: add takes the values of this one.
func (g *KGroupedStream[K, V]) Cogroup[A any](add func(k K, v V, sum A) A) *CogroupedKStream[K, A] {
	return &CogroupedKStream[K, A]{g.s.b, []*cogroupInput[K, A]{cogroupOf(g, add)}}
}

// Cogroup adds another stream to the aggregate.
func (c *CogroupedKStream[K, A]) Cogroup[V any](g *KGroupedStream[K, V], add func(k K, v V, sum A) A) *CogroupedKStream[K, A] {
	n := len(c.inputs)
	return &CogroupedKStream[K, A]{c.b, append(c.inputs[:n:n], cogroupOf(g, add))}
}

func cogroupOf[K, V, A any](g *KGroupedStream[K, V], add func(K, V, A) A) *cogroupInput[K, A] {
	in := &cogroupInput[K, A]{sources: g.s.sources}
	in.place = func(by *dsl.Step, key serde.Serde[K], store func() string) (*dsl.Step, []*dsl.Step) {
		return g.placed(by, key, store)
	}
	in.bind = func(s cogroupSpec[K, A]) op.Bind {
		return op.Aggregate(op.AggregateSpec[K, V, A]{Store: s.store, Key: s.key, Init: s.init, Add: add, Relay: true})
	}
	return in
}

// settle returns the step whose records are where their keys belong. All
// aggregates of a cogrouped stream share it.
func (in *cogroupInput[K, A]) settle(b *dsl.Builder, by *dsl.Step, key serde.Serde[K], store func() string) *dsl.Step {
	switch {
	case in.placed == nil:
		in.placed, in.from = in.place(by, key, store)
	case in.placed.Repartition != nil && !in.placed.Repartition.Operation:
		dsl.SkipRepartition(b, by)
	}
	return in.placed
}

// Aggregate aggregates the values of each key over all streams, beginning with
// what init gives. Records with a null key or a null value are dropped; a null
// result deletes, and the next record begins anew.
func (c *CogroupedKStream[K, A]) Aggregate[S state.TableSpec[K, A]](init func() A, store S) *table.KTable[K, A] {
	final := &dsl.Step{Op: "Aggregate", Place: graph.Place()}
	st := c.b.Own(store, final)
	key := dsl.KeySerdeOf[K, A](store)
	merge, sources := c.steps(final, st, key, func(in *cogroupInput[K, A]) op.Bind {
		return in.bind(cogroupSpec[K, A]{st, key, init})
	})
	sendOld := false
	r := &dsl.Rows[K, A]{B: c.b, Step: merge, Key: key, Value: dsl.ValueSerdeOf[K, A](store), Sources: sources, GraceMillis: -1}
	dsl.StoreTable(r, store, func() string { return st.Name })
	r.Store, r.Named = st, !st.AutoNamed
	r.NeedOld = func(bool) bool { sendOld = true; return true }
	merge.Write = func(s *dsl.Step, w *dsl.Writer) {
		w.Processor(s, s.Node, op.Merge(op.MergeSpec[K, A]{Store: st, Key: key, SendOld: func() bool { return sendOld }, Read: r.Get}))
	}
	return (*table.KTable[K, A])(dsl.Wrap(r))
}

// steps adds the steps of an aggregate: the repartitions, a node for each
// stream and, as final, the merge behind them.
func (c *CogroupedKStream[K, A]) steps(final *dsl.Step, st *graph.Store, key serde.Serde[K], bind func(*cogroupInput[K, A]) op.Bind) (merge *dsl.Step, sources []*dsl.Step) {
	b := c.b
	b.Add(&dsl.Step{Op: final.Op, Place: final.Place, Number: func(_ *dsl.Step, n *dsl.Counter) {
		if st.AutoNamed {
			st.Name = n.Store("COGROUPKSTREAM-AGGREGATE-")
		}
	}})
	for _, in := range c.inputs {
		in.settle(b, final, key, func() string { return st.Name })
	}
	for i, in := range c.inputs {
		s := b.Add(&dsl.Step{Op: final.Op, Place: final.Place, Parents: []*dsl.Step{in.placed}})
		s.Number = func(s *dsl.Step, n *dsl.Counter) {
			s.Node = n.Name("COGROUPKSTREAM-AGGREGATE-")
			if final.Given != "" {
				s.Node = fmt.Sprintf("%s-cogroup-agg-%d", final.Given, i)
			}
		}
		s.Write = func(s *dsl.Step, w *dsl.Writer) { w.Processor(s, s.Node, bind(in), st) }
		final.Parents = append(final.Parents, s)
		sources = append(sources, in.from...)
	}
	final.Number = func(s *dsl.Step, n *dsl.Counter) {
		s.Node = n.Name("COGROUPKSTREAM-MERGE-")
		if s.Given != "" {
			s.Node = s.Given + "-cogroup-merge"
		}
	}
	b.Later(func(w *dsl.Writer) {
		g := graph.CopartitionGroup{Place: final.Place, Op: final.Op}
		for _, in := range c.inputs {
			g.Sources = append(g.Sources, dsl.Outs(in.sources)...)
		}
		w.Copartition(g)
	})
	return b.Add(final), sources
}
