package restore

import (
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/overlay"
	"github.com/ottla-streams/ottla/internal/runtime/offsets"
)

// ErrLost is wrapped by the error of a changelog that no longer has what the
// local state lacks.
var ErrLost = errors.New("changelog lost records")

// What Job.Until may be beside an offset.
const (
	ToEnd  int64 = -1 // up to the end that the topic has at the start
	Follow int64 = -2 // without end: what is written to the topic comes as it is written
)

// Job is the changelog partition of a store.
type Job struct {
	Task      graph.TaskID
	Store     string
	Topic     string
	Partition int32
	From      int64 // the first offset that the local state lacks
	Until     int64 // ToEnd, Follow, or where to stop before the end
	// Expires says that records leave the topic by age, so that its start moves
	// with no loss.
	Expires bool
}

func (j *Job) partition() offsets.Partition {
	return offsets.Partition{Topic: j.Topic, Num: j.Partition}
}

// Batch is a part of what a Job read, in order.
type Batch struct {
	Job     *Job
	Records []overlay.Record
	Next    int64 // what the store stands for after them; past markers and gaps
	End     int64 // where the job stops; of one that follows, the topic's end
	Done    bool  // nothing follows
	Err     error // the job failed for good
}

// progress is a Job in work. It belongs to the Restorer's goroutine.
type progress struct {
	job     *Job
	from    int64 // the job's, or where it was when the start of its topic moved
	started bool  // next and end are set
	next    int64
	end     int64
	alone   bool      // ask for it alone: it had nothing to say beside others
	told    int64     // the end that the last batch told, of a job that follows
	rest    time.Time // not asked for before
	stopped atomic.Bool
}

// begin decides where the job starts, given the bounds of its topic.
func (p *progress) begin(start, end int64) error {
	switch {
	case p.follows() && p.from > end:
		p.rest = time.Now().Add(restTime) // the end is yet to come here
		return nil
	case p.follows():
		p.told, end = end, math.MaxInt64
	case p.job.Until >= 0:
		end = min(end, p.job.Until)
	}
	p.next, p.end, p.started = p.from, end, true
	if p.next >= start {
		return nil
	}
	if err := p.lost(start, end); err != nil {
		return err
	}
	p.next = start
	return nil
}

// lost says whether the gap below start matters. State that is there and whole
// up to From must not go on with less than all, and an emptied changelog is
// not the same as one that was never written.
func (p *progress) lost(start, end int64) error {
	j := p.job
	if j.Expires || j.Until >= 0 && j.Until <= p.next || p.from == 0 && start < end {
		return nil
	}
	return fmt.Errorf("store %s: %w: %s begins at offset %d, the local state ends at %d: offsets %d to %d are gone; bring them back, or reset the application to begin anew",
		j.Store, ErrLost, j.partition(), start, p.from, p.from, start-1)
}

// Progress is how far the restore of a store is.
type Progress struct {
	Task      graph.TaskID
	Store     string
	Topic     string
	Partition int32
	From, End int64 // offsets of the changelog
	Position  int64 // the offset that the store stands for
	Restored  int64 // records so far
	Done      bool
}
