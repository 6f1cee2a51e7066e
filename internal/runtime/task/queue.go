package task

import (
	"fmt"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/measure"
	"github.com/ottla-streams/ottla/internal/runtime/batch"
)

// queue holds the records of one input partition that were fetched and not yet
// processed. Those of batches are decoded some at a time, when their turn comes.
type queue struct {
	topic   string
	node    *graph.Node
	head    graph.Head
	ownTime bool          // records have their own timestamps: no extractor
	ready   []flow.Origin // decoded; those from at on are to be processed
	at      int
	places  [2][]flow.Origin // of ready, in turn: the record in work may be in the other
	turn    int
	waiting []chunk
	n       int // records of ready and waiting
	bytes   int

	stamp  int64 // of the head, when it is in the heap
	inHeap bool

	time    int64 // partition time: the highest timestamp processed, -1 for none
	next    int64 // the offset to go on from: all before it is done with; -1 for unknown
	fetched int64 // offset after the last record fetched, -1 for none
	end     int64 // end of the partition as the broker told last, -1 for unknown
	moved   bool  // next was set since the last commit
	count   *measure.Input

	warm  int     // records at the front whose keys were brought near
	asked []asked // of stores that were asked for the keys of records
}

// chunk is records that wait: decoded ones, or the rest of a batch.
type chunk struct {
	decoded []flow.Origin

	of   *fetched
	at   int   // in the batch's payload
	left int   // records from there on
	from int64 // records before this offset are left out
}

// fetched is a batch of a partition. It lives as long as anything may want to
// know again what is in it.
type fetched struct {
	batch.Batch
	topic     string
	partition int32
}

// Again implements [flow.Again].
func (f *fetched) Again(at int32) *flow.Origin {
	o := &flow.Origin{Topic: f.topic, Partition: f.partition, From: f, At: at}
	if _, err := f.Decode(f.Payload[at:], o); err != nil {
		return nil // it was decoded before, so it can't be
	}
	return o
}

// window is how many records of a batch are decoded at a time.
const window = 64

const recordOverhead = 64 // bytes of a record beside its key and value, about

func size(o *flow.Origin) int { return len(o.Key) + len(o.Value) + recordOverhead }

// front is the record that is next. There has to be one: see fill.
func (q *queue) front() *flow.Origin { return &q.ready[q.at] }

func (q *queue) drop() {
	n := size(q.front())
	q.bytes -= n
	q.count.Bytes += int64(n - recordOverhead)
	q.at++
	q.n--
}

// tidy lets go of the fetched bytes of what was processed, if nothing is left.
func (q *queue) tidy() (empty bool) {
	if q.n > 0 {
		return false
	}
	q.ready, q.at = nil, 0
	for i := range q.places {
		clear(q.places[i])
		q.places[i] = q.places[i][:0]
	}
	return true
}

func (q *queue) addRecords(records []flow.Origin) {
	q.waiting = append(q.waiting, chunk{decoded: records})
	q.n += len(records)
	for i := range records {
		q.bytes += size(&records[i])
	}
}

func (q *queue) addBatch(b batch.Batch, partition int32, from int64) {
	q.waiting = append(q.waiting, chunk{of: &fetched{b, q.topic, partition}, left: b.Records, from: from})
	q.n += b.Records
	q.bytes += len(b.Payload) + b.Records*recordOverhead
}

// fill makes sure that there is a front, if there is any record.
func (q *queue) fill() error {
	for q.at == len(q.ready) && len(q.waiting) > 0 {
		c := &q.waiting[0]
		if c.decoded == nil {
			if err := q.decode(c); err != nil {
				return fmt.Errorf("topic %s partition %d: %w", q.topic, c.of.partition, err)
			}
		} else {
			q.ready, q.at = c.decoded, 0
		}
		if c.left == 0 {
			*c = chunk{}
			q.waiting = q.waiting[1:]
		}
	}
	return nil
}

// decode makes the next records of a batch ready. It uses the places that the
// record in work is not in.
func (q *queue) decode(c *chunk) error {
	turn := 1 - q.turn
	old := len(q.places[turn])
	want := min(c.left, window)
	ready := q.places[turn][:0]
	if cap(ready) < want {
		ready = make([]flow.Origin, 0, max(want, min(window, 2*cap(ready))))
	}
	b, at := c.of, c.at
	for range want {
		n := len(ready)
		ready = ready[:n+1]
		o := &ready[n]
		took, err := b.Decode(b.Payload[at:], o)
		if err != nil {
			return err
		}
		o.Topic, o.Partition, o.From, o.At = b.topic, b.partition, b, int32(at)
		at += took
		if o.Offset < c.from {
			ready = ready[:n]
			continue
		}
		q.bytes += size(o)
	}
	q.bytes -= want*recordOverhead + at - c.at
	q.n -= want - len(ready)
	c.at, c.left = at, c.left-want
	if old > len(ready) && old <= cap(ready) {
		clear(ready[len(ready):old])
	}
	if c.left == 0 && at < len(b.Payload) {
		return fmt.Errorf("batch at offset %d: %w: %d bytes after its last record", b.Base, batch.ErrCorrupt, len(b.Payload)-at)
	}
	q.places[turn], q.ready, q.at = ready, ready, 0
	if len(ready) > 0 {
		q.turn = turn
	}
	return nil
}

// passed notes that all records before offset next are done with.
func (q *queue) passed(next int64) {
	q.next, q.moved = max(q.next, next), true
}

// passOver notes that all that was read is done with, if no record waits or is
// in work: behind the last one come transaction markers, aborted records and gaps.
// A commit that stopped before them would never be at the end of the input, and
// when they expire it would point before the start.
func (q *queue) passOver() {
	if q.n == 0 && q.fetched > q.next {
		q.passed(q.fetched)
	}
}

func (q *queue) clear() {
	q.waiting, q.n, q.bytes, q.inHeap = nil, 0, 0, false
	q.tidy()
}
