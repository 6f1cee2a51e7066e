package topology

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
)

var (
	errOutside = errors.New("record forwarded outside Process and punctuations")
	errNoKey   = errors.New("record forwarded outside Process: a ValueProcessor has no key there, use a Processor")
	errGlobal  = errors.New("record forwarded by the processor of a global store, which nothing can follow")
)

// Forward sends a record to all children, in the order in which they were
// added, and returns when they are done with it. A zero Time stands for that of
// the record in work or of the punctuation; a time before 1970 is an error.
// Headers are those of r: none unless r comes from the record in work or they
// are set. The Origin of r is not looked at.
//
// An error ends the processing of the record in work, also if Process keeps it
// to itself.
func (c *Context[K, V]) Forward(r Record[K, V]) error { return c.out.send(&c.scope, c.out.all, &r) }

// ForwardTo is Forward to the one child of a name. There has to be one.
func (c *Context[K, V]) ForwardTo(child string, r Record[K, V]) error {
	next, err := c.out.find(&c.scope, child)
	if err != nil {
		return err
	}
	return c.out.send(&c.scope, next, &r)
}

// Forward sends a value with the key, time and headers of the record in work.
// A nil value of a type that can be nil is a null. In a punctuation there is no
// record in work, so it is an error; also see [Context.Forward].
func (c *ValueContext[K, V]) Forward(v V) error {
	m := c.meta
	if m == nil || !c.keyed {
		return c.fail(errNoKey)
	}
	null := m.NoValue
	m.NoValue = c.out.values.Is(&v)
	err := c.out.all(c.key, v, m)
	m.NoValue = null
	return c.sent(m, err)
}

// ForwardRecord is Forward with another time and other headers, or a null. The
// Key and NoKey of r are not looked at: the key stays.
func (c *ValueContext[K, V]) ForwardRecord(r Record[K, V]) error { return c.send(c.out.all, &r) }

// ForwardTo is ForwardRecord to the one child of a name. There has to be one.
func (c *ValueContext[K, V]) ForwardTo(child string, r Record[K, V]) error {
	next, err := c.out.find(&c.scope, child)
	if err != nil {
		return err
	}
	return c.send(next, &r)
}

func (c *ValueContext[K, V]) send(next flow.Next[K, V], r *Record[K, V]) error {
	if c.meta == nil || !c.keyed {
		return c.fail(errNoKey)
	}
	r.Key, r.NoKey = c.key, c.meta.NoKey
	return c.out.send(&c.scope, next, r)
}

// outlet is a node's edges to its children.
type outlet[K, V any] struct {
	all      flow.Next[K, V]
	children []child[K, V]
	keys     flow.Nulls[K]
	values   flow.Nulls[V]
}

type child[K, V any] struct {
	name string
	next flow.Next[K, V]
}

func (o *outlet[K, V]) bind(b *graph.Binder, n *graph.Node, global bool) error {
	o.keys, o.values = flow.NullsOf[K](), flow.NullsOf[V]()
	next := make([]flow.Next[K, V], len(n.Children))
	for i, c := range n.Children {
		f, err := graph.Child[K, V](b, n, c)
		if err != nil {
			return err
		}
		next[i] = f
		o.children = append(o.children, child[K, V]{c.Name, f})
	}
	o.all = flow.Fan(next)
	if global {
		o.all = func(K, V, *flow.Meta) error { return errGlobal }
	}
	return nil
}

func (o *outlet[K, V]) find(s *scope, name string) (flow.Next[K, V], error) {
	for i := range o.children {
		if o.children[i].name == name {
			return o.children[i].next, nil
		}
	}
	names := make([]string, len(o.children))
	for i, c := range o.children {
		names[i] = c.name
	}
	has := "none"
	if len(names) > 0 {
		has = strings.Join(names, ", ")
	}
	return nil, s.failf("child %q: not a child of node %s, which has %s", name, s.node.Name, has)
}

// send sends r in the Meta of the record in work, which it restores.
func (o *outlet[K, V]) send(s *scope, next flow.Next[K, V], r *Record[K, V]) error {
	m := s.meta
	if m == nil {
		return s.fail(errOutside)
	}
	at := m.Time
	if !r.Time.IsZero() {
		at = r.Time.UnixMilli()
		if at < 0 {
			return s.fail(fmt.Errorf("record time %s is before 1970", r.Time.UTC().Format("2006-01-02T15:04:05.000Z07:00")))
		}
	}
	k, v := r.Key, r.Value
	noKey := o.keys.Is(&k) || r.NoKey && !o.keys.Possible()
	noValue := o.values.Is(&v) || r.NoValue && !o.values.Possible()
	if noKey {
		var none K
		k = none
	}
	if noValue {
		var none V
		v = none
	}
	saved := *m
	m.Time, m.Headers, m.NoKey, m.NoValue = at, r.Headers, noKey, noValue
	err := next(k, v, m)
	m.Time, m.Headers, m.NoKey, m.NoValue = saved.Time, saved.Headers, saved.NoKey, saved.NoValue
	return s.sent(m, err)
}

// sent ends a Forward. After an error m goes on to tell which node it is of.
func (s *scope) sent(m *flow.Meta, err error) error {
	if err != nil {
		return s.fail(err)
	}
	m.Node = int32(s.node.ID)
	return nil
}
