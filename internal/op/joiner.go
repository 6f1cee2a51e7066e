package op

import (
	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/join"
)

// Joiner makes a result of the two sides of a join. A side that is not there
// reaches the user as a zero value, whatever is given. That of a nil function is nil.
type Joiner[K, L, R, O any] func(k K, l L, hasLeft bool, r R, hasRight bool) O

// InnerJoiner is the Joiner of a function of an inner join.
func InnerJoiner[K, L, R, O any](f func(L, R) O) Joiner[K, L, R, O] {
	if f == nil {
		return nil
	}
	return func(_ K, l L, _ bool, r R, _ bool) O { return f(l, r) }
}

// InnerJoinerWithKey is InnerJoiner with the key.
func InnerJoinerWithKey[K, L, R, O any](f func(K, L, R) O) Joiner[K, L, R, O] {
	if f == nil {
		return nil
	}
	return func(k K, l L, _ bool, r R, _ bool) O { return f(k, l, r) }
}

// LeftJoiner is the Joiner of a function of a left join.
func LeftJoiner[K, L, R, O any](f func(l L, match R, ok bool) O) Joiner[K, L, R, O] {
	if f == nil {
		return nil
	}
	return func(_ K, l L, _ bool, r R, hasRight bool) O { return f(l, there(r, hasRight), hasRight) }
}

// LeftJoinerWithKey is LeftJoiner with the key.
func LeftJoinerWithKey[K, L, R, O any](f func(k K, l L, match R, ok bool) O) Joiner[K, L, R, O] {
	if f == nil {
		return nil
	}
	return func(k K, l L, _ bool, r R, hasRight bool) O { return f(k, l, there(r, hasRight), hasRight) }
}

// OuterJoiner is the Joiner of a function of an outer join.
func OuterJoiner[K, L, R, O any](f func(join.Pair[L, R]) O) Joiner[K, L, R, O] {
	if f == nil {
		return nil
	}
	return func(_ K, l L, hasLeft bool, r R, hasRight bool) O {
		return f(pair(l, hasLeft, r, hasRight))
	}
}

// OuterJoinerWithKey is OuterJoiner with the key.
func OuterJoinerWithKey[K, L, R, O any](f func(K, join.Pair[L, R]) O) Joiner[K, L, R, O] {
	if f == nil {
		return nil
	}
	return func(k K, l L, hasLeft bool, r R, hasRight bool) O {
		return f(k, pair(l, hasLeft, r, hasRight))
	}
}

func pair[L, R any](l L, hasLeft bool, r R, hasRight bool) join.Pair[L, R] {
	return join.Pair[L, R]{Left: there(l, hasLeft), Right: there(r, hasRight), HasLeft: hasLeft, HasRight: hasRight}
}

func there[T any](v T, has bool) T {
	if !has {
		var none T
		return none
	}
	return v
}

// Reversed is j seen from the right side.
func (j Joiner[K, L, R, O]) Reversed() Joiner[K, R, L, O] {
	return func(k K, r R, hasRight bool, l L, hasLeft bool) O { return j(k, l, hasLeft, r, hasRight) }
}

// joined sends the results of a join node to its children.
type joined[K, O any] struct {
	id    int32
	next  flow.Next[K, O]
	nulls flow.Nulls[O]
}

// send sends a result at a time; the record in work stays as it is.
func (j *joined[K, O]) send(k K, o O, at int64, m *flow.Meta) error {
	time, null := m.Time, m.NoValue
	m.Time, m.NoValue = at, j.nulls.Is(&o)
	err := j.next(k, o, m)
	m.Time, m.NoValue = time, null
	return err
}
