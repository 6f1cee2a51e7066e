package state

import (
	"github.com/ottla-streams/ottla/internal/graph"
)

// JoinOption changes how a join of two streams keeps its records. Each [Option]
// is one that applies to all stores of the join; [InMemory], [NoChangelog],
// [ChangelogConfig] and [WithHeaders] make sense there.
type JoinOption interface{ joinOption(*joinOptions) }

type joinOptions struct {
	all   []Option
	left  *windowOption
	right *windowOption
}

func (o Option) joinOption(j *joinOptions) { j.all = append(j.all, o) }

type windowOption struct {
	right bool
	name  string
	opts  []Option
}

func (o *windowOption) joinOption(j *joinOptions) {
	if o.right {
		j.right = o
	} else {
		j.left = o
	}
}

// LeftWindow gives the store of the left stream's records a name and options of
// its own, in place of those of the join. Its changelog is compacted too, as
// that of a store supplier is in Kafka Streams.
func LeftWindow(name string, opts ...Option) JoinOption {
	return &windowOption{name: name, opts: opts}
}

// RightWindow is LeftWindow for the right stream.
func RightWindow(name string, opts ...Option) JoinOption {
	return &windowOption{right: true, name: name, opts: opts}
}

// JoinStores are the stores of a join of two streams: the records of each, and
// those without a match. Left and Right have a name if it was given by an
// option. It is for builders.
type JoinStores struct{ Left, Right, Shared *graph.Store }

// DefineJoin describes the stores that options ask for. It is for builders.
func DefineJoin(place string, opts []JoinOption) JoinStores {
	var j joinOptions
	for _, o := range opts {
		o.joinOption(&j)
	}
	return JoinStores{
		Left: j.window(place, j.left), Right: j.window(place, j.right),
		Shared: defineJoin(place, "", graph.KeyValueStore, j.all),
	}
}

func (j *joinOptions) window(place string, side *windowOption) *graph.Store {
	if side == nil {
		st := defineJoin(place, "", graph.WindowStore, j.all)
		st.JoinWindow = true
		return st
	}
	return defineJoin(place, side.name, graph.WindowStore, side.opts)
}

func defineJoin(place, name string, kind graph.StoreKind, opts []Option) *graph.Store {
	b := base{name: name, place: place}
	for _, o := range opts {
		o(&b.opts)
	}
	switch {
	case b.opts.caching != nil:
		b.opts.problems = append(b.opts.problems, "the records of a join can't be cached")
	case b.opts.lru > 0:
		b.opts.problems = append(b.opts.problems, "the records of a join are kept for as long as its window says, not by their number")
	case b.opts.retention != 0:
		b.opts.problems = append(b.opts.problems, "how long the records of a join are kept follows from its window")
	}
	return b.define(kind)
}
