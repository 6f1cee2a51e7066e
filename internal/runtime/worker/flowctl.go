package worker

import (
	"time"
)

// throttle pauses partitions whose queues are full and resumes those that are
// half empty.
func (w *Worker) throttle() {
	most := w.queueBytes()
	for _, e := range w.order {
		for _, in := range e.inputs {
			n, bytes := e.task.Buffered(in.Topic)
			switch {
			case in.paused && n <= w.c.BufferedRecords/2 && bytes <= most/2:
				w.resume(in)
			case !in.paused && (n > w.c.BufferedRecords || bytes > most):
				w.pause(in)
			}
		}
	}
}

func (w *Worker) pause(in *input) {
	if !in.paused {
		in.paused = true
		w.fetcher.Pause(in.Partition)
		w.missing.found(in.Partition)
	}
}

func (w *Worker) resume(in *input) {
	if in.paused {
		in.paused, in.lastSeen = false, w.now()
		w.fetcher.Resume(in.Partition)
	}
}

// seek lets reading go on from where the inputs of a task are expected to.
func (w *Worker) seek(e *entry) {
	for _, in := range e.inputs {
		w.fetcher.Set(in.Partition, in.next, -1)
	}
}

// load is how many records wait in tasks that may work now, and whether any
// task could use more of what the brokers have.
func (w *Worker) load() (ready int, hungry bool) {
	for _, e := range w.order {
		now := w.ready(e)
		for _, in := range e.inputs {
			records, _ := e.task.Buffered(in.Topic)
			if now {
				ready += records
			}
			hungry = hungry || records == 0
		}
	}
	return ready, hungry
}

// ready says whether a task should take records now. With MaxIdle it waits
// that long for inputs that are empty on the brokers too.
func (w *Worker) ready(e *entry) bool {
	if e.phase != Processing || !e.task.HasRecords() || w.fenced || w.paused() || w.now().Before(e.retry) {
		return false
	}
	if e.task.CommitRequested() && w.now().Before(w.retry) {
		return false // it may not hold more without a commit, and that has to wait
	}
	if w.c.MaxIdle < 0 {
		return true
	}
	full := true
	for _, in := range e.inputs {
		n, _ := e.task.Buffered(in.Topic)
		full = full && n > 0
	}
	if full {
		e.idle = time.Time{}
		return true
	}
	if !e.task.Ready() {
		return false
	}
	if e.idle.IsZero() {
		e.idle = w.now()
	}
	return w.now().Sub(e.idle) >= w.c.MaxIdle
}

// idleFor is how long the loop may wait for records, given how many are ready.
func (w *Worker) idleFor(ready int) time.Duration {
	if ready > 0 || w.failed != nil {
		return 0
	}
	wait := longestWait
	at := func(t time.Time) {
		if d := t.Sub(w.now()); !t.IsZero() && d < wait {
			wait = max(d, 0)
		}
	}
	for _, s := range w.standbys {
		if s.retry.After(w.now()) {
			at(s.retry)
		}
	}
	dirty := w.out.Sent() > 0
	if w.unsure {
		if !w.now().Before(w.retry) {
			return 0
		}
		at(w.retry)
	}
	for _, e := range w.tasks {
		if e.retry.After(w.now()) {
			at(e.retry)
		} else if w.opens(e) {
			return 0
		}
		if e.phase != Processing {
			continue
		}
		for _, in := range e.inputs {
			at(in.resetAt)
		}
		dirty = dirty || e.task.Dirty()
		if due, ok := e.task.NextTimer(); ok && !w.paused() {
			wait = min(wait, max(0, time.Duration(due-w.clock())*time.Millisecond))
		}
		if e.task.HasRecords() && !e.idle.IsZero() {
			at(e.idle.Add(w.c.MaxIdle))
		}
	}
	if dirty {
		at(w.commitDue())
	}
	at(w.followUp)
	at(w.missing.deadline)
	if w.fenced {
		return max(wait, 20*time.Millisecond)
	}
	return wait
}
