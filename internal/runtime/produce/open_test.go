package produce

import (
	"bytes"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// A batch that is opened again has its records, however small its memory is: it is
// small after a clone, when a request that failed may still read the original.
func TestOpenedAgain(t *testing.T) {
	part := &part{room: 64 << 10}
	b := &batch{part: part, buf: make([]byte, headerBytes, headerBytes+16)}
	b.add(&Record{Key: []byte("k"), Value: []byte("v")})
	b.handed = len(b.buf)
	want := bytes.Clone(b.buf)
	part.ready = []*batch{b}
	p := &Producer{c: Config{BatchBytes: 1 << 20, BufferedBytes: 1 << 20}, waiting: 1, bytes: b.handed}
	got, err := p.openBatch(t.Context(), part)
	if err != nil {
		t.Fatal(err)
	}
	if got != b || got.n != 1 || !bytes.Equal(got.buf, want) {
		t.Errorf("opened again it has %d records in %d bytes, want 1 in %d", got.n, len(got.buf), len(want))
	}
}

// Where the order is to be kept, a batch that fills up does not overtake what was
// appended to other partitions before it: all that is open goes along.
func TestFullBatchTakesOthersAlong(t *testing.T) {
	b := newBed(t, Config{BatchBytes: 8 << 10})
	for num := range int32(2) {
		if err := b.cluster.MoveTopicPartition("out", num, 0); err != nil {
			t.Fatal(err)
		}
	}
	topic := b.topic(t, "out")
	b.send(t, topic, 0, 1, 0, 1)
	b.flush(t)
	if !b.p.KeepOrder() {
		t.Fatal("the partitions have two brokers")
	}
	var seen []int32
	b.cluster.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		b.cluster.KeepControl()
		for _, rt := range req.(*kmsg.ProduceRequest).Topics {
			for _, rp := range rt.Partitions {
				seen = append(seen, rp.Partition)
			}
		}
		return nil, nil, false
	})
	value := Record{Value: make([]byte, 1<<10)}
	for i := range 20 {
		num := int32(1)
		if i == 0 {
			num = 0
		}
		if err := b.p.Append(t.Context(), topic, num, &value); err != nil {
			t.Fatal(err)
		}
	}
	if b.p.KeepOrder() {
		t.Error("a batch has left, and what comes is said to leave with it")
	}
	b.flush(t)
	if len(seen) < 3 || seen[0] != 0 {
		t.Errorf("batches left for the partitions %v, want that of 0 first", seen)
	}
}
