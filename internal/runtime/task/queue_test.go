package task

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/measure"
	"github.com/ottla-streams/ottla/internal/runtime/batch"
)

// batchOf returns a batch of n records from an offset on, each with its offset
// as value.
func batchOf(base int64, n int) batch.Batch {
	var payload []byte
	for i := range n {
		value := fmt.Append(nil, base+int64(i))
		rec := []byte{0, 0} // attributes, timestamp delta
		rec = binary.AppendVarint(rec, int64(i))
		rec = append(rec, 1) // no key
		rec = append(binary.AppendVarint(rec, int64(len(value))), value...)
		rec = append(rec, 0) // no headers
		payload = append(binary.AppendVarint(payload, int64(len(rec))), rec...)
	}
	return batch.Batch{Base: base, Last: base + int64(n) - 1, Records: n, Payload: payload}
}

// TestQueue checks that batches and decoded records come out one by one and in
// order, that the one in work stays what it was while the next is there, that
// each can be had again, and that counts and bytes end at zero.
func TestQueue(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		q := &queue{topic: "t", count: new(measure.Input)}
		var added, taken int64
		add := func() {
			n := 1 + r.IntN(200)
			if r.IntN(4) == 0 {
				var records []flow.Origin
				for i := range n {
					offset := added + int64(i)
					records = append(records, flow.Origin{Topic: "t", Offset: offset, Value: fmt.Append(nil, offset)})
				}
				q.addRecords(records)
				added += int64(n)
				return
			}
			skip := r.IntN(150) // records of the batch that lie before where reading goes on
			q.addBatch(batchOf(added-int64(skip), skip+n), 3, added)
			added += int64(n)
		}
		var work *flow.Origin
		for taken < 5000 {
			if r.IntN(100) == 0 || q.n == 0 {
				add()
			}
			if err := q.fill(); err != nil {
				t.Fatal(err)
			}
			if work != nil && (work.Offset != taken-1 || string(work.Value) != fmt.Sprint(taken-1)) {
				t.Fatalf("seed %d: the record in work, %d, became %d", seed, taken-1, work.Offset)
			}
			o := q.front()
			if o.Offset != taken || string(o.Value) != fmt.Sprint(taken) || o.Topic != "t" {
				t.Fatalf("seed %d: got %+v, want offset %d", seed, o, taken)
			}
			if o.From != nil {
				if again := o.From.Again(o.At); again.Offset != taken || again.Partition != 3 || string(again.Value) != fmt.Sprint(taken) {
					t.Fatalf("seed %d: again it is %+v", seed, again)
				}
			}
			q.drop()
			work = o
			taken++
		}
		for ; q.n > 0; q.drop() {
			if err := q.fill(); err != nil {
				t.Fatal(err)
			}
		}
		if q.bytes != 0 {
			t.Errorf("seed %d: %d bytes in an empty queue", seed, q.bytes)
		}
		q.tidy()
		if q.ready != nil || len(q.places[0])+len(q.places[1]) != 0 {
			t.Errorf("seed %d: an empty queue holds records", seed)
		}
	}
}

// TestQueueCorrupt checks that a batch with other records than it says is told.
func TestQueueCorrupt(t *testing.T) {
	for name, change := range map[string]func(*batch.Batch){
		"more": func(b *batch.Batch) { b.Records++ },
		"less": func(b *batch.Batch) { b.Records-- },
		"cut":  func(b *batch.Batch) { b.Payload = b.Payload[:len(b.Payload)-1] },
	} {
		q := &queue{topic: "t", count: new(measure.Input)}
		b := batchOf(10, 5)
		change(&b)
		q.addBatch(b, 3, 10)
		if err := q.fill(); !errors.Is(err, batch.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
