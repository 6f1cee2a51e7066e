package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ottla-streams/ottla/internal/runtime/assign"
	"github.com/ottla-streams/ottla/internal/runtime/client"
	"github.com/ottla-streams/ottla/internal/runtime/collect"
	"github.com/ottla-streams/ottla/internal/runtime/fetch"
	"github.com/ottla-streams/ottla/internal/runtime/group"
	"github.com/ottla-streams/ottla/internal/runtime/restore"
)

// How much a worker fetches at a time.
const (
	fetchBytes     = 8 << 20
	partitionBytes = 1 << 20
)

// open makes the clients. The consumer joins the group as soon as it exists.
func (w *Worker) open() error {
	restorer, err := restore.New(restore.Config{
		Client: w.c.Client, Role: w.role("restore"), Committed: w.c.ExactlyOnce, Ring: w.bell.ring, Logger: w.log,
	})
	if err != nil {
		return err
	}
	w.restorer = restorer
	if err := w.openProducer(); err != nil {
		return err
	}
	balancer, err := group.New(group.Config{
		Topology:     func() group.Topology { return w.layout.group },
		Subscription: w.subscription,
		Assigned:     w.assigned,
		EndOffsets:   w.endOffsets,
		FollowUp:     w.c.ProbingInterval,
		Assign: assign.Config{
			Standbys: w.c.Standbys, RackTags: w.c.RackTags, AcceptableLag: w.c.WarmupLag, MaxWarmups: w.c.MaxWarmups,
		},
		Context: w.life,
		Logger:  w.log,
	})
	if err != nil {
		return err
	}
	opts := []kgo.Opt{
		client.Pin(map[kmsg.Key]int16{kmsg.OffsetCommit: 9}),
		kgo.ConsumerGroup(w.c.App), kgo.InstanceID(w.instanceID()), kgo.ConsumeTopics(w.layout.topics()...), kgo.Balancers(balancer),
		kgo.SessionTimeout(w.c.SessionTimeout), kgo.RebalanceTimeout(w.c.RebalanceTimeout),
		kgo.HeartbeatInterval(min(w.c.SessionTimeout/8, 500*time.Millisecond)),
		kgo.DisableAutoCommit(), kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.OnPartitionsRevoked(w.onRevoked), kgo.OnPartitionsLost(w.onLost), kgo.OnPartitionsAssigned(w.onAssigned),
		kgo.OnOffsetsFetched(w.onFetched), kgo.AdjustFetchOffsetsFn(w.onOffsets),
	}
	var ctx context.Context
	ctx, w.endConsumer = context.WithCancel(context.Background())
	opts = append(opts, kgo.WithContext(ctx), kgo.WithHooks(w.c.Hooks...))
	if w.consumer, err = w.c.Client.New(w.role("consumer"), opts...); err != nil {
		return err
	}
	w.fetcher = w.newFetcher()
	w.side.Go(func() { w.watchGroup(ctx, w.consumer) })
	return nil
}

// newFetcher returns what reads the inputs, through the consumer's connections.
func (w *Worker) newFetcher() *fetch.Fetcher {
	answer, part := w.fetchLimits()
	return fetch.New(fetch.Config{
		Client: w.consumer, Committed: w.c.ExactlyOnce, AnswerBytes: answer, PartitionBytes: part, Ring: w.bell.ring, Logger: w.log,
	})
}

// role is the name of a client of this worker. Its id is named as Kafka Streams names it.
func (w *Worker) role(kind string) string { return fmt.Sprintf("StreamThread-%d-%s", w.c.Index, kind) }

// instanceID makes the worker a static member of the group (KIP-345): when its
// process was killed and is back in time, it goes on with its tasks, and the
// others with theirs. Another topology makes another member, since the group
// would not ask again what a member that is back wants.
func (w *Worker) instanceID() string {
	return fmt.Sprintf("%s-%d-%08x", w.c.Dir.ProcessName(), w.c.Index, uint32(w.layout.group.Fingerprint()))
}

// openProducer makes the producer.
func (w *Worker) openProducer() error {
	opts := collect.Opts(w.c.ProducerBytes)
	if w.c.ExactlyOnce {
		t, pin := w.newTransaction()
		w.txn, opts = t, append(opts, pin)
	}
	opts = append(opts, kgo.WithHooks(w.c.Hooks...))
	cl, err := w.c.Client.New(w.role("producer"), opts...)
	if err != nil {
		return err
	}
	w.producer = cl
	w.out = collect.New(w.life, cl, w.txn, w.judgeOutput)
	if w.txn != nil {
		// A transaction that a crash left open is ended by this: nobody has to wait
		// for its timeout.
		out := w.out.Producer()
		w.side.Go(func() {
			if err := out.Ready(w.life); err != nil {
				w.log.Debug("producer id is not there yet", "error", err)
			}
		})
	}
	return nil
}

// finish is the end of a worker that was told to stop.
func (w *Worker) finish() {
	w.calls.run()
	err := w.failed
	if err == nil {
		err = w.commitWithin(w.c.CloseTimeout)
	}
	if err != nil {
		w.log.Warn("stopped without a last commit: the last records will be processed again", "error", err)
		w.abortTransaction()
	}
	for _, e := range w.tasks {
		w.closeTask(e, err == nil)
	}
	w.closeStandbys()
}

// abandon is the end of a worker after an error: its tasks go back to their
// last commit.
func (w *Worker) abandon() {
	w.calls.run()
	w.abortTransaction()
	for _, e := range w.tasks {
		w.closeTask(e, false)
	}
	w.closeStandbys()
}

// drop is the end of a worker that is not in a known state.
func (w *Worker) drop() {
	for _, e := range w.tasks {
		if e.task != nil {
			e.task.Abort()
			if err := e.task.Close(false); err != nil {
				w.log.Warn("task did not close", "task", e.id.String(), "error", err)
			}
		}
		w.c.Dir.Release(e.id, w)
		delete(w.tasks, e.id)
	}
	for _, s := range w.standbys {
		s.damaged = true
		w.closeStandby(s)
	}
}

// close leaves the group and ends the clients and all goroutines.
func (w *Worker) close() {
	close(w.calls.gone)
	w.tell(Stopped)
	w.m.Hide()
	if w.consumer != nil {
		ctx, cancel := context.WithTimeout(context.Background(), w.c.CloseTimeout)
		// The last commit may have taken all the time of a stop, or leave some of it.
		hurry := context.AfterFunc(w.life, func() { time.AfterFunc(time.Second, cancel) })
		if err := w.leave(ctx); err != nil {
			w.log.Warn("group was not left: it waits for the session timeout", "error", err)
		}
		hurry()
		cancel()
		w.fetcher.Close()
		w.endConsumer()
		w.consumer.Close()
	}
	w.stop()
	w.side.Wait()
	w.c.Budget.Tasks(w.c.Index, 0)
	if w.out != nil {
		w.out.Close()
	}
	if w.producer != nil {
		w.producer.Close()
	}
	if w.restorer != nil {
		w.restorer.Close()
	}
	if w.follower != nil {
		w.follower.Close()
	}
}

// leaveTime is how long a stop waits for what the consumer is at with the group.
const leaveTime = 200 * time.Millisecond

// leave leaves the group, unless the worker is to keep its place for a restart.
// The client only stops: it leaves static members in. The member is told by its
// instance id alone: one whose first join is not answered yet has no other.
func (w *Worker) leave(ctx context.Context) error {
	member, _ := w.consumer.GroupMetadata()
	soon, cancel := context.WithTimeout(ctx, leaveTime)
	err := w.consumer.LeaveGroupContext(soon)
	cancel()
	if err != nil {
		// A join waits for all others, perhaps for long. The client can be told only
		// as a whole to wait no more.
		w.endConsumer()
		if err := w.consumer.LeaveGroupContext(ctx); ctx.Err() != nil {
			return err
		}
	}
	if w.stays {
		return nil
	}
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group = w.c.App
	m := kmsg.NewLeaveGroupRequestMember()
	m.InstanceID = kmsg.StringPtr(w.instanceID())
	m.Reason = kmsg.StringPtr("the worker stops")
	req.Members = append(req.Members, m)
	// A first join that is under way may reach the broker behind this.
	for wait := 50 * time.Millisecond; ; wait *= 2 {
		resp, err := req.RequestWith(ctx, w.restorer.Client())
		if err != nil {
			return err
		}
		err = kerr.ErrorForCode(resp.ErrorCode)
		for _, m := range resp.Members {
			err = errors.Join(err, kerr.ErrorForCode(m.ErrorCode))
		}
		if !errors.Is(err, kerr.UnknownMemberID) {
			return err
		}
		if member != "" || wait > 200*time.Millisecond {
			return nil
		}
		pause(ctx, wait)
	}
}
