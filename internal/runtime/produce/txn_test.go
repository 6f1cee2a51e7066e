package produce

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// eras are the ways of brokers with transactions, each with the client for it.
var eras = []struct {
	name                     string
	implicit                 bool
	produce, endTxn, addPart int16
}{{"implicit", true, 12, 5, 3}, {"explicit", false, 11, 4, 3}}

// everyEra runs a test with a transactional Producer of each way.
func everyEra(t *testing.T, test func(t *testing.T, b *bed), opts ...kgo.Opt) {
	for _, era := range eras {
		t.Run(era.name, func(t *testing.T) {
			v := kversion.Stable()
			v.SetMaxKeyVersion(int16(kmsg.Produce), era.produce)
			v.SetMaxKeyVersion(int16(kmsg.EndTxn), era.endTxn)
			v.SetMaxKeyVersion(int16(kmsg.AddPartitionsToTxn), era.addPart)
			test(t, newBed(t, Config{
				BatchBytes: 2 << 10, Txn: &Transactional{ID: "txn", Timeout: time.Minute, Implicit: era.implicit},
			}, append(opts, kgo.MaxVersions(v))...))
		})
	}
}

// replace goes on with another Producer of the same transactional id.
func (b *bed) replace(t *testing.T) {
	t.Helper()
	b.p.Close()
	b.p = New(b.p.c)
	t.Cleanup(b.p.Close)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := b.p.Ready(ctx); err != nil {
		t.Fatal(err)
	}
}

// committed returns what readers of committed records see of a partition of out.
func (b *bed) committed(t *testing.T, num int32) (keys []int) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.cluster.ListenAddrs()...), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{"out": {num: kgo.NewOffset().AtStart()}}))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	adm := kadm.NewClient(cl)
	stable, err := adm.ListCommittedOffsets(ctx, "out")
	if err != nil {
		t.Fatal(err)
	}
	end, err := adm.ListEndOffsets(ctx, "out")
	if err != nil {
		t.Fatal(err)
	}
	s, _ := stable.Lookup("out", num)
	if e, _ := end.Lookup("out", num); s.Offset != e.Offset {
		t.Fatalf("partition %d has an open transaction: stable up to %d of %d", num, s.Offset, e.Offset)
	}
	for next := int64(0); next < s.Offset; {
		f := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			t.Fatalf("partition %d: read up to %d of %d", num, next, s.Offset)
		}
		f.EachRecord(func(r *kgo.Record) {
			next = r.Offset + 1
			if !r.Attrs.IsControl() {
				n, _ := strconv.Atoi(string(r.Key))
				keys = append(keys, n)
			}
		})
	}
	return keys
}

// seeOnly checks that readers of committed records see the numbers of these
// transactions, each with size records, in all partitions.
func (b *bed) seeOnly(t *testing.T, size int, txns []int) {
	t.Helper()
	var want []int
	for _, txn := range txns {
		for i := range size {
			want = append(want, txn*size+i)
		}
	}
	for _, num := range all {
		if got := b.committed(t, num); !slices.Equal(got, want) {
			t.Fatalf("partition %d has %d records, want %d: %v, want %v", num, len(got), len(want), got, want)
		}
	}
}

// Transactions that are committed show, those that are aborted don't, though
// brokers refuse some requests.
func TestTransactions(t *testing.T) {
	for _, e := range []*kerr.Error{nil, kerr.ConcurrentTransactions, kerr.NotLeaderForPartition} {
		name := "undisturbed"
		if e != nil {
			name = e.Message
		}
		t.Run(name, func(t *testing.T) {
			everyEra(t, func(t *testing.T, b *bed) {
				if e != nil {
					b.answer(e.Code, sometimes)
				}
				topic := b.topic(t, "out")
				const size, txns = 40, 6
				var shown []int
				for txn := range txns {
					b.send(t, topic, txn*size, size, all...)
					end := b.p.Commit
					if txn%3 == 1 {
						end = b.p.Abort
					} else {
						b.flush(t)
						shown = append(shown, txn)
					}
					// An abort may find a batch that was tried: nobody knows what of.
					switch err := end(t.Context()); {
					case txn%3 == 1 && errors.Is(err, errUnsettled):
						b.replace(t)
						topic = b.topic(t, "out")
					case err != nil:
						t.Fatal(err)
					}
				}
				b.seeOnly(t, size, shown)
			})
		})
	}
}

// Connections break: what is not known is settled by the next Producer, and a
// transaction is there as a whole or not at all.
func TestTransactionsOnBrokenConnections(t *testing.T) {
	everyEra(t, func(t *testing.T, b *bed) {
		topic := b.topic(t, "out")
		const size = 100
		var shown []int
		for txn := range 30 {
			b.send(t, topic, txn*size, size, all...)
			if rand.IntN(4) == 0 {
				if b.p.Abort(t.Context()) != nil {
					b.replace(t)
					topic = b.topic(t, "out")
				}
				continue
			}
			b.flush(t)
			if err := b.p.Commit(t.Context()); err != nil {
				b.replace(t)
				topic = b.topic(t, "out")
				if !slices.Contains(b.committed(t, 0), txn*size) {
					continue
				}
			}
			shown = append(shown, txn)
		}
		if err := b.p.Abort(t.Context()); err != nil {
			b.replace(t)
		}
		b.seeOnly(t, size, shown)
	}, kgo.Dialer(dialFlaky))
}

// A Producer that another one of its id came after can't add to a transaction,
// nor commit one.
func TestFenced(t *testing.T) {
	everyEra(t, func(t *testing.T, b *bed) {
		topic := b.topic(t, "out")
		b.send(t, topic, 0, 10, all...)
		b.flush(t)
		c := b.p.c
		c.Done = func(*Result) {}
		next := New(c)
		defer next.Close()
		if err := next.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.send(t, topic, 10, 10, all...)
		b.flush(t)
		if len(b.refused) == 0 || b.taken != 10*len(all) {
			t.Errorf("%d records taken, %d batches refused", b.taken, len(b.refused))
		}
		if err := b.p.Commit(t.Context()); err == nil {
			t.Error("a fenced producer committed")
		}
		if _, _, err := b.p.Join(t.Context()); err == nil {
			t.Error("a fenced producer let offsets join")
		}
		if _, _, err := next.Join(t.Context()); err != nil {
			t.Error(err)
		}
		b.seeOnly(t, 10, nil)
	})
}

// One refused batch is the end of its transaction: nothing more of it is sent,
// all of it is told, and it can't be committed.
func TestRefusedInTransaction(t *testing.T) {
	everyEra(t, func(t *testing.T, b *bed) {
		topic := b.topic(t, "out")
		b.send(t, topic, 0, 10, all...)
		b.flush(t)
		refuse := true
		b.answer(kerr.MessageTooLarge.Code, func() bool { was := refuse; refuse = false; return was })
		b.send(t, topic, 10, 1000, 1)
		b.flush(t)
		var refused int
		for _, r := range b.refused {
			if refused += r.Records; !errors.Is(r.Err, kerr.MessageTooLarge) {
				t.Errorf("refused: %v", r.Err)
			}
		}
		if refused != 1000 {
			t.Errorf("%d records refused, want 1000", refused)
		}
		for name, end := range map[string]func(context.Context) error{"commit": b.p.Commit, "abort": b.p.Abort} {
			if err := end(t.Context()); !errors.Is(err, kerr.MessageTooLarge) {
				t.Errorf("%s: %v", name, err)
			}
		}
		b.replace(t)
		b.seeOnly(t, 10, nil)
	})
}

// The fate of each record is told, also of those that were never sent.
func TestDropped(t *testing.T) {
	everyEra(t, func(t *testing.T, b *bed) {
		topic := b.topic(t, "out")
		for i := range 100 {
			r := Record{Key: strconv.AppendInt(nil, int64(i), 10), Told: &kgo.Record{}}
			if err := b.p.Append(t.Context(), topic, int32(i%6), &r); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.p.Abort(t.Context()); err != nil {
			t.Fatal(err)
		}
		told := 0
		for _, r := range b.refused {
			told += len(r.Told)
		}
		if b.taken != 0 || told != 100 {
			t.Errorf("%d taken, %d told of, want 100", b.taken, told)
		}
		b.send(t, topic, 0, 10, all...)
		b.flush(t)
		if err := b.p.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.seeOnly(t, 10, []int{0})
	})
}
