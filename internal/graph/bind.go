package graph

import (
	"errors"
	"fmt"

	"github.com/ottla-streams/ottla/internal/flow"
)

// Head is a source node's end of one input partition: it holds the record at
// the head of the partition's queue.
type Head interface {
	// Stamp returns the timestamp of the record o, by which it is ordered.
	// partitionTime is the highest one of its partition so far, -1 for none.
	// A [SkipRecord] error leaves the record out.
	Stamp(o *flow.Origin, partitionTime int64) (int64, error)

	// OwnTime says that Stamp runs no code of the user: it returns the record's
	// own timestamp, or an error if that is negative.
	OwnTime() bool

	// Process sends the record that was stamped last into the topology. m is
	// the task's own and has time, headers and origin set.
	Process(o *flow.Origin, m *flow.Meta) error
}

// SkipRecord is returned by Stamp for a record that is to be left out.
type SkipRecord struct{ Why string }

func (s *SkipRecord) Error() string { return s.Why }

// DecodeError says that an input record's key or value does not decode.
type DecodeError struct {
	Node *Node
	Part string // "key" or "value"
	Err  error
}

func (e *DecodeError) Error() string { return e.Part + ": " + e.Err.Error() }
func (e *DecodeError) Unwrap() error { return e.Err }

// Binder binds the nodes of one sub-topology to typed closures for one task.
type Binder struct {
	Instance Instance
	bound    map[*Node]any
	stores   map[*Store]any
	starters []func() error
	closers  []func() error
	arounds  map[*Node]Around
	shared   map[*Store]any
}

// NewBinder returns a Binder for a task.
func NewBinder(in Instance) *Binder {
	return &Binder{Instance: in, bound: make(map[*Node]any), stores: make(map[*Store]any), arounds: make(map[*Node]Around),
		shared: make(map[*Store]any)}
}

// Shared returns what the nodes that keep store s have in common in this task,
// made at the first call.
func (b *Binder) Shared(s *Store, make func() any) any {
	v, ok := b.shared[s]
	if !ok {
		v = make()
		b.shared[s] = v
	}
	return v
}

// Bind binds node n, and before it all that follows it.
func (b *Binder) Bind(n *Node) (any, error) {
	if v, ok := b.bound[n]; ok {
		return v, nil
	}
	v, err := n.Bind(b, n)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", n.Place, n.Name, err)
	}
	b.bound[n] = v
	return v, nil
}

// Store returns the typed store of s for the task, opened at the first call.
func (b *Binder) Store(s *Store) (any, error) {
	if v, ok := b.stores[s]; ok {
		return v, nil
	}
	if s.Global {
		v, err := b.Instance.GlobalStore(s)
		if err == nil {
			b.stores[s] = v
		}
		return v, err
	}
	layers, err := b.Instance.Layers(s)
	if err != nil {
		return nil, fmt.Errorf("store %s: %w", s.Name, err)
	}
	o := Opening{Store: s, Instance: b.Instance, Layers: layers, Changelog: Changelog(b.Instance, s)}
	if s.TTLMillis > 0 {
		o.Index = b.Instance.Index(s)
	}
	v, err := s.Open(o)
	if err != nil {
		return nil, fmt.Errorf("store %s: %w", s.Name, err)
	}
	b.stores[s] = v
	return v, nil
}

// Changelog is the full name of the changelog topic of s.
func Changelog(in Instance, s *Store) string {
	if s.SourceTopic != nil {
		return in.TopicName(*s.SourceTopic)
	}
	return in.TopicName(Topic{Name: s.Name + "-changelog", Internal: true})
}

// OnStart registers what runs when the stores are restored, before the first record.
func (b *Binder) OnStart(f func() error) { b.starters = append(b.starters, f) }

// Starters returns what was registered with OnStart.
func (b *Binder) Starters() []func() error { return b.starters }

// OnClose registers what happens when the task closes.
func (b *Binder) OnClose(f func() error) { b.closers = append(b.closers, f) }

// Close runs what was registered with OnClose, the last one first.
func (b *Binder) Close() error {
	var errs []error
	for i := len(b.closers) - 1; i >= 0; i-- {
		errs = append(errs, b.closers[i]())
	}
	b.closers = nil
	return errors.Join(errs...)
}

// Children binds the children of n and returns the edge to all of them.
func Children[K, V any](b *Binder, n *Node) (flow.Next[K, V], error) {
	next := make([]flow.Next[K, V], 0, len(n.Children))
	for _, c := range n.Children {
		f, err := Child[K, V](b, n, c)
		if err != nil {
			return nil, err
		}
		next = append(next, f)
	}
	return flow.Fan(next), nil
}

// Child binds one child of n and returns the edge to it.
func Child[K, V any](b *Binder, n, child *Node) (flow.Next[K, V], error) {
	v, err := b.Bind(child)
	if err != nil {
		return nil, err
	}
	f, ok := v.(flow.Next[K, V])
	for i := 0; !ok && i < len(n.Adapters); i++ {
		f, ok = n.Adapters[i](v).(flow.Next[K, V])
	}
	if !ok {
		var want flow.Next[K, V]
		return nil, fmt.Errorf("node %s takes %T, but %s sends %T", child.Name, v, n.Name, want)
	}
	if f, err = watch(b, child, f); err != nil {
		return nil, err
	}
	return Guard(b.Instance, child, f), nil
}

// Guard catches errors and panics of user code in node n where the policy goes
// on behind them. Without such a policy f stays as it is, and the task catches
// panics for a whole batch.
func Guard[K, V any](in Instance, n *Node, f flow.Next[K, V]) flow.Next[K, V] {
	if !in.Guarded() {
		return f
	}
	return func(k K, v V, m *flow.Meta) (err error) {
		saved := *m
		defer func() {
			if r := recover(); r != nil {
				err = Recovered(r)
			}
			if err == nil {
				return
			}
			*m = saved
			var judged *Judged
			if !errors.As(err, &judged) {
				err = in.Failed(n, m, err)
			}
		}()
		return f(k, v, m)
	}
}
