package worker

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/runtime/offsets"
	"github.com/ottla-streams/ottla/internal/runtime/restore"
	"github.com/ottla-streams/ottla/internal/runtime/task"
	"github.com/ottla-streams/ottla/state/engine"
)

// entry is a task of the worker.
type entry struct {
	id      graph.TaskID
	phase   Phase
	inputs  map[string]*input
	task    *task.Task
	jobs    int       // changelogs that are not restored yet
	retry   time.Time // no open, or after a full disk no work, before
	batch   int       // records of a turn
	idle    time.Time // since when it waits for empty inputs
	damaged bool      // its files are not to be written any more
	failing *failing  // what it is about to try again, nil for nothing
}

// input is an input partition of a task.
type input struct {
	offsets.Partition
	node     *graph.Node
	at       position // of the last commit
	next     int64    // the offset expected next from the broker
	end      int64    // of the partition, as the broker told last
	epochs   epochs
	paused   bool
	resetAt  time.Time    // when to try again to find a place to begin, zero if there is one
	lastSeen time.Time    // when the broker told anything of it
	probe    *restore.Job // looks whether there is anything before its end
}

// position is what a commit says of a partition.
type position struct {
	offset   int64
	epoch    int32
	metadata string
}

// adopted is a partition that the group gave us.
type adopted struct {
	at  position
	end int64
}

// adopt takes partitions and lets them be read when their tasks run. A partition
// that is known already goes on where it is: the group's session was cut short
// before it began.
func (w *Worker) adopt(parts map[offsets.Partition]adopted) {
	for p, a := range parts {
		id, ok := w.layout.task(p.Topic, p.Num)
		if !ok {
			continue
		}
		e := w.tasks[id]
		if e == nil {
			e = &entry{id: id, inputs: make(map[string]*input)}
			w.tasks[id] = e
		}
		if e.inputs[p.Topic] != nil {
			continue
		}
		in := &input{Partition: p, node: w.layout.nodes[p.Topic], at: a.at, next: a.at.offset, end: a.end, lastSeen: w.now()}
		e.inputs[p.Topic] = in
		w.fetcher.Set(p, a.at.offset, a.at.epoch)
		w.pause(in)
		if e.task != nil { // a topic got more partitions
			w.revive(e, 0)
		}
	}
	w.balancing = false
	w.tellActive()
}

// openWaiting opens the tasks that have all their inputs.
func (w *Worker) openWaiting() {
	w.share()
	if w.unsure && !w.now().Before(w.retry) {
		if err := w.settleDoubt(); err != nil {
			w.retry = w.now().Add(200 * time.Millisecond)
			w.log.Warn("where the tasks stand is not known yet", "error", err)
		}
	}
	if w.unsure {
		return
	}
	for _, e := range w.tasks {
		if !w.opens(e) {
			continue
		}
		if err := w.openTask(e); err != nil {
			w.openFailed(e, err)
		}
	}
}

// opens says that a task waits for nothing but to be opened.
func (w *Worker) opens(e *entry) bool {
	return e.phase == Waiting && !w.unsure && !w.now().Before(e.retry) && len(e.inputs) >= len(w.layout.expects(e.id))
}

// openTask makes the task and starts to restore its stores.
func (w *Worker) openTask(e *entry) error {
	if !w.c.Dir.Acquire(e.id, w) {
		e.retry = w.now().Add(20 * time.Millisecond) // another worker of this process is about to give it up
		return nil
	}
	if err := w.makeTask(e); err != nil {
		return err
	}
	t := e.task
	for _, in := range e.inputs {
		time, progress, err := task.DecodeMetadata(in.at.metadata)
		if err != nil {
			w.log.Warn("stream time of an input is not known", "topic", in.Topic, "partition", in.Num, "error", err)
		}
		if err := t.AddInput(in.Topic, in.node, in.at.offset, time); err != nil {
			return err
		}
		t.SetProgress(progress)
		t.SetPosition(in.Topic, in.at.offset, in.end)
		in.next = in.at.offset
	}
	w.m.Created++
	e.phase, e.jobs = Restoring, 0
	for _, c := range t.Changelogs() {
		e.jobs++
		w.restore(e, c)
	}
	w.log.Debug("task opened", "task", e.id.String(), "changelogs", e.jobs)
	return w.startTask(e)
}

// makeTask opens the task, or goes on with the stores of its standby.
func (w *Worker) makeTask(e *entry) (err error) {
	c := w.taskConfig(e.id)
	if e.task = w.takeStandby(e.id); e.task != nil {
		return e.task.Activate(c)
	}
	e.task, err = task.New(c)
	return err
}

func (w *Worker) taskConfig(id graph.TaskID) task.Config {
	sub := w.layout.byID[id.Subtopology]
	return task.Config{
		Measure: w.countsOf(id), Trace: w.c.Trace,
		ID: id, App: w.c.App, Nodes: sub.Nodes, Stores: sub.Stores,
		Emit: w.emit, Partitions: w.partitions, Clock: w.clock, OnError: w.c.OnError, GoesOn: w.c.GoesOn, DeadLetter: w.c.DeadLetter,
		DropOrphans: w.c.DropOrphans,
		Context:     w.c.Context, Logger: w.log, Dir: w.c.Dir.Task(id), Persistent: w.c.Engine,
		CacheBytes: w.cacheBytes(), LayerBytes: w.shared.layers, LayerMillis: w.c.LayerMillis, Global: w.c.Global,
		Hold: !w.c.ExactlyOnce, IdleMillis: w.c.IdleMillis, Shelf: w.c.Shelf, Call: w.calls.do,
	}
}

// openFailed decides what to do about a task that did not open.
func (w *Worker) openFailed(e *entry, err error) {
	if e.task != nil {
		w.release(e, false)
	}
	e.phase = Waiting
	switch {
	case errors.Is(err, engine.ErrDamaged):
		if !w.quarantine(e.id, err) {
			e.retry = w.now().Add(time.Second)
		}
	case errors.Is(err, engine.ErrLocked), errors.Is(err, engine.ErrNoSpace):
		e.retry = w.now().Add(time.Second)
		w.log.Warn("task can't be opened yet", "task", e.id.String(), "error", err)
	default:
		w.fail(err)
	}
}

// quarantine moves a damaged state folder out of the way and says whether that
// worked. The state is rebuilt from the changelogs.
func (w *Worker) quarantine(id graph.TaskID, cause error) bool {
	const keep = 2
	w.m.Quarantined++
	moved, err := engine.Quarantine(w.c.Dir.Task(id), w.now(), keep)
	if err != nil && moved == "" {
		w.log.Error("damaged state can't be moved aside", "task", id.String(), "error", errors.Join(cause, err))
		return false
	}
	w.log.Error("state is damaged and will be rebuilt from its changelogs", "task", id.String(), "moved", moved, "error", cause)
	return true
}

// startTask lets a task work whose stores are restored.
func (w *Worker) startTask(e *entry) error {
	if e.jobs > 0 {
		return nil
	}
	if err := e.task.Start(); err != nil {
		return err
	}
	e.phase = Processing
	w.order = append(w.order, e)
	for _, in := range e.inputs {
		w.resume(in)
	}
	w.published = time.Time{}
	w.log.Info("task runs", "task", e.id.String())
	return nil
}

// closeTask ends a task. clean says that its last commit succeeded.
func (w *Worker) closeTask(e *entry, clean bool) {
	w.m.Closed++
	if e.task != nil {
		w.release(e, clean)
	}
	for _, in := range e.inputs {
		w.fetcher.Remove(in.Partition)
		w.missing.found(in.Partition)
	}
	if w.standbys[e.id] == nil { // a copy that was to become it keeps the folder
		w.c.Dir.Release(e.id, w)
	}
	delete(w.tasks, e.id)
	w.tellActive()
	w.published = time.Time{}
}

// release closes the engine and the processors of a task. Uncommitted work of
// one that is not clean is dropped; what earlier commits left is kept.
func (w *Worker) release(e *entry, clean bool) {
	w.forgetJobs(e)
	w.order = slices.DeleteFunc(w.order, func(o *entry) bool { return o == e })
	if !clean || e.phase != Processing {
		e.task.Abort()
	}
	err := e.task.Close(!e.damaged && !w.unsure)
	w.c.Dir.SetStored(e.id, w.standsFor(e, err))
	if err != nil {
		w.log.Warn("task did not close cleanly: its state goes back to what was written before", "task", e.id.String(), "error", err)
	}
	e.task, e.damaged = nil, false
}

// forgetJobs ends the reading of changelogs for a task.
func (w *Worker) forgetJobs(e *entry) {
	for job, r := range w.jobs {
		if r.entry == e {
			w.restorer.Remove(job)
			delete(w.jobs, job)
			if r.probe != nil {
				r.probe.probe = nil
			}
		}
	}
}

// standsFor sums the changelog offsets of a task's folder, -1 if they are not
// known.
func (w *Worker) standsFor(e *entry, closed error) int64 {
	if closed != nil || e.damaged || w.unsure {
		return -1
	}
	return Sum(w.layout.byID[e.id.Subtopology], w.c.App, e.task.Positions())
}

// Sum sums the offsets of the changelogs that are kept on disk, by topic; -1
// for a sub-topology without any.
func Sum(sub *graph.Subtopology, app string, positions map[string]int64) int64 {
	sum := int64(-1)
	for _, s := range sub.Stores {
		if p, ok := positions[changelogOf(s, app)]; ok && onDisk(s) {
			sum = max(sum, 0) + p
		}
	}
	return sum
}

// onDisk says that a store has a changelog and is kept in files.
func onDisk(s *graph.Store) bool {
	return logged(s) && !s.Global && !s.InMemory && s.Kind != graph.BufferStore
}

// changelogOf is the full name of the topic that a store is restored from.
func changelogOf(s *graph.Store, app string) string {
	if s.SourceTopic != nil {
		return s.SourceTopic.Full(app)
	}
	return changelog(s).Full(app)
}

// revive makes a task anew that lost what it held since its last commit.
func (w *Worker) revive(e *entry, after time.Duration) {
	w.m.Revived++
	if e.task != nil {
		w.release(e, false)
	}
	e.phase, e.idle = Waiting, time.Time{}
	e.retry = w.now().Add(after)
	for _, in := range e.inputs {
		w.pause(in)
		in.next = in.at.offset
		in.epochs, in.resetAt = nil, time.Time{}
	}
	w.seek(e)
}

// restore starts to read a changelog.
func (w *Worker) restore(e *entry, c task.Changelog) {
	job := &restore.Job{Task: e.id, Store: c.Store, Topic: c.Topic, Partition: e.id.Partition, From: c.From, Until: restore.ToEnd}
	if c.Source {
		if in := e.inputs[c.Topic]; in != nil {
			job.Until = in.at.offset
		}
	}
	job.Expires = c.Source || w.expires(e.id, c.Store)
	w.jobs[job] = &restored{entry: e}
	w.restorer.Add(job)
}

// expires says that records leave the changelog of a store by age.
func (w *Worker) expires(id graph.TaskID, store string) bool {
	return slices.ContainsFunc(w.layout.byID[id.Subtopology].Stores, func(s *graph.Store) bool {
		return s.Name == store && (s.Kind == graph.WindowStore || s.Kind == graph.SessionStore ||
			strings.Contains(s.LogConfig["cleanup.policy"], "delete"))
	})
}
