package op

import (
	"bytes"
	"fmt"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/serde"
)

// ForeignSendSpec is the left table of a foreign-key join.
type ForeignSendSpec[K, V, FK any] struct {
	Extract   func(k K, v V) (fk FK, ok bool)
	Foreign   serde.Serde[FK]
	Value     serde.Serde[V]
	Topic     graph.Topic // of the subscriptions
	Left      bool        // rows without a foreign key, or one of the other table, are joined too
	Versioned func() bool // updates that are not the latest of their key are dropped
	Version   byte        // of the subscriptions
}

// ForeignSend turns the updates of the left table into subscriptions, with the
// foreign key as the key.
func ForeignSend[K, V, FK any](spec ForeignSendSpec[K, V, FK]) Bind {
	return func(b *graph.Binder, n *graph.Node) (any, error) {
		next, err := graph.Children[FK, Subscription[K]](b, n)
		if err != nil {
			return nil, err
		}
		topic := b.Instance.TopicName(spec.Topic)
		s := &foreignSend[K, V, FK]{
			ForeignSendSpec: spec, in: b.Instance, node: n, next: next, versioned: spec.Versioned(),
			foreign: serde.Bind(spec.Foreign, topic+"-fk", true), value: serde.Bind(spec.Value, topic+"-vh", false),
			partition: b.Instance.ID().Partition, nulls: flow.NullsOf[FK](),
		}
		return flow.Next[K, flow.Change[V]](func(k K, c flow.Change[V], m *flow.Meta) error {
			noKey, noValue := m.NoKey, m.NoValue
			err := s.process(k, c, m)
			m.NoKey, m.NoValue = noKey, noValue
			return err
		}), nil
	}
}

type foreignSend[K, V, FK any] struct {
	ForeignSendSpec[K, V, FK]
	in        graph.Instance
	node      *graph.Node
	next      flow.Next[FK, Subscription[K]]
	foreign   serde.Serde[FK]
	value     serde.Serde[V]
	partition int32
	versioned bool
	nulls     flow.Nulls[FK]
	oldBuf    []byte
	newBuf    []byte
}

func (s *foreignSend[K, V, FK]) process(k K, c flow.Change[V], m *flow.Meta) error {
	switch {
	case m.NoKey:
		s.in.Dropped(s.node, "null key")
		return nil
	case s.versioned && c.Late:
		s.in.Dropped(s.node, "out-of-order update of a versioned table")
		return nil
	case !c.HasOld && !c.HasNew:
		return nil
	}
	m.Node = int32(s.node.ID)
	old, hasOld := s.extract(k, c.Old, c.HasOld)
	fresh, hasNew := s.extract(k, c.New, c.HasNew)
	changed, err := s.changed(old, hasOld, fresh, hasNew)
	if err != nil {
		return err
	}
	out := Subscription[K]{Key: k, Partition: s.partition, Version: s.Version}
	if c.HasNew {
		if s.newBuf, err = s.value.AppendTo(s.newBuf[:0], c.New); err != nil {
			return fmt.Errorf("value: %w", err)
		}
		out.Hash = hashOf(s.newBuf)
	}
	m.NoValue = false
	send := func(fk FK, has bool, i Instruction) error {
		out.Instruction, m.NoKey = i, !has
		return s.next(fk, out, m)
	}
	if s.Left {
		if hasOld && changed {
			if err := send(old, true, Unsubscribe); err != nil {
				return err
			}
		}
		return send(fresh, hasNew, SubscribeAndAnswer)
	}
	if c.HasNew && !hasNew {
		s.in.Dropped(s.node, "null foreign key")
	}
	return inner(old, hasOld, fresh, hasNew, changed, send)
}

// inner sends the subscriptions of an inner join, which has nothing to do with
// rows without a foreign key.
func inner[FK any](old FK, hasOld bool, fresh FK, hasNew, changed bool, send func(FK, bool, Instruction) error) error {
	switch {
	case hasOld && !hasNew:
		return send(old, true, UnsubscribeAndAnswer)
	case !hasNew:
		return nil
	case !hasOld || !changed:
		return send(fresh, true, Subscribe)
	}
	if err := send(old, true, Unsubscribe); err != nil {
		return err
	}
	return send(fresh, true, SubscribeAndAnswer)
}

func (s *foreignSend[K, V, FK]) extract(k K, v V, has bool) (fk FK, ok bool) {
	if has {
		fk, ok = s.Extract(k, v)
		ok = ok && !s.nulls.Is(&fk)
	}
	return fk, ok
}

func (s *foreignSend[K, V, FK]) changed(old FK, hasOld bool, fresh FK, hasNew bool) (_ bool, err error) {
	if !hasOld || !hasNew {
		return hasOld != hasNew, nil
	}
	if s.oldBuf, err = s.foreign.AppendTo(s.oldBuf[:0], old); err != nil {
		return false, fmt.Errorf("foreign key: %w", err)
	}
	if s.newBuf, err = s.foreign.AppendTo(s.newBuf[:0], fresh); err != nil {
		return false, fmt.Errorf("foreign key: %w", err)
	}
	return !bytes.Equal(s.oldBuf, s.newBuf), nil
}
