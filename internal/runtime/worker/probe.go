package worker

import (
	"time"

	"github.com/ottla-streams/ottla/internal/runtime/restore"
)

// silence is how long an input may tell nothing, while it is known to have
// more, before the worker looks itself.
const silence = 2 * time.Second

// probeSilent looks at inputs that keep their task waiting without a record:
// what lies before their end may have been compacted away, which the consumer
// passes over without a word.
func (w *Worker) probeSilent() {
	for _, e := range w.order {
		if w.c.MaxIdle < 0 || !e.task.HasRecords() {
			continue
		}
		for _, in := range e.inputs {
			n, _ := e.task.Buffered(in.Topic)
			if n > 0 || in.next >= in.end || in.paused || in.probe != nil || !in.resetAt.IsZero() || w.now().Sub(in.lastSeen) < silence {
				continue
			}
			in.probe = &restore.Job{Task: e.id, Topic: in.Topic, Partition: in.Num, From: in.next, Until: in.end, Expires: true}
			w.jobs[in.probe] = &restored{entry: e, probe: in}
			w.restorer.Add(in.probe)
		}
	}
}

// probed takes what a look at an input found. If there are records the consumer
// will bring them.
func (w *Worker) probed(r *restored, b *restore.Batch) {
	in := r.probe
	if len(b.Records) == 0 && b.Err == nil && !b.Done {
		return
	}
	if len(b.Records) == 0 && b.Err == nil && in.next >= b.Job.From {
		in.epochs.skip(b.Next)
		r.entry.task.SetPosition(in.Topic, b.Next, in.end)
		w.log.Debug("an input has nothing before its end", "topic", in.Topic, "partition", in.Num, "offset", b.Next)
	}
	w.restorer.Remove(b.Job)
	delete(w.jobs, b.Job)
	in.probe, in.lastSeen = nil, w.now()
}
