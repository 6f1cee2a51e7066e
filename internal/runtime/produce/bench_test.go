package produce

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const benchRecords = 1000

// sealedBatch is a batch of records as the bench against Java has them.
func sealedBatch(t testing.TB) []byte {
	b := &batch{buf: make([]byte, headerBytes)}
	r := Record{Key: []byte("user00000001"), Value: make([]byte, 100), Time: 1}
	for range benchRecords {
		b.add(&r)
	}
	b.sign(producerID{}, 0)
	b.seal(nil, false)
	return b.sealed
}

// BenchmarkAppend is a record on its way into a batch, with its share of the
// batch's checksum; BenchmarkCopy is its floor.
func BenchmarkAppend(b *testing.B) {
	batch := &batch{buf: make([]byte, headerBytes, 1<<20)}
	r := Record{Key: []byte("user00000001"), Value: make([]byte, 100), Time: 1}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		batch.add(&r)
		if i%benchRecords == benchRecords-1 {
			batch.sign(producerID{}, 0)
			batch.seal(nil, false)
			batch.buf, batch.n = batch.buf[:headerBytes], 0
		}
	}
}

func BenchmarkCopy(b *testing.B) {
	buf := make([]byte, 0, 1<<20)
	key, value := []byte("user00000001"), make([]byte, 100)
	for i := 0; b.Loop(); i++ {
		buf = append(append(buf, key...), value...)
		if i%benchRecords == benchRecords-1 {
			buf = buf[:0]
		}
	}
}

// BenchmarkFetchDecode is what the client does with a fetched batch; an op is
// a batch of 1000 records. BenchmarkCopy is its floor.
func BenchmarkFetchDecode(b *testing.B) {
	rp := kmsg.NewFetchResponseTopicPartition()
	rp.RecordBatches, rp.HighWatermark = sealedBatch(b), benchRecords
	decomp := kgo.DefaultDecompressor()
	b.ReportAllocs()
	for b.Loop() {
		got, _ := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{Topic: "in"}, &rp, decomp, nil)
		if len(got.Records) != benchRecords || got.Err != nil {
			b.Fatal(len(got.Records), got.Err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRecords, "ns/record")
}
