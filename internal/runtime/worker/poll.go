package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/runtime/fetch"
	"github.com/ottla-streams/ottla/internal/runtime/offsets"
)

const (
	backlog     = 1000                   // records of ready tasks that make a poll wait
	pollEvery   = 100 * time.Millisecond // if any task has no records
	longestWait = time.Second
)

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
	chunks := w.fetcher.Take()
	if wait := w.idleFor(ready); wait > 0 && len(chunks) == 0 {
		w.bell.wait(ctx, wait)
		chunks = w.fetcher.Take()
	}
	w.m.Polls++
	var err error
	for i := range chunks {
		if e := w.take(&chunks[i]); e != nil && err == nil {
			err = e
		}
	}
	return err
}

// take adds what was read of one partition to its task.
func (w *Worker) take(c *fetch.Chunk) error {
	in, e := w.input(c.Partition)
	if c.Err != nil {
		return w.fetchFailed(in, e, c.Partition, c.Err)
	}
	w.missing.found(c.Partition)
	switch {
	case in == nil:
		return nil // given up meanwhile
	case e.task == nil || c.From != in.next:
		w.fetcher.Set(in.Partition, in.next, -1) // it has to be read again, or goes on elsewhere
		return nil
	}
	for i := range c.Batches {
		b := &c.Batches[i]
		in.epochs.note(max(b.Base, c.From), b.Epoch)
		w.m.Polled += int64(b.Records)
	}
	if c.Epoch >= 0 {
		in.epochs.note(c.Next-1, c.Epoch) // of what is not for the application, if that comes last
	}
	in.next, in.end, in.lastSeen = c.Next, max(in.end, c.End), w.now()
	if err := e.task.AddBatches(in.Topic, in.Num, c.Batches, c.From, c.End); err != nil {
		return w.taskFailed(e, err)
	}
	if e.task != nil {
		e.task.SetPosition(in.Topic, in.next, c.End)
	}
	return nil
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

// fetchFailed judges an error that the fetcher does not mend by itself, or that
// the client's group has.
func (w *Worker) fetchFailed(in *input, e *entry, p offsets.Partition, err error) error {
	var (
		cut   *fetch.Cut
		group *kgo.ErrGroupSession
		large *kgo.ErrDecompressTooLarge
		code  *kerr.Error
	)
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return nil
	case errors.Is(err, kgo.ErrClientClosed):
		return &Error{Err: errors.New("the consumer was closed"), Replace: true}
	case errors.As(err, &cut):
		w.log.Error("an input lost records", "topic", p.Topic, "partition", p.Num, "error", err)
		return w.goBefore(e, in, cut.To)
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
		w.missing.note(w.now(), w.c.MissingGrace, p, fmt.Errorf("topic %s: %w", p.Topic, ErrMissingTopics))
	case errors.As(err, &code) && code.Retriable:
	case code == nil && isNetwork(err):
		w.log.Warn("fetch is tried again", "topic", p.Topic, "partition", p.Num, "error", err)
	case in != nil:
		return fmt.Errorf("%s: fetch: %w", p, err)
	default:
		w.log.Warn("fetch", "topic", p.Topic, "partition", p.Num, "error", err)
	}
	return nil
}

// watchGroup hands the loop what the client has to say of the group. It reads no
// partition by itself: it is given none.
func (w *Worker) watchGroup(ctx context.Context, consumer *kgo.Client) {
	for {
		said := consumer.PollFetches(ctx)
		if ctx.Err() != nil {
			return
		}
		said.EachError(func(topic string, num int32, err error) {
			w.calls.post(func() {
				p := offsets.Partition{Topic: topic, Num: num}
				in, e := w.input(p)
				w.fail(w.fetchFailed(in, e, p, err))
			})
		})
		if said.IsClientClosed() {
			return
		}
	}
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
