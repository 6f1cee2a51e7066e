package restore

import (
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// restTime is how long a job that follows waits for a topic that ends before
// the offset to go on from: a marker, or the new leader's end, is yet to come.
const restTime = 200 * time.Millisecond

func (p *progress) follows() bool { return p.job.Until == Follow }

// last is the end to tell of a job.
func (p *progress) last() int64 {
	if p.follows() {
		return max(p.told, p.next)
	}
	return p.end
}

// follow turns the answer for one partition into a batch of a job that has no
// end. An answer without data makes one if the topic's end is another now. What
// lies between the last record and the end is passed over only when the broker,
// asked for nothing else, has nothing there.
func (r *Restorer) follow(p *progress, rp *kmsg.FetchResponseTopicPartition, records []*kgo.Record, next int64, alone bool) *Batch {
	end := rp.HighWatermark
	if r.c.Committed && rp.LastStableOffset >= 0 {
		end = rp.LastStableOffset
	}
	gap := next == p.next && next < end
	if gap && alone && len(rp.RecordBatches) == 0 {
		next, gap = end, false
	}
	p.alone = gap
	if next == p.next && end == p.told {
		return nil
	}
	p.next, p.told = next, end
	return &Batch{Job: p.job, Records: convert(records, p.end), Next: next, End: p.last()}
}
