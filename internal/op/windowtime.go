package op

import (
	"math"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
)

// closing is the time of one node by which its windows close. Nodes that keep
// one store share it where they emit on close: else a window could be emitted by
// the time of one of them and be put again by that of another.
type closing struct {
	in    graph.Instance
	node  *graph.Node
	store *graph.Store
	// lag is how far behind stream time windows close.
	lag int64
	// emits says that windows are sent on when they close, looked for at most
	// once per interval of wall-clock time.
	emits    bool
	interval int64
	*closed
}

// closed is how far the time of a node has come, and what was emitted by it.
type closed struct {
	observed int64 // stream time of the node, -1 for none
	again    int64 // wall clock of the next look
	emitted  int64 // the close time up to which windows were emitted
}

func newClosing(b *graph.Binder, n *graph.Node, st *graph.Store, lag int64) closing {
	c := &closed{observed: -1, emitted: math.MinInt64}
	if st.EmitOnClose {
		c = b.Shared(st, func() any { return c }).(*closed)
	}
	return closing{
		in: b.Instance, node: n, store: st, lag: lag,
		emits: st.EmitOnClose, interval: b.Instance.EmitInterval(), closed: c,
	}
}

// start takes up what an earlier run of the task knew, so that what had closed
// for it is not opened again. observed is the highest position in the store; it
// returns up to which close time windows were emitted.
func (c *closing) start(observed int64) (emitted int64) {
	c.observed = observed
	if p, ok := c.in.Progress(c.store.Name); ok {
		if c.emits {
			c.emitted = p
		}
		if p > math.MaxInt64-c.lag {
			p = math.MaxInt64 - c.lag
		}
		c.observed = max(c.observed, p+c.lag)
	}
	return c.emitted
}

// observe takes note of a record's time and returns the time by which windows
// have closed.
func (c *closing) observe(t int64) int64 {
	c.observed = max(c.observed, t)
	return c.observed - c.lag
}

// idle moves the time of the node on where no records come, until all windows
// of the records so far have closed, which takes most. It returns the time by
// which windows have closed, and keeps it: a window that was closed stays so.
func (c *closing) idle(stream, most int64) (closed int64, moved bool) {
	stream = min(stream, upTo(c.in.StreamTime(), most))
	if c.observed < 0 || stream <= c.observed {
		return 0, false
	}
	c.observed = stream
	closed = stream - c.lag
	if !c.emits {
		c.in.SetProgress(c.store.Name, closed)
	}
	return closed, true
}

// due says whether to look for windows that have closed by now.
func (c *closing) due(closed int64) bool {
	if !c.emits {
		return false
	}
	if c.interval > 0 {
		now := c.in.WallTime()
		if now < c.again {
			return false
		}
		c.again = now + c.interval
	}
	return closed > c.emitted
}

// done takes note that all windows that closed up to a time were emitted.
func (c *closing) done(closed int64) {
	c.emitted = closed
	c.in.SetProgress(c.store.Name, closed)
}

// late counts a record that came too late for a window.
func (c *closing) late() { c.in.Dropped(c.node, "window has closed") }

// Late says that node n sends late records of types K and V to node to,
// which none of its other records reach.
func Late[K, V, K2, V2 any](n, to *graph.Node) {
	n.Adapters = append(n.Adapters, func(child any) any {
		if _, ok := child.(flow.Next[K, V]); !ok {
			return nil
		}
		return flow.Next[K2, V2](func(K2, V2, *flow.Meta) error { return nil })
	})
	n.Late = to
}

// lateNext binds the edge for late records, nil if there is none.
func lateNext[K, V any](b *graph.Binder, n *graph.Node) (flow.Next[K, V], error) {
	if n.Late == nil {
		return nil, nil
	}
	return graph.Child[K, V](b, n, n.Late)
}
