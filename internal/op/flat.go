package op

import (
	"iter"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
)

// A range loop over a function makes its body a new closure for each record. The
// operators here have one body for all records of a task, and keep in a pass what
// a loop would keep.
type pass struct {
	m    *flow.Meta
	node int32
	err  error
	open bool
}

func (p *pass) begin(m *flow.Meta) {
	p.m, p.err, p.open = m, nil, true
	m.Node = p.node
}

// check holds a sequence to the rules of the language.
func (p *pass) check() {
	if !p.open {
		panic("the sequence goes on after its loop has ended")
	}
}

// next notes what became of an element, and says whether there may be another.
func (p *pass) next(err error) bool {
	if err != nil {
		p.err, p.open = err, false
		return false
	}
	p.m.Node = p.node
	return true
}

func (p *pass) end() error {
	p.m, p.open = nil, false
	return p.err
}

// FlatMapValues maps a value to any number of values. It allocates what the
// sequence allocates.
func FlatMapValues[K, V, V2 any](f func(K, V) iter.Seq[V2]) Bind {
	return unary(func(n *graph.Node, next flow.Next[K, V2]) flow.Next[K, V] {
		in, out := flow.NullsOf[V](), flow.NullsOf[V2]()
		p := &pass{node: int32(n.ID)}
		var key, none K
		body := func(v2 V2) bool {
			p.check()
			p.m.NoValue = out.Is(&v2)
			return p.next(next(key, v2, p.m))
		}
		return func(k K, v V, m *flow.Meta) error {
			null := m.NoValue
			if null && !in.Possible() {
				var none V2
				return next(k, none, m)
			}
			p.begin(m)
			key = k
			f(k, v)(body)
			key = none
			if err := p.end(); err != nil {
				return err
			}
			m.NoValue = null
			return nil
		}
	})
}

// FlatMap maps a record to any number of records. It allocates as FlatMapValues.
func FlatMap[K, V, K2, V2 any](f func(K, V) iter.Seq2[K2, V2]) Bind {
	return unary(func(n *graph.Node, next flow.Next[K2, V2]) flow.Next[K, V] {
		in, kn, vn := flow.NullsOf[V](), flow.NullsOf[K2](), flow.NullsOf[V2]()
		p := &pass{node: int32(n.ID)}
		null := false // the value of the record
		body := func(k2 K2, v2 V2) bool {
			p.check()
			p.m.NoKey = kn.Is(&k2)
			p.m.NoValue = vn.Is(&v2) || null && !in.Possible()
			return p.next(next(k2, v2, p.m))
		}
		return func(k K, v V, m *flow.Meta) error {
			noKey, noValue := m.NoKey, m.NoValue
			p.begin(m)
			null = noValue
			f(k, v)(body)
			if err := p.end(); err != nil {
				return err
			}
			m.NoKey, m.NoValue = noKey, noValue
			return nil
		}
	})
}
