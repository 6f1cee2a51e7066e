package batch

import (
	"encoding/binary"
	"hash/crc32"
	"testing"

	"github.com/twmb/franz-go/pkg/kbin"
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
	key, value := []byte("user00000001"), make([]byte, 80)
	for i := range benchBatches {
		var records []byte
		for j := range benchRecords {
			body := kbin.AppendVarint([]byte{0}, int32(j/10))
			body = kbin.AppendVarint(body, int32(j))
			body = kbin.AppendVarintBytes(body, key)
			body = kbin.AppendVarintBytes(body, value)
			body = append(body, 0)
			records = append(kbin.AppendVarint(records, int32(len(body))), body...)
		}
		b := kmsg.RecordBatch{
			FirstOffset: int64(i * benchRecords), Length: int32(headerSize - 12 + len(records)), Magic: 2, LastOffsetDelta: benchRecords - 1,
			FirstTimestamp: 1 << 40, MaxTimestamp: 1<<40 + benchRecords, ProducerID: -1, NumRecords: benchRecords, Records: records,
		}
		at := len(raw)
		raw = b.AppendTo(raw)
		binary.BigEndian.PutUint32(raw[at+crcAt:], crc32.Checksum(raw[at+attributesAt:], castagnoli))
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
