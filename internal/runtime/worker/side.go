package worker

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ottla-streams/ottla/internal/runtime/assign"
	"github.com/ottla-streams/ottla/internal/runtime/group"
	"github.com/ottla-streams/ottla/internal/runtime/topics"
)

// What a worker does beside its loop, on goroutines that end with it.

// partitions is the number of partitions of a topic. The first question about a
// topic waits for the brokers.
func (w *Worker) partitions(topic string) (int32, error) {
	if n, ok := w.c.Topics[topic]; ok {
		return n, nil
	}
	return w.out.Partitions(topic)
}

// fence ends the transactions of members that vanished, when we get tasks: they
// may have been theirs, and would wait for the timeout of the transactions. The
// group remembers who vanished as long as one of its members stays; when all went
// at once, the brokers are asked for what was left open.
func (w *Worker) fence(a group.Assignment) {
	old := *w.active.Load()
	fresh := slices.ContainsFunc(a.Active, func(id assign.TaskID) bool { return !slices.Contains(old, id) })
	if !w.c.ExactlyOnce || !fresh {
		return
	}
	for _, id := range a.Vanished {
		// The names come from other members: only those of this app are touched.
		if !strings.HasPrefix(id, w.c.App+"-") || strings.HasPrefix(id, w.c.App+"-"+w.c.Dir.ProcessName()+"-") {
			continue
		}
		w.side.Go(func() { w.fenceProducer(id) })
	}
	if len(a.Members) > 0 {
		w.side.Go(func() { w.fenceStrangers(slices.Concat(a.Members, a.Vanished)) })
	}
}

// ofProcess is what follows the application id in a transactional id.
var ofProcess = regexp.MustCompile(`^-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-[0-9]+$`)

// strange says that a transactional id is one of this app, and of another
// process. The id of another app may begin with that of this one.
func (w *Worker) strange(id string) bool {
	rest, ours := strings.CutPrefix(id, w.c.App)
	m := ofProcess.FindStringSubmatch(rest)
	return ours && m != nil && m[1] != w.c.Dir.ProcessName()
}

// fenceStrangers ends the open transactions of this app whose producers the
// group does not know: they belong to nobody who could commit them.
func (w *Worker) fenceStrangers(known []string) {
	ctx, cancel := context.WithTimeout(w.life, 10*time.Second)
	defer cancel()
	// What some brokers told is of use though others are away.
	open, err := kadm.NewClient(w.restorer.Client()).ListTransactions(ctx, nil, []string{"Ongoing"})
	if err != nil && w.life.Err() == nil {
		w.log.Debug("open transactions can't be listed", "error", err)
	}
	for _, t := range open.Sorted() {
		if t.State == "Ongoing" && w.strange(t.TxnID) && !slices.Contains(known, t.TxnID) {
			w.fenceProducer(t.TxnID)
		}
	}
}

func (w *Worker) fenceProducer(id string) {
	ctx, cancel := context.WithTimeout(w.life, 10*time.Second)
	defer cancel()
	req := kmsg.NewPtrInitProducerIDRequest()
	req.TransactionalID, req.TransactionTimeoutMillis = kmsg.StringPtr(id), int32(w.c.TransactionTimeout.Milliseconds())
	req.ProducerID, req.ProducerEpoch = -1, -1
	for ctx.Err() == nil {
		resp, err := req.RequestWith(ctx, w.restorer.Client())
		if err == nil {
			err = kerr.ErrorForCode(resp.ErrorCode)
		}
		switch {
		case err == nil:
			w.log.Info("ended the transactions of a member that vanished", "transactional_id", id)
			return
		case !errors.Is(err, kerr.ConcurrentTransactions) && !kerr.IsRetriable(err):
			w.log.Warn("transactions of a member that vanished may last until they time out", "transactional_id", id, "error", err)
			return
		}
		pause(ctx, 20*time.Millisecond)
	}
}

// purge deletes records of repartition topics that all their readers are done
// with, now and then. It is no harm if that fails.
func (w *Worker) purge(moves []move) {
	for _, m := range moves {
		if w.layout.internal[m.in.Topic] {
			w.done[m.in.Partition] = m.to.offset
		}
	}
	if len(w.done) == 0 || w.now().Sub(w.purged) < w.c.PurgeInterval {
		return
	}
	w.purged = w.now()
	committed := make(kadm.Offsets)
	for p, offset := range w.done {
		committed.AddOffset(p.Topic, p.Num, offset, -1)
	}
	clear(w.done)
	w.side.Go(func() {
		ctx, cancel := context.WithTimeout(w.life, 15*time.Second)
		defer cancel()
		if err := topics.Purge(ctx, kadm.NewClient(w.restorer.Client()), w.c.Topology, w.c.App, committed); err != nil && ctx.Err() == nil {
			w.log.Warn("repartition topics keep what was read of them", "error", err)
		}
	})
}
