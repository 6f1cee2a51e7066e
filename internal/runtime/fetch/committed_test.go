package fetch

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// transact writes records in a transaction and returns how to end it.
func (r *rig) transact(id string, from, count int) func(kgo.TransactionEndTry) {
	r.t.Helper()
	cl := r.client(kgo.TransactionalID(id))
	if err := cl.BeginTransaction(); err != nil {
		r.t.Fatal(err)
	}
	for i := range count {
		if err := cl.ProduceSync(r.t.Context(), &kgo.Record{Topic: topic, Value: value(0, from+i)}).FirstErr(); err != nil {
			r.t.Fatal(err)
		}
	}
	return func(how kgo.TransactionEndTry) {
		r.t.Helper()
		if err := cl.EndTransaction(context.Background(), how); err != nil {
			r.t.Fatal(err)
		}
	}
}

func TestCommitted(t *testing.T) {
	for _, size := range []int32{0, 1} { // of what is answered of the partition
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			r := setup(t, 1)
			r.transact("a", 900, 3)(kgo.TryAbort) // 0 to 3
			r.transact("b", 0, 3)(kgo.TryCommit)  // 4 to 7
			c := r.transact("c", 901, 2)          // 8 and 9
			r.transact("d", 3, 2)(kgo.TryCommit)  // 10 to 12
			c(kgo.TryAbort)                       // 13
			r.transact("e", 902, 1)(kgo.TryAbort) // 14 and 15
			open := r.transact("f", 5, 2)         // 16 and 17
			r.transact("g", 7, 1)(kgo.TryCommit)  // 18 and 19
			r.start(Config{Committed: true, PartitionBytes: size, Wait: 20 * time.Millisecond})
			r.set(0, 0, -1)
			r.read(0, 16)
			if r.next[part(0)] != 16 || r.end[part(0)] != 16 {
				t.Errorf("next %v, ends %v with an open transaction", r.next, r.end)
			}
			r.complete(0, 0, 5)
			r.quiet(60 * time.Millisecond)
			open(kgo.TryCommit) // 20
			r.read(0, 21)
			r.complete(0, 0, 8)
			if r.end[part(0)] != 21 {
				t.Error(r.end)
			}
		})
	}
}

// Who reads uncommitted gets all but the markers.
func TestUncommitted(t *testing.T) {
	r := setup(t, 1)
	r.transact("a", 0, 3)(kgo.TryAbort)
	r.transact("b", 3, 3)
	r.start(Config{})
	r.set(0, 0, -1)
	r.read(0, 7)
	r.complete(0, 0, 6)
	if r.end[part(0)] != 7 {
		t.Error(r.end)
	}
}
