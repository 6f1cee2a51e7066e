package worker

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ottla-streams/ottla/internal/runtime/client"
	"github.com/ottla-streams/ottla/internal/runtime/collect"
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
		Context:      w.life,
		Logger:       w.log,
	})
	if err != nil {
		return err
	}
	opts := []kgo.Opt{
		client.Pin(map[kmsg.Key]int16{kmsg.OffsetCommit: 9}),
		kgo.ConsumerGroup(w.c.App), kgo.ConsumeTopics(w.layout.topics()...), kgo.Balancers(balancer),
		kgo.SessionTimeout(w.c.SessionTimeout), kgo.RebalanceTimeout(w.c.RebalanceTimeout),
		kgo.HeartbeatInterval(min(w.c.SessionTimeout/4, 3*time.Second)),
		kgo.DisableAutoCommit(), kgo.ConsumeResetOffset(kgo.NoResetOffset()), kgo.KeepControlRecords(),
		kgo.FetchMaxBytes(fetchBytes), kgo.FetchMaxPartitionBytes(partitionBytes), kgo.FetchMaxWait(500 * time.Millisecond),
		kgo.OnPartitionsRevoked(w.onRevoked), kgo.OnPartitionsLost(w.onLost), kgo.OnPartitionsAssigned(w.onAssigned),
		kgo.OnOffsetsFetched(w.onFetched), kgo.AdjustFetchOffsetsFn(w.onOffsets),
	}
	if w.c.ExactlyOnce {
		opts = append(opts, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	}
	w.consumer, err = w.c.Client.New(w.role("consumer"), opts...)
	return err
}

// role is the name of a client of this worker. Its id is named as Kafka Streams names it.
func (w *Worker) role(kind string) string { return fmt.Sprintf("StreamThread-%d-%s", w.c.Index, kind) }

func (w *Worker) openProducer() error {
	opts := collect.Opts(w.c.ProducerBytes)
	if w.c.ExactlyOnce {
		t, more, err := w.newTransaction()
		if err != nil {
			return err
		}
		w.txn, opts = t, append(opts, more...)
	}
	cl, err := w.c.Client.New(w.role("producer"), opts...)
	if err != nil {
		return err
	}
	w.producer = cl
	w.out = collect.New(w.life, cl, w.judgeOutput)
	return w.begin()
}

// finish is the end of a worker that was told to stop.
func (w *Worker) finish() {
	w.calls.run()
	clean := w.failed == nil && w.commitWithin(w.c.CloseTimeout) == nil
	if !clean {
		w.abortTransaction()
	}
	for _, e := range w.tasks {
		w.closeTask(e, clean)
	}
}

// abandon is the end of a worker after an error: its tasks go back to their
// last commit.
func (w *Worker) abandon() {
	w.calls.run()
	w.abortTransaction()
	for _, e := range w.tasks {
		w.closeTask(e, false)
	}
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
}

// close leaves the group and ends the clients and all goroutines.
func (w *Worker) close() {
	close(w.calls.gone)
	w.tell(Stopped)
	if w.consumer != nil {
		ctx, cancel := context.WithTimeout(context.Background(), w.c.CloseTimeout)
		if err := w.consumer.LeaveGroupContext(ctx); err != nil {
			w.log.Warn("group was not left", "error", err)
		}
		cancel()
		w.consumer.Close()
	}
	w.stop()
	w.side.Wait()
	if w.producer != nil {
		w.producer.Close()
	}
	if w.restorer != nil {
		w.restorer.Close()
	}
}
