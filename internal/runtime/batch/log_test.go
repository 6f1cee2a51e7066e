package batch

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ottla-streams/ottla/serde"
)

// txn is an aborted transaction from its first record until its marker.
type txn struct{ producer, first, last int64 }

// partition is a log as a broker keeps it: producers write to it, with and
// without transactions, and some of it was compacted.
type partition struct {
	r       *rand.Rand
	ends    []int   // of each batch in raw
	lasts   []int64 // the last offset of each batch
	raw     []byte
	next    int64
	open    map[int64]int64 // producers with a transaction, and its first offset or -1
	aborted []txn
	seen    map[string]int // what the log has, and how often
}

func newPartition(r *rand.Rand, batches int) *partition {
	p := &partition{r: r, next: int64(r.IntN(1000)), open: make(map[int64]int64), seen: make(map[string]int)}
	for range batches {
		producer := int64(r.IntN(4))
		_, open := p.open[producer]
		switch r.IntN(10) {
		case 0, 1:
			p.batch(-1, 0)
		case 2:
			p.seen["offset gap"]++
			p.next += 1 + int64(r.IntN(20)) // whole batches were compacted
		case 3, 4, 5:
			if open {
				p.end(producer)
				continue
			}
			fallthrough
		default:
			p.batch(producer, transactional)
		}
	}
	return p
}

func (p *partition) add(raw []byte, n int64) {
	p.raw = append(p.raw, raw...)
	p.next += n
	p.ends, p.lasts = append(p.ends, len(p.raw)), append(p.lasts, p.next-1)
}

// end writes the marker of a transaction.
func (p *partition) end(producer int64) {
	first := p.open[producer]
	delete(p.open, producer)
	commit := byte(p.r.IntN(2))
	if commit == 0 && first >= 0 {
		p.aborted = append(p.aborted, txn{producer, first, p.next})
		p.seen["aborted"]++
	}
	p.add(marker(p.next, producer, commit), 1)
}

// batch writes records of a producer.
func (p *partition) batch(producer int64, attributes int16) {
	first, open := p.open[producer]
	n := 1 + p.r.IntN(30)
	var records []record
	sparse, gone := p.r.IntN(3) == 0, p.r.IntN(3)
	for i := range n {
		if !sparse || p.r.IntN(2) < gone {
			records = append(records, p.record(i))
		}
	}
	if sparse {
		p.seen["compacted"]++
	}
	if len(records) == 0 {
		p.seen["empty"]++
	}
	if attributes&transactional != 0 && (!open || first < 0) {
		p.open[producer] = p.next
		if !open && p.r.IntN(8) == 0 { // nothing was written in it yet
			p.open[producer] = -1
			return
		}
	}
	if p.r.IntN(4) == 0 {
		attributes |= appendTime
		p.seen["append time"]++
	}
	if p.r.IntN(8) == 0 {
		attributes |= 1 << 6 // FirstTimestamp is the delete horizon
	}
	b := kmsg.RecordBatch{
		FirstOffset: p.next, LastOffsetDelta: int32(n - 1), PartitionLeaderEpoch: int32(p.next / 50), Attributes: attributes, ProducerID: producer,
		FirstTimestamp: p.r.Int64N(1 << 42), MaxTimestamp: p.r.Int64N(1 << 42),
	}
	p.add(wire(b, p.r.IntN(len(compressors)), records...), int64(n))
}

func (p *partition) record(delta int) record {
	r := record{at: p.r.IntN(1<<p.r.IntN(40)) - 10, delta: delta, key: p.bytes(), value: p.bytes()}
	if p.r.IntN(3) == 0 {
		r.headers = make(serde.Headers, p.r.IntN(5))
		for i := range r.headers {
			r.headers[i] = serde.Header{Key: string(p.bytes()), Value: p.bytes()}
		}
	}
	if p.r.IntN(10) == 0 {
		r.extra = []byte("later")
	}
	return r
}

// bytes may be null or empty, and is often short.
func (p *partition) bytes() []byte {
	switch p.r.IntN(6) {
	case 0:
		p.seen["null"]++
		return nil
	case 1:
		return []byte{}
	case 2:
		return bytes.Repeat([]byte("long"), p.r.IntN(100))
	}
	return []byte("some bytes of a record")[:p.r.IntN(23)]
}

// fetch returns what a broker answers to a fetch from an offset: from the batch
// that has it, cut somewhere, with the transactions that end after it.
func (p *partition) fetch(from int64) (raw []byte, list []Aborted) {
	start, _ := slices.BinarySearch(p.lasts, from)
	start = max(0, start-p.r.IntN(2)*p.r.IntN(3)) // or from before that batch
	begin := 0
	if start > 0 {
		begin = p.ends[start-1]
	}
	raw = p.raw[begin:]
	if p.r.IntN(2) == 0 {
		raw = raw[:p.r.IntN(len(raw)+1)]
	}
	list = []Aborted{}
	for _, a := range p.aborted {
		if a.last >= from {
			list = append(list, Aborted{a.producer, a.first})
		}
	}
	p.r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return raw, list
}

// TestSameAsClient fetches from all places of logs.
func TestSameAsClient(t *testing.T) {
	seen := make(map[string]int)
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 1))
		d := remembering{kgo.DefaultDecompressor(), make(map[string][]byte)}
		p := newPartition(r, 1+r.IntN(60))
		for range 25 {
			from := p.next - r.Int64N(p.next+1)
			raw, list := p.fetch(from)
			seen["read"] += compare(t, d, raw, from, nil)
			seen["read committed"] += compare(t, d, raw, from, list)
			if t.Failed() {
				t.Fatalf("seed %d from %d of %d", seed, from, p.next)
			}
		}
		for what, n := range p.seen {
			seen[what] += n
		}
	}
	for _, what := range []string{"offset gap", "aborted", "compacted", "empty", "append time", "null", "read", "read committed"} {
		if seen[what] < 100 {
			t.Errorf("%s: only %d of them", what, seen[what])
		}
	}
	if seen["read"] <= seen["read committed"] {
		t.Errorf("%d records in all, %d are committed", seen["read"], seen["read committed"])
	}
}
