package dsl

import (
	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/op"
	"github.com/ottla-streams/ottla/join"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
)

// ForeignJoin is a join of two tables by a foreign key.
type ForeignJoin[K, V, FK, V2, R any] struct {
	Op           string
	Extract      func(K, V) (FK, bool)
	Join         op.Joiner[K, V, V2, R]
	Left         bool // rows without a row of the other table are joined too
	Partitioners []join.Partitioners[K, FK]
}

// JoinForeign adds the step of a foreign-key join: the rows of the left table
// subscribe to rows of the other one through a topic, and the answers come back
// through another.
func JoinForeign[K, V, FK, V2, R any](left *Rows[K, V], right *Rows[FK, V2], j ForeignJoin[K, V, FK, V2, R]) *Table[K, R] {
	b := left.B
	n := &foreignNodes[K, V, FK, V2, R]{ForeignJoin: j, b: b, left: left, right: right}
	s := &Step{Op: j.Op, Place: Place(), Parents: []*Step{left.Step, right.Step}, Number: n.number, Write: n.write}
	sameBuilder(b, right.B, s)
	b.Need(j.Op, "fk", j.Extract != nil)
	b.Need(j.Op, "f", j.Join != nil)
	left.NeedOld(true)
	right.NeedOld(true)
	left.Materialize()
	right.Materialize()
	n.key = Serde(b, left.Key, s.Place, s.Op, "keys")
	n.value = Serde(b, left.Value, s.Place, s.Op, "values")
	n.foreign = Serde(b, right.Key, s.Place, s.Op, "keys of the other table")
	n.other = Serde(b, right.Value, s.Place, s.Op, "values of the other table")
	if len(j.Partitioners) > 1 {
		b.Fail(s.Place, s.Op, "there are %d partitioners: give one at most", len(j.Partitioners))
	}
	n.answers = &Step{Op: j.Op, Place: s.Place}
	n.rows = &Rows[K, R]{
		B: b, Step: b.Add(s), Key: left.Key, Value: Same[V, R](left.Value),
		Sources: union(left.Sources, []*Step{n.answers}), GraceMillis: -1,
	}
	n.result()
	return Wrap(n.rows)
}

// foreignNodes is the nodes, topics and store of a foreign-key join.
type foreignNodes[K, V, FK, V2, R any] struct {
	ForeignJoin[K, V, FK, V2, R]
	b       *Builder
	left    *Rows[K, V]
	right   *Rows[FK, V2]
	rows    *Rows[K, R]
	key     serde.Serde[K]
	value   serde.Serde[V]
	foreign serde.Serde[FK]
	other   serde.Serde[V2]
	answers *Step // whose Out is the source of the answers

	asked, answered                        graph.Topic
	send, sendSink, sendSource             string
	store, receive, answer, update         string
	answerSink, answerSource, resolve, out string
	generated                              string
	writeResult                            func(*Step, *Writer)
}

// result makes the table of the answers, which gets a store when its rows are
// needed.
func (n *foreignNodes[K, V, FK, V2, R]) result() {
	r := n.rows
	n.writeResult = updates(r, nil, func() string { return n.generated })
	chosen, materialize := false, r.Materialize
	unnamed := r.Unnamed
	r.Unnamed = func(spec state.Spec) {
		chosen = true
		unnamed(spec)
	}
	r.Materialize = func() {
		if !chosen && r.Store == nil {
			r.Value = Serde(r.B, r.Value, r.Step.Place, r.Step.Op, "values of the result")
			unnamed(state.KeyValue("", n.key, r.Value))
		}
		materialize()
	}
	r.Generated = func() string { return n.generated }
}

func (n *foreignNodes[K, V, FK, V2, R]) number(s *Step, c *Counter) {
	const f = "KTABLE-FK-JOIN-"
	names := []struct {
		to             *string
		prefix, suffix string
	}{
		{&n.asked.Name, f + "SUBSCRIPTION-REGISTRATION-", "-subscription-registration"},
		{&n.send, f + "SUBSCRIPTION-REGISTRATION-", "-subscription-registration-processor"},
		{&n.sendSink, "KTABLE-SINK-", "-subscription-registration-sink"},
		{&n.sendSource, "KTABLE-SOURCE-", "-subscription-registration-source"},
		{&n.store, f + "SUBSCRIPTION-STATE-STORE-", "-subscription-store"},
		{&n.receive, f + "SUBSCRIPTION-PROCESSOR-", "-subscription-receive"},
		{&n.answer, f + "SUBSCRIPTION-PROCESSOR-", "-subscription-join-foreign"},
		{&n.update, f + "SUBSCRIPTION-PROCESSOR-", "-foreign-join-subscription"},
		{&n.answered.Name, f + "SUBSCRIPTION-RESPONSE-", "-subscription-response"},
		{&n.answerSink, "KTABLE-SINK-", "-subscription-response-sink"},
		{&n.answerSource, "KTABLE-SOURCE-", "-subscription-response-source"},
		{&n.resolve, f + "SUBSCRIPTION-RESPONSE-RESOLVER-PROCESSOR-", "-subscription-response-resolver"},
		{&n.out, f + "OUTPUT-", "-result"},
	}
	for _, name := range names {
		*name.to = c.Name(name.prefix)
		if s.Given != "" {
			*name.to = s.Given + name.suffix
		}
	}
	n.asked = graph.Topic{Name: n.asked.Name + "-topic", Internal: true}
	n.answered = graph.Topic{Name: n.answered.Name + "-topic", Internal: true}
	if n.rows.Store == nil || !n.rows.Named {
		n.generated = c.Store(f + "OUTPUT-")
	}
	s.Node = n.out
}

func (n *foreignNodes[K, V, FK, V2, R]) write(s *Step, w *Writer) {
	if s.Given == "" {
		n.b.RequireName(w, s, "the state of the foreign-key join")
	}
	st := &graph.Store{Name: n.store, Place: s.Place, Logged: true, InMemory: n.b.InMemory, AutoNamed: s.Given == ""}
	op.DefineSubscriptions(st, n.asked, n.foreign, n.key)
	asked := n.writeAsking(s, w)
	receive := w.Behind(s, n.receive, op.ForeignReceive[FK, K](st), asked.Out)
	w.share(st, receive)
	answer := w.Behind(s, n.answer, op.ForeignAnswer[FK, K, V2](n.right.Get), receive)
	for _, r := range n.right.GetStores() {
		w.Use(answer, r)
	}
	update := w.Behind(s, n.update, op.ForeignUpdate[FK, K, V2](st, n.right.versioned), n.right.Step.Out)
	w.share(st, update)
	n.writeAnswers(s, w, answer, update)
	resolve := w.Behind(s, n.resolve, op.ForeignResolve(op.ForeignResolveSpec[K, V, V2, R]{
		Get: n.left.Get, Value: n.value, Topic: n.asked, Left: n.Left, Join: n.Join,
	}), n.answers.Out)
	for _, l := range n.left.GetStores() {
		w.Use(resolve, l)
	}
	parents := s.Parents
	s.Parents = []*Step{{Out: resolve}}
	n.writeResult(s, w)
	s.Parents = parents
}

// writeAsking writes the way of the subscriptions and returns a step whose Out
// is their source.
func (n *foreignNodes[K, V, FK, V2, R]) writeAsking(s *Step, w *Writer) *Step {
	version := byte(1)
	if n.b.LegacyGroupFormats {
		version = 0
	}
	send := w.Behind(s, n.send, op.ForeignSend(op.ForeignSendSpec[K, V, FK]{
		Extract: n.Extract, Foreign: n.foreign, Value: n.value, Topic: n.asked, Left: n.Left, Versioned: n.left.versioned, Version: version,
	}), n.left.Step.Out)
	serde := op.Subscriptions(n.key)
	sink := op.SinkSpec[FK, op.Subscription[K]]{Topic: n.asked, Key: n.foreign, Value: serde}
	var to choice[FK, op.Subscription[K]]
	if p := n.partitioners().Foreign; p != nil {
		to = func(fk FK, _ op.Subscription[K], m *flow.Meta, count int32) (int32, bool) {
			if m.NoKey {
				return 0, false
			}
			return int32(p(fk, int(count))), true
		}
	}
	source := &Step{Out: through(s, w, n.sendSink, n.sendSource, sink, to, send)}
	w.copartition(s, union(n.right.Sources, []*Step{source}))
	return source
}

// writeAnswers writes the way of the answers.
func (n *foreignNodes[K, V, FK, V2, R]) writeAnswers(s *Step, w *Writer, parents ...*graph.Node) {
	sink := op.SinkSpec[K, op.Response[V2]]{Topic: n.answered, Key: n.key, Value: op.Responses(n.other)}
	to := func(_ K, a op.Response[V2], _ *flow.Meta, _ int32) (int32, bool) {
		return a.Partition, a.Partition >= 0
	}
	if p := n.partitioners().Left; p != nil {
		to = func(k K, _ op.Response[V2], _ *flow.Meta, count int32) (int32, bool) {
			return int32(p(k, int(count))), true
		}
	}
	n.answers.Out = through(s, w, n.answerSink, n.answerSource, sink, to, parents...)
	w.copartition(s, union(n.left.Sources, []*Step{n.answers}))
}

func (n *foreignNodes[K, V, FK, V2, R]) partitioners() (p join.Partitioners[K, FK]) {
	if len(n.Partitioners) > 0 {
		p = n.Partitioners[0]
	}
	return p
}

// choice is the one partition of a record; with ok unset the key's hash decides.
type choice[K, V any] func(k K, v V, m *flow.Meta, count int32) (to int32, ok bool)

// through writes a way through an internal topic and returns its source. to may
// be nil.
func through[K, V any](s *Step, w *Writer, sink, source string, spec op.SinkSpec[K, V], to choice[K, V], parents ...*graph.Node) *graph.Node {
	w.AddRepartition(&graph.Repartition{Name: spec.Topic.Name, Place: s.Place})
	bind := func(b *graph.Binder, n *graph.Node) (any, error) {
		spec := spec
		if to != nil {
			one := make([]int32, 1)
			spec.Partition = func(_ string, k K, v V, m *flow.Meta, count int32) (_ []int32, ok bool) {
				one[0], ok = to(k, v, m, count)
				return one, ok
			}
		}
		return op.Sink(spec)(b, n)
	}
	w.Add(&graph.Node{Name: sink, Kind: graph.SinkNode, Place: s.Place, Op: s.Op,
		Sink: &graph.Sink{Topic: spec.Topic, Partition: to != nil}, Bind: bind}, parents...)
	return w.Add(&graph.Node{Name: source, Kind: graph.SourceNode, Place: s.Place, Op: s.Op,
		Source: &graph.Source{Topics: []graph.Topic{spec.Topic}, Reset: graph.Reset{Kind: graph.ResetEarliest}},
		Bind:   op.Source(spec.Key, spec.Value, nil)})
}
