package state

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/overlay"
)

// Window and session stores keep their entries by segment of time, so that the
// oldest are dropped as a whole and without a look at the others:
//
//	segment ‖ key ‖ start [‖ sequence]      of a window store
//	segment ‖ key ‖ end ‖ start             of a session store
//
// The position of an entry, by which it belongs to a segment and expires, is the
// start of its window or the end of its session. No segment begins with the
// bytes of the two other kinds of entries, which the changelog does not have:
// what waits to be emitted, and the state of the timeline itself.
const (
	dueByte   = overlay.OtherByte
	stateByte = 0xfe

	leastSegment = 60_000 // milliseconds
)

var (
	firstKey = []byte{0}
	dueKey   = []byte{dueByte}
	stateKey = []byte{stateByte}
)

// noTime stands for a timeline without an entry.
const noTime = -1

// timeline is what window and session stores share: which entries there still
// are, seen from the highest position put so far.
type timeline struct {
	in       graph.Instance
	store    *graph.Store
	layers   *overlay.Store
	interval int64 // length of a segment
	tail     int   // bytes behind the key
	observed int64 // the highest position put so far
	live     int64 // segments before this one were dropped, since the task began
	sequence uint32
	due      *due // nil unless the store emits on close
	stateBuf []byte
	idle     *walk // of no scan
	changed  bool  // since the state was written
}

// segmentInterval is the length of the segments of a store: Kafka Streams' own.
func segmentInterval(retention int64) int64 { return max(retention/2, leastSegment) }

func openTimeline(o graph.Opening, tail int) (timeline, error) {
	l := timeline{
		in: o.Instance, store: o.Store, layers: o.Layers, tail: tail,
		interval: segmentInterval(o.Store.RetentionMillis), observed: noTime,
	}
	if o.Store.EmitOnClose {
		l.due = newDue(o.Layers)
	}
	return l, l.load()
}

// floor is the lowest position that reads return. What lies below may still be
// there. (KAFKA-12960)
func (l *timeline) floor() int64 {
	edge := l.edge()
	if l.store.EmitOnClose && l.store.Kind == graph.WindowStore && !l.store.InMemory {
		return max(0, edge) // as Kafka Streams' stores by time have it
	}
	return max(0, edge+1)
}

// edge is the highest position that has expired, below 0 for none.
func (l *timeline) edge() int64 { return l.observed - l.store.RetentionMillis }

// segmentOf is the segment of a position.
func (l *timeline) segmentOf(at int64) int64 { return segmentOf(at, l.interval) }

// segmentOf returns -1 for a position before the epoch, of which stores have none.
func segmentOf(at, interval int64) int64 {
	if at < 0 {
		return -1
	}
	return at / interval
}

// observe takes note of a position that is put.
func (l *timeline) observe(at int64) {
	if at > l.observed {
		l.observed, l.changed = at, true
		l.drop()
	}
}

// drop drops the segments that have expired, but for what waits to be emitted.
func (l *timeline) drop() {
	edge := l.edge()
	switch {
	case l.due == nil:
	case l.due.started:
		edge = min(edge, l.due.next)
	default:
		// A standby does not know what was emitted. It keeps what its changelog does.
		edge -= graph.DefaultAdditionalRetention
	}
	if n := l.segmentOf(edge); n > l.live {
		l.live = n
		l.layers.Expire(firstKey, appendInt64(nil, n))
	}
}

// expired counts an entry that comes too late. Stores on disk take what belongs
// to a segment that they still have, as Kafka Streams' do; those in memory judge
// each entry. gone says that its segment is, and the entry can't be kept: where
// it can, reads don't return it, but an operator may still send it on.
func (l *timeline) expired(at int64) (expired, gone bool) {
	edge := l.edge()
	if at > edge {
		return false, false
	}
	gone = l.segmentOf(at) < l.segmentOf(edge)
	if expired = gone || l.store.InMemory; expired {
		l.in.Dropped(l.node(), "window has expired in store "+l.store.Name)
	}
	return expired, gone
}

// node is the node in work, if it is one of the store's, else the first of them.
func (l *timeline) node() *graph.Node {
	id := l.in.Meta().Node
	if i := slices.IndexFunc(l.store.Nodes, func(n *graph.Node) bool { return int32(n.ID) == id }); i >= 0 {
		return l.store.Nodes[i]
	}
	return l.store.Nodes[0]
}

func appendInt64(b []byte, n int64) []byte { return binary.BigEndian.AppendUint64(b, uint64(n)) }

func int64At(b []byte) int64 { return int64(binary.BigEndian.Uint64(b)) }

// setSegment writes the segment of a position in front of the entry b.
func (l *timeline) setSegment(b []byte, at int64) {
	binary.BigEndian.PutUint64(b, uint64(l.segmentOf(at)))
}

// positionOf is the position of an entry.
func (l *timeline) positionOf(entry []byte) int64 { return int64At(entry[len(entry)-l.tail:]) }

// keyOf is the encoded key of an entry.
func (l *timeline) keyOf(entry []byte) []byte { return entry[8 : len(entry)-l.tail] }

// wellFormed says whether an entry is one of a window or session.
func (l *timeline) wellFormed(entry []byte) bool { return len(entry) >= 8+l.tail && entry[0] < dueByte }

// span is a range of entries: those of keys from lo up to hi, or of key lo only,
// with positions from from up to to. All ends belong to it; nil ones are open.
type span struct {
	lo, hi   []byte
	only     bool
	from, to int64
}

// walk is a scan under way. A timeline keeps one for the next.
type walk struct {
	l       *timeline
	r       span
	lo, hi  []byte
	yield   func(entry, value []byte) bool
	stopped bool
	take    func(entry, value []byte) bool
}

func (w *walk) takes(entry, value []byte) bool {
	w.stopped = w.l.wellFormed(entry) && w.r.holds(w.l, entry) && !w.yield(entry, value)
	return !w.stopped
}

// scan calls yield with the entries of a span: by segment, in a segment by key
// and in a key by position. See [overlay.Store.Scan] for what lend is.
func (l *timeline) scan(r span, reverse, lend bool, yield func(entry, value []byte) bool) error {
	if err := l.refresh(); err != nil {
		return err
	}
	r.from, r.to = max(r.from, l.floor()), min(r.to, l.observed)
	if r.from > r.to {
		return nil
	}
	w := l.idle
	if l.idle = nil; w == nil {
		w = &walk{l: l}
		w.take = w.takes
	}
	w.r, w.yield, w.stopped = r, yield, false
	first, last := l.segmentOf(r.from), l.segmentOf(r.to)
	var err error
	for n := int64(0); n <= last-first && err == nil && !w.stopped; n++ {
		at := first + n
		if reverse {
			at = last - n
		}
		if r.only {
			w.lo = append(appendInt64(w.lo[:0], at), r.lo...)
			err = l.layers.ScanKey(w.lo, l.tail, r.from, r.to, reverse, lend, w.take)
			continue
		}
		w.lo, w.hi = l.bounds(w.lo[:0], w.hi[:0], at, r)
		err = l.layers.ScanSince(r.from, w.lo, w.hi, reverse, lend, w.take)
	}
	w.r, w.yield = span{}, nil
	l.idle = w
	return err
}

// bounds appends the ends of what a scan of a segment reads, of several keys.
func (l *timeline) bounds(lo, hi []byte, segment int64, r span) ([]byte, []byte) {
	lo = append(appendInt64(lo, segment), r.lo...)
	switch {
	case len(r.lo) > 0 && len(r.hi) > 0 && r.hi[0] < 0xff:
		// A key sorts by what follows it where another one begins with it: all
		// that a key up to hi can be followed by begins no higher than hi.
		hi = append(appendInt64(hi, segment), r.hi[0]+1)
	default:
		hi = appendInt64(hi, segment+1)
	}
	return lo, hi
}

func (r *span) holds(l *timeline, entry []byte) bool {
	k, at := l.keyOf(entry), l.positionOf(entry)
	if at < r.from || at > r.to {
		return false
	}
	if r.only {
		return len(k) == len(r.lo)
	}
	return bytes.Compare(k, r.lo) >= 0 && (r.hi == nil || bytes.Compare(k, r.hi) <= 0)
}

// sorted is scan in the order of stores in memory: by position, then by key. It
// collects the entries first.
func (l *timeline) sorted(r span, reverse bool, yield func(entry, value []byte) bool) error {
	type pair struct{ entry, value []byte }
	var all []pair
	err := l.scan(r, false, true, func(entry, value []byte) bool {
		all = append(all, pair{bytes.Clone(entry), value})
		return true
	})
	if err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b pair) int {
		return cmp.Or(
			cmp.Compare(l.positionOf(a.entry), l.positionOf(b.entry)),
			bytes.Compare(l.keyOf(a.entry), l.keyOf(b.entry)),
			bytes.Compare(a.entry[len(a.entry)-l.tail:], b.entry[len(b.entry)-l.tail:]),
		)
	})
	if reverse {
		slices.Reverse(all)
	}
	for _, p := range all {
		if !yield(p.entry, p.value) {
			return nil
		}
	}
	return nil
}

// each is scan or sorted, as the store's kind has it.
func (l *timeline) each(r span, reverse, lend bool, yield func(entry, value []byte) bool) error {
	if l.store.InMemory && !r.only {
		return l.sorted(r, reverse, yield)
	}
	return l.scan(r, reverse, lend, yield)
}
