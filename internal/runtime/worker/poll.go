package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/runtime/offsets"
	"github.com/ottla-streams/ottla/serde"
)

const (
	pollRecords = 10_000
	backlog     = 1000                   // records of ready tasks that make a poll wait
	pollEvery   = 100 * time.Millisecond // if any task has no records
	longestWait = time.Second
)

// noWait lets the client return what it has: it takes no context for that.
var noWait context.Context

// poll takes what was fetched and gives it to the tasks. While there is enough
// to do it only looks in now and then, and it waits only if there is nothing.
func (w *Worker) poll(ctx context.Context) error {
	w.out.Push() // the work of the poll before is done
	if err := w.restIdle(); err != nil {
		return err
	}
	ready, hungry := w.load()
	if ready > backlog && (!hungry || w.now().Sub(w.polled) < pollEvery) {
		return nil
	}
	w.throttle()
	w.polled = w.now()
	var fetches kgo.Fetches
	if wait := w.idleFor(ready); wait > 0 {
		pctx, done := w.bell.wait(ctx, wait)
		fetches = w.consumer.PollRecords(pctx, pollRecords)
		done()
	} else {
		fetches = w.consumer.PollRecords(noWait, pollRecords)
	}
	w.m.Polls++
	w.m.Polled += int64(fetches.NumRecords())
	var err error
	fetches.EachTopic(func(t kgo.FetchTopic) {
		for i := range t.Partitions {
			if e := w.take(t.Topic, &t.Partitions[i]); e != nil && err == nil {
				err = e
			}
		}
	})
	return err
}

// take adds the records of one partition to its task.
func (w *Worker) take(topic string, fp *kgo.FetchPartition) error {
	in, e := w.input(offsets.Partition{Topic: topic, Num: fp.Partition})
	if fp.Err != nil {
		return w.fetchFailed(in, e, topic, fp)
	}
	if in == nil || e.task == nil {
		return nil // given up meanwhile
	}
	end := fp.HighWatermark
	if w.c.ExactlyOnce && fp.LastStableOffset >= 0 {
		end = fp.LastStableOffset
	}
	in.end, in.lastSeen = max(in.end, end), w.now()
	chunk := origins(in, fp.Records)
	if err := e.task.Add(topic, chunk, end); err != nil {
		return w.taskFailed(e, err)
	}
	e.task.SetPosition(topic, in.next, end)
	return nil
}

// origins converts records and notes how far they go. Control records are
// positions only; what was there before is left out.
func origins(in *input, records []*kgo.Record) []flow.Origin {
	chunk := make([]flow.Origin, 0, len(records))
	for _, r := range records {
		if r.Offset < in.next {
			continue
		}
		in.next = r.Offset + 1
		in.epochs.note(r.Offset, r.LeaderEpoch)
		if r.Attrs.IsControl() {
			continue
		}
		o := flow.Origin{Topic: in.Topic, Partition: in.Num, Offset: r.Offset, Time: r.Timestamp.UnixMilli(), Key: r.Key, Value: r.Value}
		if len(r.Headers) > 0 {
			o.Headers = make(serde.Headers, len(r.Headers))
			for i, h := range r.Headers {
				o.Headers[i] = serde.Header{Key: h.Key, Value: h.Value}
			}
		}
		chunk = append(chunk, o)
	}
	return chunk
}

func (w *Worker) input(p offsets.Partition) (*input, *entry) {
	id, ok := w.layout.task(p.Topic, p.Num)
	if !ok {
		return nil, nil
	}
	e := w.tasks[id]
	if e == nil {
		return nil, nil
	}
	return e.inputs[p.Topic], e
}

// fetchFailed judges an error that the client gives up on.
func (w *Worker) fetchFailed(in *input, e *entry, topic string, fp *kgo.FetchPartition) error {
	var (
		err   = fp.Err
		lost  *kgo.ErrDataLoss
		group *kgo.ErrGroupSession
		large *kgo.ErrDecompressTooLarge
		code  *kerr.Error
	)
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return nil
	case errors.Is(err, kgo.ErrClientClosed):
		return &Error{Err: errors.New("the consumer was closed"), Replace: true}
	case errors.As(err, &lost):
		w.log.Error("an input lost records", "topic", topic, "partition", fp.Partition, "error", err)
	case errors.As(err, &group):
		w.log.Warn("group session ended", "error", err)
		if isDenied(err) {
			return fmt.Errorf("group %s: %w", w.c.App, err)
		}
	case errors.Is(err, kerr.OffsetOutOfRange):
		w.outOfRange(in)
	case errors.As(err, &large):
		return w.skipBatch(in, e, large)
	case errors.Is(err, kerr.UnknownTopicOrPartition), errors.Is(err, kerr.UnknownTopicID):
		w.missing.note(w.now(), w.c.MissingGrace, fmt.Errorf("topic %s: %w", topic, ErrMissingTopics))
	case errors.As(err, &code) && code.Retriable:
	case code == nil && isNetwork(err):
		w.log.Warn("fetch is tried again", "topic", topic, "partition", fp.Partition, "error", err)
	case in != nil:
		return fmt.Errorf("topic %s partition %d: fetch: %w", topic, fp.Partition, err)
	default:
		w.log.Warn("fetch", "topic", topic, "partition", fp.Partition, "error", err)
	}
	return nil
}

// isDenied says that the brokers don't let us, which does not pass by itself.
func isDenied(err error) bool {
	for _, denied := range []error{
		kerr.GroupAuthorizationFailed, kerr.TopicAuthorizationFailed, kerr.ClusterAuthorizationFailed,
		kerr.TransactionalIDAuthorizationFailed, kerr.SaslAuthenticationFailed, kerr.UnsupportedSaslMechanism,
		kerr.InconsistentGroupProtocol, kerr.InvalidSessionTimeout, kerr.GroupMaxSizeReached,
	} {
		if errors.Is(err, denied) {
			return true
		}
	}
	return false
}
