package state

import (
	"context"
	"errors"
	"fmt"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/hash"
	"github.com/ottla-streams/ottla/internal/overlay"
)

// These errors are wrapped by those of queries.
var (
	// ErrNotRunning is that of an app that has not been started or has stopped.
	ErrNotRunning = errors.New("app is not running")

	// ErrNotReady is that of a partition that is being moved or restored. It
	// passes by itself.
	ErrNotReady = errors.New("store is not ready: its task is being moved or restored")

	// ErrNoStore is that of a store that the topology does not have.
	ErrNoStore = errors.New("topology has no such store")

	// ErrNotUpTo is that of a partition that is not as far as [UpTo] demands.
	ErrNotUpTo = errors.New("store is not up to the position asked for")

	// ErrMoved ends a range read whose partition went to another instance, or
	// whose app stopped.
	ErrMoved = overlay.ErrGone
)

// NotLocalError says that another instance has the partition of a store.
type NotLocalError struct {
	Store     string
	Partition int32
	// Host is where the owner answers queries: its Config.Advertise, empty if it
	// has none or is not known.
	Host string
	// Standbys are where its copies answer.
	Standbys []string
}

func (e *NotLocalError) Error() string {
	s := fmt.Sprintf("store %s: partition %d is not on this instance", e.Store, e.Partition)
	if e.Host != "" {
		s += " but on " + e.Host
	}
	return s
}

// Queryable is the handle of a store that can be queried. V is what its queries
// are made with, such as a [KeyValueView].
type Queryable[V any] interface {
	Spec
	// View returns the queries over a source, for apps.
	View(src graph.Queries, opts ...QueryOption) V
}

// QueryOption changes what a query reads.
type QueryOption func(*queryOptions)

type queryOptions struct {
	partition int32 // -1: all, or that of the key
	choose    func(key []byte, partitions int32) int32
	copies    bool
	lag       int64
	bound     Position
}

// InPartition reads one partition only. The default is that of the key, or all
// for reads of several keys.
func InPartition(p int32) QueryOption { return func(o *queryOptions) { o.partition = p } }

// PartitionedBy says in which partition an encoded key is. The default is the
// partition of Kafka's own clients, a hash of the key.
func PartitionedBy(f func(key []byte, partitions int32) int32) QueryOption {
	return func(o *queryOptions) { o.choose = f }
}

// Stale also reads standbys and stores that are being restored, if they are
// behind their changelog by no more than lag records; a negative lag is any. The
// default is the active task only.
func Stale(lag int64) QueryOption {
	return func(o *queryOptions) { o.copies, o.lag = true, lag }
}

// UpTo refuses with [ErrNotUpTo] to read a partition that is not as far as bound
// yet. Only the offsets of the same partition number count, and only those of
// topics that the store's sub-topology reads make sense. The default is any
// position. (KIP-796)
func UpTo(bound Position) QueryOption { return func(o *queryOptions) { o.bound = bound } }

// Answer is what one partition answered.
type Answer[R any] struct {
	Partition int32
	Value     R
	// Position is how far the inputs were processed of which the value is. It is
	// nil of a copy.
	Position Position
	// Copy says that a standby answered, or a store that is being restored; Lag is
	// how many changelog records it was behind.
	Copy bool
	Lag  int64
	// Err is why there is no value: [ErrNotReady], a [*NotLocalError] and so on.
	Err error
}

// view is what all queries share. S is the typed store.
type view[S any] struct {
	name string
	src  graph.Queries
	o    queryOptions
}

func newView[S any](name string, src graph.Queries, opts []QueryOption) view[S] {
	v := view[S]{name: name, src: src, o: queryOptions{partition: -1}}
	for _, o := range opts {
		o(&v.o)
	}
	return v
}

// open opens a partition. The reading has to be released.
func (v *view[S]) open(ctx context.Context, partition int32) (s S, r *graph.Reading, err error) {
	r, err = v.src.Open(ctx, partition, v.o.copies, v.o.lag)
	if err != nil {
		return s, nil, err
	}
	if v.o.bound != nil && !v.o.bound.reaches(partition, r.Position) {
		r.Release()
		return s, nil, fmt.Errorf("store %s: partition %d: %w", v.name, partition, ErrNotUpTo)
	}
	typed, err := r.Typed()
	if err == nil {
		var ok bool
		if s, ok = typed.(S); ok {
			return s, r, nil
		}
		err = fmt.Errorf("the topology has it as %T, not as %T", typed, s)
	}
	r.Release()
	return s, nil, fmt.Errorf("store %s: %w", v.name, err)
}

// at reads the partition that key belongs to.
func (v *view[S]) at(ctx context.Context, key []byte, keyErr error, read func(S) error) error {
	if keyErr != nil {
		return fmt.Errorf("store %s: key: %w", v.name, keyErr)
	}
	p, err := v.partitionOf(ctx, key)
	if err != nil {
		return err
	}
	s, r, err := v.open(ctx, p)
	if err != nil {
		return err
	}
	defer r.Release()
	if err := read(s); err != nil {
		return fmt.Errorf("store %s: %w", v.name, err)
	}
	return nil
}

func (v *view[S]) partitionOf(ctx context.Context, key []byte) (int32, error) {
	if v.o.partition >= 0 {
		return v.o.partition, nil
	}
	n, err := v.src.Partitions(ctx)
	if err != nil {
		return 0, err
	}
	return v.o.partitionOf(key, n), nil
}

func (o *queryOptions) partitionOf(key []byte, n int32) int32 {
	switch {
	case o.partition >= 0:
		return o.partition
	case o.choose != nil:
		return o.choose(key, n)
	}
	return (hash.Murmur2(key) & 0x7fffffff) % n
}

// ChoosePartition returns the partition in which a query with options looks for
// an encoded key, among n: as Kafka's clients choose it, if the options don't
// say. n has to be positive.
func ChoosePartition(key []byte, n int32, opts ...QueryOption) int32 {
	o := queryOptions{partition: -1}
	for _, f := range opts {
		f(&o)
	}
	return o.partitionOf(key, n)
}

// each calls read with the local partitions one after the other, until it
// returns false.
func (v *view[S]) each(ctx context.Context, reverse bool, read func(S) bool) error {
	partitions := []int32{v.o.partition}
	if v.o.partition < 0 {
		var err error
		if partitions, err = v.src.Local(ctx, v.o.copies); err != nil {
			return err
		}
	}
	for i := range partitions {
		p := partitions[i]
		if reverse {
			p = partitions[len(partitions)-1-i]
		}
		s, r, err := v.open(ctx, p)
		if err != nil {
			return err
		}
		more := read(s)
		r.Release()
		if !more {
			break
		}
	}
	return nil
}

// ask asks each partition by itself.
func ask[S, R any](ctx context.Context, v *view[S], question func(S) (R, error)) []Answer[R] {
	var answers []Answer[R]
	first, n := v.o.partition, v.o.partition+1
	if first < 0 {
		var err error
		if n, err = v.src.Partitions(ctx); err != nil {
			return []Answer[R]{{Partition: -1, Err: err}}
		}
		first = 0
	}
	for p := first; p < n; p++ {
		answers = append(answers, askOne(ctx, v, p, question))
	}
	return answers
}

func askOne[S, R any](ctx context.Context, v *view[S], p int32, question func(S) (R, error)) Answer[R] {
	a := Answer[R]{Partition: p}
	s, r, err := v.open(ctx, p)
	if err != nil {
		a.Err = err
		return a
	}
	defer r.Release()
	if r.Position != nil {
		a.Position = positionOf(p, r.Position)
	}
	a.Copy, a.Lag = r.Copy, r.Lag
	if a.Value, err = question(s); err != nil {
		a.Err = fmt.Errorf("store %s: %w", v.name, err)
	}
	return a
}
