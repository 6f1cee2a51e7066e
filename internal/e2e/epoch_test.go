package e2e

import (
	"context"
	"errors"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ottla-streams/ottla/internal/e2e/broker"
	"github.com/ottla-streams/ottla/stream"
)

// The epochs of a producer id are 16 bits, and each transaction takes one: after
// some hours of short transactions they are used up, and the id changes unseen
// (fault 37).
func TestEpochsUsedUp(t *testing.T) {
	t.Parallel()
	_, s := fake(t, 2)
	epochsUsedUp(t, s)
}

// The same on a real broker, which takes a minute or more to use the epochs up.
func TestEpochsUsedUpReal(t *testing.T) {
	if os.Getenv("OTTLA_SOAK") == "" {
		t.Skip("SKIPPED: takes minutes; set OTTLA_SOAK")
	}
	epochsUsedUp(t, names(t, broker.Start(t), 2))
}

func epochsUsedUp(t *testing.T, s spec) {
	s.Guarantee, s.Interval, s.StateDir = stream.ExactlyOnce, 10*time.Millisecond, t.TempDir()
	l := newLoad(t, s.Brokers, s.In)
	all := func(c *counted) bool { return len(c.ids) >= l.total() }
	stop := run(t, s)
	l.send(100)
	collectUntil(t, s.Brokers, s.Out, 40*time.Second, all)
	stop()
	var ids []string
	admin(t, s.Brokers, func(ctx context.Context, adm *kadm.Client) error {
		listed, err := adm.ListTransactions(ctx, nil, nil)
		for _, id := range listed.TransactionalIDs() {
			if strings.HasPrefix(id, s.App+"-") {
				ids = append(ids, id)
			}
		}
		return err
	})
	if len(ids) != 1 {
		t.Fatalf("transactional ids %v, want one", ids)
	}
	id := ids[0]
	const left = 20 // epochs
	before := useUp(t, s.Brokers, id, math.MaxInt16-left)
	stop = run(t, s)
	for range 3 * left { // transactions, at least where the machine keeps up
		l.send(10)
		time.Sleep(20 * time.Millisecond)
	}
	collectUntil(t, s.Brokers, s.Out, 40*time.Second, all)
	stop()
	got := collectUntil(t, s.Brokers, s.Out, 40*time.Second, all)
	got.check(t, s.Guarantee, l.total())
	if after := useUp(t, s.Brokers, id, 0); after == before {
		t.Errorf("producer id %d did not change", after)
	}
}

// useUp asks for new epochs of a transactional id until the last is at least
// least, and returns the producer id.
func useUp(t *testing.T, addr, id string, least int16) int64 {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	req := kmsg.NewPtrInitProducerIDRequest()
	req.TransactionalID, req.TransactionTimeoutMillis, req.ProducerID, req.ProducerEpoch = kmsg.StringPtr(id), 10_000, -1, -1
	for {
		resp, err := req.RequestWith(t.Context(), cl)
		if err == nil {
			err = kerr.ErrorForCode(resp.ErrorCode)
		}
		switch {
		case errors.Is(err, kerr.ConcurrentTransactions):
			time.Sleep(time.Millisecond)
		case err != nil:
			t.Fatal(err)
		case resp.ProducerEpoch >= least:
			return resp.ProducerID
		}
	}
}
