package dsl

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/op"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/topology"
)

// Options are a builder's settings.
type Options struct {
	GeneratedNames bool // stores and internal topics may go without a name
	Caching        bool // tables are cached unless their handles say otherwise
	InMemory       bool // stores without a choice of their own are kept in memory
	Headers        bool // stores keep record headers

	MergeRepartitions  bool
	ReuseSourceTopics  bool
	SingleStoreSelf    bool
	LegacyGroupFormats bool // repartition records as before KIP-904

	Wrap topology.Wrapper // of all processors, nil for none
}

// Builder collects steps. It is not safe for concurrent use.
type Builder struct {
	Options
	steps    []*Step
	specs    map[state.Spec]*graph.Store
	owners   map[*graph.Store]*Step
	serdes   map[reflect.Type]any
	sources  map[string]*Step
	rekeyed  map[*Step]*Step // the last repartition in front of a join, by the step behind which it comes
	mistakes []graph.Mistake
	late     []func(w *Writer)
	numbered []func()

	finished bool // Topology was called: it gives the same result again
	result   *topology.Topology
	problem  error
	nodes    *topology.Builder // of nodes by hand, nil for none
}

// NewBuilder returns an empty Builder.
func NewBuilder(o Options) *Builder {
	return &Builder{
		Options: o, specs: make(map[state.Spec]*graph.Store), owners: make(map[*graph.Store]*Step),
		serdes: make(map[reflect.Type]any), sources: make(map[string]*Step),
		rekeyed: make(map[*Step]*Step),
	}
}

// Fail notes a mistake.
func (b *Builder) Fail(place, op, format string, args ...any) {
	b.mistakes = append(b.mistakes, graph.Mistake{Place: place, Op: op, Text: fmt.Sprintf(format, args...)})
}

// Need notes the mistake of a function that was not given to an operator.
func (b *Builder) Need(op, name string, given bool) {
	if !given {
		b.Fail(Place(), op, "the function %s is nil: give the operator one", name)
	}
}

// Add adds a step. Its Place is the user's call.
func (b *Builder) Add(s *Step) *Step {
	if s.Place == "" {
		s.Place = Place()
	}
	for _, p := range s.Parents {
		p.Children = append(p.Children, s)
	}
	b.steps = append(b.steps, s)
	return s
}

// Processor adds a step of one processor node with one number.
func (b *Builder) Processor(name, prefix string, bind op.Bind, parents ...*Step) *Step {
	return b.Add(&Step{Op: name, Prefix: prefix, Parents: parents, Write: func(s *Step, w *Writer) {
		w.Processor(s, s.Node, bind)
	}})
}

// Later registers what is written behind all steps.
func (b *Builder) Later(f func(w *Writer)) { b.late = append(b.late, f) }

// WhenNumbered registers what runs between numbering and writing.
func (b *Builder) WhenNumbered(f func()) { b.numbered = append(b.numbered, f) }

// Own returns the store of a handle that step s keeps up to date. A store has
// one owner.
func (b *Builder) Own(spec state.Spec, s *Step) *graph.Store {
	st := b.Use(spec)
	if o := b.owners[st]; o != nil {
		b.Fail(s.Place, s.Op, "store %q is kept by %s at %s already", st.Name, o.Op, o.Place)
	}
	b.owners[st] = s
	b.cached(st)
	st.AutoNamed = st.Name == ""
	if st.AutoNamed && !b.GeneratedNames {
		b.Fail(s.Place, s.Op, "the store has no name: give its handle one, or ask the builder for generated names")
	}
	return st
}

// cached settles whether a table's store is cached, and logs headers. Versions
// are never cached: each of them counts. Deletes from stores in memory are logged
// without headers, as in Kafka Streams.
func (b *Builder) cached(st *graph.Store) {
	if !st.CacheChosen {
		st.Cached = b.Caching
	}
	st.Cached = st.Cached && st.Kind != graph.VersionedStore
	st.DeleteHeaders = st.DeleteHeaders || b.Headers && !st.InMemory
}

// RequireName notes the mistake of a step without a name, unless the builder
// may generate names. what is what would get its name from it.
func (b *Builder) RequireName(w *Writer, s *Step, what string) {
	if !b.GeneratedNames {
		w.Fail(s.Place, s.Op, "%s has no name: name it with Named, or ask the builder for generated names", what)
	}
}

// Use returns the store of a handle.
func (b *Builder) Use(spec state.Spec) *graph.Store {
	st := b.specs[spec]
	if st == nil {
		st = spec.Define()
		st.InMemory = st.InMemory || b.InMemory && st.Kind != graph.VersionedStore
		b.specs[spec] = st
	}
	return st
}

// Topology numbers, optimises and writes the steps.
func (b *Builder) Topology() (*topology.Topology, error) {
	if !b.finished {
		b.finished = true
		b.result, b.problem = b.topology()
	}
	return b.result, b.problem
}

func (b *Builder) topology() (*topology.Topology, error) {
	w := &Writer{Builder: graph.NewBuilder(), b: b}
	for _, m := range b.mistakes {
		w.Fail(m.Place, m.Op, "%s", m.Text)
	}
	var c Counter
	for _, s := range b.steps {
		if s.Number != nil {
			s.Number(s, &c)
		} else {
			s.Node = c.Or(s.Given, s.Prefix)
		}
	}
	for _, f := range b.numbered {
		f()
	}
	steps := slices.Clone(b.steps)
	if b.MergeRepartitions {
		steps = mergeRepartitions(steps, &c)
	}
	keepNulls(steps)
	for _, s := range steps {
		if s.Write != nil {
			s.Write(s, w)
		}
	}
	for _, f := range b.late {
		f(w)
	}
	topology.WrapNodes(w.Builder, b.Wrap, b.Use)
	return topology.Build(w.Builder)
}

// Register remembers a serde for values of its type.
func Register[T any](b *Builder, s serde.Serde[T]) {
	t := reflect.TypeFor[T]()
	if _, ok := b.serdes[t]; !ok && s != nil {
		b.serdes[t] = s
	}
}

// Serde returns the serde for T: the one at hand, else one that was registered
// or is that of a topic read, else the built-in one. Without any it notes a mistake.
func Serde[T any](b *Builder, s serde.Serde[T], place, op, what string) serde.Serde[T] {
	if s != nil {
		return s
	}
	if r, ok := b.serdes[reflect.TypeFor[T]()]; ok {
		return r.(serde.Serde[T])
	}
	if r, ok := serde.For[T](); ok {
		return r
	}
	b.Fail(place, op, "no serde for %s of type %s: set one with Serdes, or register one with the builder", what, reflect.TypeFor[T]())
	return nil
}

// Same returns s if it is a serde of T2 too, else nil: what an operator that
// may change the type knows of the new one's serde.
func Same[T, T2 any](s serde.Serde[T]) serde.Serde[T2] {
	same, _ := any(s).(serde.Serde[T2])
	return same
}
