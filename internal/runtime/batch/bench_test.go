package batch

import (
	"hash/crc32"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ottla-streams/ottla/internal/flow"
)

const (
	benchBatches = 10
	benchRecords = 1000 // of a batch
)

// fetched is an answer of 10 000 records of about 100 bytes.
func fetched() []byte {
	var raw []byte
	records := make([]record, benchRecords)
	for i := range records {
		records[i] = record{at: i / 10, delta: i, key: []byte("user00000001"), value: make([]byte, 100)}
	}
	for i := range benchBatches {
		b := kmsg.RecordBatch{FirstOffset: int64(i * benchRecords), LastOffsetDelta: benchRecords - 1, FirstTimestamp: 1 << 40, ProducerID: -1}
		raw = append(raw, wire(b, 0, records...)...)
	}
	return raw
}

// BenchmarkFetchDecode is what is done with the bytes of a fetch until each of
// its 10 000 records was at hand: by this package, and by the client.
func BenchmarkFetchDecode(b *testing.B) {
	raw := fetched()
	perRecord := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(benchBatches*benchRecords), "ns/record")
	}
	b.Run("batch", func(b *testing.B) {
		var (
			r       Reader
			batches []Batch
			o       flow.Origin
			err     error
		)
		b.ReportAllocs()
		for b.Loop() {
			if batches, _, err = r.Read(batches[:0], raw, 0, nil); err != nil || len(batches) != benchBatches {
				b.Fatal(len(batches), err)
			}
			for i := range batches {
				src := batches[i].Payload
				for range batches[i].Records {
					n, err := batches[i].Decode(src, &o)
					if err != nil {
						b.Fatal(err)
					}
					src = src[n:]
				}
			}
		}
		perRecord(b)
	})
	b.Run("checksum", func(b *testing.B) {
		for b.Loop() {
			crc32.Checksum(raw, castagnoli)
		}
		perRecord(b)
	})
	b.Run("kgo", func(b *testing.B) {
		rp := kmsg.NewFetchResponseTopicPartition()
		rp.RecordBatches = raw
		inflate := kgo.DefaultDecompressor()
		b.ReportAllocs()
		for b.Loop() {
			got, _ := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{Topic: "in"}, &rp, inflate, nil)
			if len(got.Records) != benchBatches*benchRecords || got.Err != nil {
				b.Fatal(len(got.Records), got.Err)
			}
		}
		perRecord(b)
	})
}
