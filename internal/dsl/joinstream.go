package dsl

import (
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/op"
	"github.com/ottla-streams/ottla/join"
	"github.com/ottla-streams/ottla/state"
)

// StreamJoin is a join of two streams.
type StreamJoin[K, L, R, O any] struct {
	Op      string
	Name    string // of the state
	Window  join.Window
	Join    op.Joiner[K, L, R, O]
	Left    bool // records of the left stream without a match are joined too
	Outer   bool // and those of the right one; Left is set too
	Options []state.JoinOption
}

// JoinStreams adds the steps of a join of two streams.
func JoinStreams[K, L, R, O any](left Stream[K, L], right Stream[K, R], j StreamJoin[K, L, R, O]) Stream[K, O] {
	b := left.B
	final := &Step{Op: j.Op, Place: Place(), NullKeys: j.Left}
	sameBuilder(b, right.B, final)
	b.Need(j.Op, "f", j.Join != nil)
	if p := j.Window.Problem(); p != "" {
		b.Fail(final.Place, final.Op, "%s", p)
	}
	key := left.Key
	if key == nil {
		key = right.Key
	}
	left.Key = Serde(b, key, final.Place, final.Op, "keys")
	right.Key = left.Key
	left.Value = Serde(b, left.Value, final.Place, final.Op, "values of the left stream")
	right.Value = Serde(b, right.Value, final.Place, final.Op, "values of the right stream")
	fallback := func(suffix string) string {
		if j.Name == "" {
			return ""
		}
		return j.Name + suffix
	}
	left, right = left.placed(final, "-left", fallback("-left")), right.placed(final, "-right", fallback("-right"))
	n := &joinNodes[K, L, R, O]{b: b, StreamJoin: j, stores: state.DefineJoin(final.Place, j.Options)}
	n.sources = union(left.Sources, right.Sources)
	n.define(left, right)
	final.Parents = []*Step{left.Step, right.Step}
	final.Number, final.Write = n.number, n.write
	b.Add(final)
	return Stream[K, O]{B: b, Step: final, Key: left.Key, Value: Same[L, O](left.Value), Sources: n.sources}
}

// joinNodes is the nodes and stores of a join of two streams.
type joinNodes[K, L, R, O any] struct {
	StreamJoin[K, L, R, O]
	b                   *Builder
	span                op.Span
	stores              state.JoinStores
	sources             []*Step
	keepLeft, keepRight string
	left, right, merge  string
	needsName           bool
}

func (n *joinNodes[K, L, R, O]) define(left Stream[K, L], right Stream[K, R]) {
	n.span.Before, n.span.After, n.span.Grace = n.Window.Millis()
	st := n.stores
	for _, s := range []*graph.Store{st.Left, st.Right, st.Shared} {
		s.InMemory = s.InMemory || n.b.InMemory
	}
	n.needsName = n.Name == "" && (st.Left.Name == "" || st.Right.Name == "")
	for _, s := range []*graph.Store{st.Left, st.Right} { // in memory headers are kept always, as in Kafka Streams
		s.Headers = s.Headers || n.b.Headers || s.InMemory
	}
	op.DefineJoinWindow(st.Left, n.span.Retention(), left.Key, left.Value)
	op.DefineJoinWindow(st.Right, n.span.Retention(), right.Key, right.Value)
	op.DefineJoinShared(st.Shared, left.Key, left.Value, right.Value)
}

func (n *joinNodes[K, L, R, O]) number(s *Step, c *Counter) {
	leftName, leftSuffix := "KSTREAM-JOINTHIS-", "-this-join"
	if n.Outer {
		leftName, leftSuffix = "KSTREAM-OUTERTHIS-", "-outer-this-join"
	}
	rightName, rightSuffix := "KSTREAM-JOINOTHER-", "-other-join"
	if n.Left {
		rightName, rightSuffix = "KSTREAM-OUTEROTHER-", "-outer-other-join"
	}
	n.keepLeft, n.keepRight = c.Name("KSTREAM-WINDOWED-"), c.Name("KSTREAM-WINDOWED-")
	n.left, n.right, n.merge = c.Name(leftName), c.Name(rightName), c.Name("KSTREAM-MERGE-")
	n.nameStores(leftSuffix, rightSuffix)
	if g := s.Given; g != "" {
		n.keepLeft, n.keepRight = g+"-this-windowed", g+"-other-windowed"
		n.left, n.right, n.merge = g+leftSuffix, g+rightSuffix, g+"-merge"
	}
	s.Node = n.merge
}

func (n *joinNodes[K, L, R, O]) nameStores(leftSuffix, rightSuffix string) {
	st, kind := n.stores, "-left-shared-join-store"
	if n.Outer {
		kind = "-outer-shared-join-store"
	}
	switch {
	case st.Left.Name != "":
		st.Shared.Name = st.Left.Name + kind
	case n.Name != "":
		st.Shared.Name = n.Name + kind
	default:
		st.Shared.Name, st.Shared.AutoNamed = "KSTREAM-OUTERSHARED-"+digits(n.left)+"-store", true
	}
	name := func(s *graph.Store, generated, suffix string) {
		switch {
		case s.Name != "":
		case n.Name != "":
			s.Name = n.Name + suffix + "-store"
		default:
			s.Name, s.AutoNamed = generated+"-store", true
		}
	}
	name(st.Left, n.left, leftSuffix)
	name(st.Right, n.right, rightSuffix)
}

func (n *joinNodes[K, L, R, O]) write(s *Step, w *Writer) {
	if n.needsName && !n.b.GeneratedNames {
		w.Fail(s.Place, s.Op, "the state of the join has no name: give it one, or ask the builder for generated names")
	}
	w.copartition(s, n.sources)
	if n.writeSelf(s, w) {
		return
	}
	st := n.stores
	spec := op.StreamJoinSpec[K, L, R, O]{Left: st.Left, Right: st.Right, Outer: n.Outer, Span: n.span, Join: n.Join}
	if n.Left {
		spec.Shared = st.Shared
	}
	keepLeft := w.Behind(s, n.keepLeft, op.JoinKeep[K, L](st.Left), s.Parents[0].Out)
	keepRight := w.Behind(s, n.keepRight, op.JoinKeep[K, R](st.Right), s.Parents[1].Out)
	left := w.Behind(s, n.left, op.JoinLeft(spec), keepLeft)
	right := w.Behind(s, n.right, op.JoinRight(spec), keepRight)
	s.Out = w.Behind(s, n.merge, op.Pass[K, O](), left, right)
	w.share(st.Left, keepLeft, right)
	w.share(st.Right, keepRight, left)
	if n.Left {
		w.share(st.Shared, left, right)
	}
}

// share connects nodes to a store.
func (w *Writer) share(st *graph.Store, nodes ...*graph.Node) {
	w.AddStore(st)
	for _, n := range nodes {
		w.Connect(n, st)
	}
}

// writeSelf writes the join of a stream with itself over one store, if that was
// asked for. Every record has a match, itself: so all joins are inner ones.
func (n *joinNodes[K, L, R, O]) writeSelf(s *Step, w *Writer) bool {
	j, same := any(n.Join).(op.Joiner[K, L, L, O])
	if !same || !n.b.SingleStoreSelf || s.Parents[0].Out != s.Parents[1].Out {
		return false
	}
	st := n.stores.Left
	keep := w.Behind(s, n.keepLeft, op.JoinKeep[K, L](st), s.Parents[0].Out)
	s.Out = w.Behind(s, n.merge, op.SelfJoin(op.SelfJoinSpec[K, L, O]{Window: st, Span: n.span, Join: j}), keep)
	w.share(st, keep, s.Out)
	return true
}
