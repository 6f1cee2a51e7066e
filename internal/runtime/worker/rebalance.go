package worker

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/runtime/assign"
	"github.com/ottla-streams/ottla/internal/runtime/group"
	"github.com/ottla-streams/ottla/internal/runtime/offsets"
)

// The functions on... are the group's callbacks, on the client's goroutine.

// subscription is what the member says when it joins.
func (w *Worker) subscription() group.Subscription {
	w.joining.Store(true)
	w.calls.post(func() {
		w.balancing = true
		w.listenNoMore()
	})
	s := group.Subscription{Process: w.c.Dir.Process(), Instance: w.instanceID(), Tags: w.c.Tags, Active: *w.active.Load()}
	s.Endpoint, s.Offsets = w.c.Advertise, make(map[assign.TaskID]int64)
	for id, sum := range w.c.Dir.Stored() {
		s.Offsets[assignID(id)] = sum
	}
	w.tells(&s.Standby, &s.Warmup, s.Offsets)
	for _, id := range s.Active {
		s.Offsets[id] = assign.OffsetActive
	}
	if w.c.ExactlyOnce {
		s.TransactionalID = w.transactionalID()
	}
	s.Shutdown = w.c.Shutdown != nil && w.c.Shutdown()
	return s
}

func (w *Worker) assigned(a group.Assignment) {
	w.joining.Store(false)
	w.fence(a)
	w.calls.post(func() {
		w.tellHosts(a)
		w.m.Rebalances++
		w.followUp = time.Time{}
		if a.FollowUp > 0 {
			w.followUp = w.now().Add(a.FollowUp)
		}
		if a.Awaits {
			w.listen()
		}
		w.judgeAssignment(a)
		w.want(a)
	})
}

func (w *Worker) onAssigned(_ context.Context, cl *kgo.Client, parts map[string][]int32) {
	member, _ := cl.GroupMetadata()
	w.calls.post(func() {
		w.joined(member)
		if len(parts) == 0 { // else adopt says so, when their offsets are known
			w.balancing = false
		}
	})
}

func (w *Worker) onRevoked(ctx context.Context, _ *kgo.Client, parts map[string][]int32) {
	if len(parts) > 0 {
		w.calls.do(ctx, func() { w.revoke(parts) })
	}
}

func (w *Worker) onLost(ctx context.Context, _ *kgo.Client, parts map[string][]int32) {
	w.joining.Store(false)
	w.calls.do(ctx, func() {
		w.listenNoMore()
		w.lose(parts)
	})
}

// revoke gives tasks up that still are ours until it returns.
func (w *Worker) revoke(parts map[string][]int32) {
	gone := w.tasksOf(parts)
	if len(gone) == 0 {
		return
	}
	w.log.Info("tasks go to other members", "tasks", names(gone))
	clean := true
	if slices.ContainsFunc(gone, func(e *entry) bool { return e.phase == Processing }) && !w.fenced {
		if err := w.commitWithin(w.revokeTimeout()); err != nil {
			w.log.Warn("tasks are given up without a commit: their last records will be processed again", "error", err)
			clean = false
		}
	}
	for _, e := range gone {
		if !clean || w.fenced || !w.becomesStandby(e) {
			w.closeTask(e, clean && !w.fenced)
			w.addStandby(e.id)
		}
	}
}

func (w *Worker) revokeTimeout() time.Duration {
	return min(w.c.SessionTimeout/2, w.c.RebalanceTimeout/2, 10*time.Second)
}

// lose gives tasks up that others may have by now.
func (w *Worker) lose(parts map[string][]int32) {
	gone := w.tasksOf(parts)
	clean := false
	if w.txn == nil && !w.fenced && slices.ContainsFunc(gone, func(e *entry) bool { return e.phase == Processing }) {
		err := w.commitLost()
		if clean = err == nil; !clean {
			w.log.Info("a last commit was refused", "error", err)
		}
	}
	switch {
	case len(gone) == 0:
	case clean:
		w.log.Warn("membership of the group was lost: tasks are committed and wait for it", "tasks", names(gone))
	default:
		w.log.Warn("membership of the group was lost: tasks go back to their last commit", "tasks", names(gone))
	}
	w.abortTransaction()
	w.m.Lost += int64(len(gone))
	for _, e := range gone {
		w.closeTask(e, clean)
	}
	w.fenced = false
}

// commitLost commits once more for a member that the client gave up. Often it
// only lost its way to the brokers, and what it sent since the last commit would
// come twice. Whether the tasks still are ours is not for the client to say: the
// group takes the commit, or refuses it. Without brokers there is nothing to be
// missed meanwhile; with them it has a session's time.
func (w *Worker) commitLost() error {
	var until time.Time
	return w.commitUntil(w.life, func(err error) bool {
		if _, answered := errors.AsType[*kerr.Error](err); !answered {
			return false
		}
		if until.IsZero() {
			until = w.now().Add(w.c.SessionTimeout)
		}
		return w.now().After(until)
	})
}

func names(entries []*entry) []string {
	var s []string
	for _, e := range entries {
		s = append(s, e.id.String())
	}
	slices.Sort(s)
	return s
}

// tasksOf returns the tasks that read any of the partitions.
func (w *Worker) tasksOf(parts map[string][]int32) []*entry {
	var found []*entry
	for topic, nums := range parts {
		for _, num := range nums {
			id, _ := w.layout.task(topic, num)
			if e := w.tasks[id]; e != nil && !slices.Contains(found, e) {
				found = append(found, e)
			}
		}
	}
	slices.SortFunc(found, func(a, b *entry) int { return assignID(a.id).Compare(assignID(b.id)) })
	return found
}

// tellActive lets the group know which tasks are open.
func (w *Worker) tellActive() {
	ids := make([]assign.TaskID, 0, len(w.tasks))
	for id := range w.tasks {
		ids = append(ids, assignID(id))
	}
	slices.SortFunc(ids, assign.TaskID.Compare)
	w.active.Store(&ids)
}

// endOffsets sums the ends of the changelogs of each task; that of a table that
// is read again from its input is what was committed of it. Only the leader of
// the group is asked.
func (w *Worker) endOffsets(ctx context.Context) (map[assign.TaskID]int64, error) {
	sums := make(map[assign.TaskID]int64)
	of := make(map[offsets.Partition][]assign.TaskID)
	var own, inputs []offsets.Partition
	for id, sub := range w.layout.byID {
		for _, s := range sub.Stores {
			if !logged(s) || s.Global {
				continue
			}
			topic := changelogOf(s, w.c.App)
			for num := range w.layout.tasks(id) {
				p := offsets.Partition{Topic: topic, Num: num}
				task := assign.TaskID{Subtopology: id, Partition: num}
				sums[task], of[p] = 0, append(of[p], task)
				if s.SourceTopic == nil {
					own = append(own, p)
				} else if num < w.layout.counts[topic] {
					inputs = append(inputs, p)
				}
			}
		}
	}
	ends, err := offsets.List(ctx, w.restorer.Client(), offsets.End, w.c.ExactlyOnce, own)
	if err != nil {
		return nil, err
	}
	if len(inputs) > 0 {
		committed, err := w.committedOffsets(ctx, inputs)
		if err != nil {
			return nil, err
		}
		maps.Copy(ends, committed)
	}
	for p, end := range ends {
		for _, task := range of[p] {
			sums[task] += end
		}
	}
	return sums, nil
}
