package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ottla-streams/ottla/internal/runtime/offsets"
	"github.com/ottla-streams/ottla/internal/runtime/restore"
	"github.com/ottla-streams/ottla/internal/runtime/task"
)

// How much of standbys a worker reads at a time. It is little, so that active
// tasks do not feel it.
const (
	followBytes     = 4 << 20 // of an answer of a broker
	followPartition = 256 << 10
	followWait      = 500 * time.Millisecond
	followTime      = 2 * time.Millisecond // of a turn, while tasks have work
)

// followed is a changelog of a standby.
type followed struct {
	s    *standby
	log  task.Changelog // From is where the last job began
	job  *restore.Job   // nil while nothing is read
	end  int64
	seen bool // end is known
}

func (w *Worker) openFollower() (err error) {
	if w.follower == nil {
		w.follower, err = restore.New(restore.Config{
			Client: w.c.Client, Role: w.role("standby"), Committed: w.c.ExactlyOnce, Ring: w.bell.ring, Logger: w.log,
			AnswerBytes: followBytes, PartitionBytes: followPartition, Wait: followWait,
		})
	}
	return err
}

// followLogs reads on where the stores end. A table that is read again from its
// input follows what the active task committed, not the topic's end.
func (w *Worker) followLogs(s *standby) {
	for _, c := range s.task.Changelogs() {
		for _, f := range s.logs {
			if f.log.Store != c.Store || f.job != nil {
				continue
			}
			f.log = c
			if !c.Source {
				w.follow(f, restore.Follow)
			} else if f.end > c.From {
				w.follow(f, f.end)
			}
		}
	}
}

func (w *Worker) follow(f *followed, until int64) {
	id := f.s.id
	f.job = &restore.Job{Task: id, Store: f.log.Store, Topic: f.log.Topic, Partition: id.Partition, From: f.log.From, Until: until}
	f.job.Expires = f.log.Source || w.expires(id, f.log.Store)
	w.follows[f.job] = f
	w.follower.Add(f.job)
}

func (w *Worker) unfollow(s *standby) {
	for _, f := range s.logs {
		if f.job != nil {
			w.follower.Remove(f.job)
			delete(w.follows, f.job)
			f.job = nil
		}
	}
}

// applyFollowed takes what was read into the copies, as long as that takes no
// time from the active tasks.
func (w *Worker) applyFollowed() {
	if w.follower == nil {
		return
	}
	d := restoreTime
	if ready, _ := w.load(); ready > 0 || len(w.order) < len(w.tasks) {
		d = followTime
	}
	for until := w.now().Add(d); w.now().Before(until); {
		if len(w.behind) == 0 {
			if w.behind = w.follower.Batches(); len(w.behind) == 0 {
				return
			}
		}
		b := w.behind[0]
		w.behind[0] = restore.Batch{}
		w.behind = w.behind[1:]
		if f := w.follows[b.Job]; f != nil {
			w.applyStandby(f, &b)
		}
	}
	w.bell.ring() // there may be more
}

func (w *Worker) applyStandby(f *followed, b *restore.Batch) {
	s := f.s
	if b.Err != nil {
		w.standbyFailed(s, b.Err)
		return
	}
	if !f.log.Source {
		f.end, f.seen = b.End, true
	}
	if b.Done {
		delete(w.follows, f.job)
		f.job = nil
	}
	if b.Next <= b.Job.From && len(b.Records) == 0 {
		return
	}
	if err := s.task.Restore(f.log.Store, b.Records, b.Next); err != nil {
		w.standbyFailed(s, err)
	}
}

// askCommitted asks how far the active tasks have committed the inputs from
// which tables are read again, once a second. The answer moves their copies on.
func (w *Worker) askCommitted(now time.Time) {
	if w.asking || now.Sub(w.asked) < time.Second {
		return
	}
	var parts []offsets.Partition
	for _, s := range w.standbys {
		for _, f := range s.logs {
			if f.log.Source && f.job == nil && !s.full {
				parts = append(parts, offsets.Partition{Topic: f.log.Topic, Num: s.id.Partition})
			}
		}
	}
	if len(parts) == 0 {
		return
	}
	w.asked, w.asking = now, true
	w.side.Go(func() {
		ctx, cancel := context.WithTimeout(w.life, 10*time.Second)
		defer cancel()
		got, err := w.committedOffsets(ctx, parts)
		w.calls.post(func() {
			w.asking = false
			if err != nil {
				w.log.Debug("committed offsets of inputs are not known", "error", err)
				return
			}
			w.followCommitted(got)
		})
	})
}

// followCommitted lets copies of tables read on up to what was committed.
func (w *Worker) followCommitted(got map[offsets.Partition]int64) {
	for _, s := range w.standbys {
		moved := false
		for _, f := range s.logs {
			at, ok := got[offsets.Partition{Topic: f.log.Topic, Num: s.id.Partition}]
			if ok && f.log.Source && at > f.end {
				f.end, moved = at, true
			}
			f.seen = f.seen || f.log.Source
		}
		if moved && !s.full {
			w.followLogs(s)
		}
	}
}

// committedOffsets asks for the offsets that the group has committed.
// Partitions without one are left out.
func (w *Worker) committedOffsets(ctx context.Context, parts []offsets.Partition) (map[offsets.Partition]int64, error) {
	req := kmsg.NewPtrOffsetFetchRequest()
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = w.c.App
	byTopic := make(map[string]int)
	for _, p := range parts {
		i, ok := byTopic[p.Topic]
		if !ok {
			i = len(g.Topics)
			byTopic[p.Topic] = i
			t := kmsg.NewOffsetFetchRequestGroupTopic()
			t.Topic = p.Topic
			g.Topics = append(g.Topics, t)
		}
		g.Topics[i].Partitions = append(g.Topics[i].Partitions, p.Num)
	}
	req.Groups = append(req.Groups, g)
	resp, err := req.RequestWith(ctx, w.restorer.Client())
	if err != nil {
		return nil, fmt.Errorf("offset fetch: %w", err)
	}
	got := make(map[offsets.Partition]int64, len(parts))
	for _, g := range resp.Groups {
		errs := []error{kerr.ErrorForCode(g.ErrorCode)}
		for _, t := range g.Topics {
			for _, p := range t.Partitions {
				errs = append(errs, kerr.ErrorForCode(p.ErrorCode))
				if p.Offset >= 0 {
					got[offsets.Partition{Topic: t.Topic, Num: p.Partition}] = p.Offset
				}
			}
		}
		if err := errors.Join(errs...); err != nil {
			return nil, fmt.Errorf("offset fetch: %w", err)
		}
	}
	return got, nil
}
