package op

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/overlay"
	"github.com/ottla-streams/ottla/serde"
)

// DefineSubscriptions makes st the store of the subscriptions that come through
// topic.
func DefineSubscriptions[FK, K any](st *graph.Store, topic graph.Topic, foreign serde.Serde[FK], key serde.Serde[K]) {
	st.Kind, st.Ordered, st.Layout = graph.KeyValueStore, true, subscriptionLayout{}
	st.Open = func(o graph.Opening) (any, error) {
		name := o.Instance.TopicName(topic)
		return &SubscriptionStore[FK, K]{
			layers: o.Layers, foreign: serde.Bind(foreign, name+"-fk", true), key: serde.Bind(key, name+"-pk", true),
			subscription: serde.Bind(Subscriptions(key), name, false),
		}, nil
	}
}

// SubscriptionStore is the subscriptions of a foreign-key join, in the order of
// their foreign keys and, for each, of their primary keys. A key is the length
// of the foreign key, the foreign and the primary key; a value is the time of
// the subscription, which the changelog has as the record's, and the
// subscription. It belongs to the task's worker goroutine.
type SubscriptionStore[FK, K any] struct {
	layers       *overlay.Store
	foreign      serde.Serde[FK]
	key          serde.Serde[K]
	subscription serde.Serde[Subscription[K]]
	kbuf         []byte
	vbuf         []byte
}

var errStop = errors.New("stop")

// prefix is what the keys of the subscriptions to fk begin with.
func (s *SubscriptionStore[FK, K]) prefix(fk FK) ([]byte, error) {
	b, err := s.foreign.AppendTo(append(s.kbuf[:0], 0, 0, 0, 0), fk)
	if err != nil {
		return nil, fmt.Errorf("foreign key: %w", err)
	}
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	s.kbuf = b
	return b, nil
}

// update keeps a subscription, or removes it.
func (s *SubscriptionStore[FK, K]) update(fk FK, v Subscription[K], m *flow.Meta) error {
	b, err := s.prefix(fk)
	if err != nil {
		return err
	}
	if b, err = s.key.AppendTo(b, v.Key); err != nil {
		return fmt.Errorf("primary key: %w", err)
	}
	s.kbuf = b
	if v.Instruction == Unsubscribe || v.Instruction == UnsubscribeAndAnswer {
		s.layers.Delete(b, m.Time, m.Headers)
		return nil
	}
	s.vbuf = binary.BigEndian.AppendUint64(s.vbuf[:0], uint64(m.Time))
	if s.vbuf, err = s.subscription.AppendTo(s.vbuf, v); err != nil {
		return err
	}
	s.layers.Put(b, s.vbuf, m.Time, m.Headers)
	return nil
}

// each calls f with the subscriptions to fk.
func (s *SubscriptionStore[FK, K]) each(fk FK, f func(v Subscription[K]) error) error {
	b, err := s.prefix(fk)
	if err != nil {
		return err
	}
	return s.scan(b, overlay.PrefixEnd(b), func(_ []byte, v Subscription[K], _ int64) error { return f(v) })
}

func (s *SubscriptionStore[FK, K]) scan(lo, hi []byte, f func(key []byte, v Subscription[K], at int64) error) error {
	var failed error
	err := s.layers.Scan(lo, hi, false, true, func(key, value []byte) bool {
		if len(value) < 8 {
			failed = errSubscription
			return false
		}
		v, err := s.subscription.Decode(value[8:])
		if err == nil {
			err = f(key, v, int64(binary.BigEndian.Uint64(value)))
		}
		failed = err
		return err == nil
	})
	if failed != nil {
		return failed
	}
	return err
}

// Dump calls yield with every subscription, in order, until it returns false. It
// is for tools that know the store but not its types.
func (s *SubscriptionStore[FK, K]) Dump(yield func(key []byte, primaryKey any, instruction, version byte, partition int32, hash []byte, at int64) bool) error {
	err := s.scan(nil, nil, func(key []byte, v Subscription[K], at int64) error {
		var sum []byte
		if v.Hash.Has {
			sum = v.Hash.Sum[:]
		}
		if !yield(bytes.Clone(key), v.Key, byte(v.Instruction), v.Version, v.Partition, sum, at) {
			return errStop
		}
		return nil
	})
	if err == errStop {
		return nil
	}
	return err
}

// subscriptionLayout is that of subscriptions. Their records in the changelog
// have the headers of what brought them.
type subscriptionLayout struct{}

func (subscriptionLayout) ToLog(r *overlay.Record, key, value []byte) {
	r.Key = key
	if value != nil {
		r.Time, r.Value = int64(binary.BigEndian.Uint64(value)), value[8:]
	}
}

func (subscriptionLayout) FromLog(r *overlay.Record) (key, value []byte, ok bool) {
	switch {
	case r.Key == nil:
		return nil, nil, false
	case r.Value == nil:
		return r.Key, nil, true
	}
	value = binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(r.Value)), uint64(r.Time))
	return r.Key, append(value, r.Value...), true
}
