package fetch

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/runtime/batch"
	"github.com/ottla-streams/ottla/internal/runtime/offsets"
)

const (
	benchBatches = 10
	benchRecords = 1000 // of a batch
)

// recorded is an answer of one partition, as a broker sends it.
func recorded(b *testing.B) []byte {
	b.Helper()
	deltas := make([]int32, benchRecords)
	for i := range deltas {
		deltas[i] = int32(i)
	}
	resp := kmsg.NewPtrFetchResponse()
	resp.Version = 12
	t := kmsg.NewFetchResponseTopic()
	t.Topic = topic
	p := kmsg.NewFetchResponseTopicPartition()
	p.HighWatermark = benchBatches * benchRecords
	for i := range int64(benchBatches) {
		p.RecordBatches = append(p.RecordBatches, made(i*benchRecords, benchRecords-1, 0, 0, deltas...)...)
	}
	t.Partitions = append(t.Partitions, p)
	resp.Topics = append(resp.Topics, t)
	return resp.AppendTo(nil)
}

// BenchmarkFetch is what is done with an answer until each of its 10 000 records
// was at hand: by this package, and by the client.
func BenchmarkFetch(b *testing.B) {
	raw := recorded(b)
	open := func(b *testing.B) *kmsg.FetchResponse {
		resp := kmsg.NewPtrFetchResponse()
		resp.Version = 12
		if err := resp.ReadFrom(raw); err != nil {
			b.Fatal(err)
		}
		return resp
	}
	perRecord := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(benchBatches*benchRecords), "ns/record")
	}
	b.Run("fetch", func(b *testing.B) {
		f := &Fetcher{decomp: kgo.DefaultDecompressor()}
		bk := &broker{reader: batch.Reader{Inflate: f.inflate}}
		p := &partition{Partition: part(0), asked: bk}
		f.parts = map[offsets.Partition]*partition{p.Partition: p}
		b.ReportAllocs()
		for b.Loop() {
			p.ask = ask{}
			answers, n := f.answers(bk, open(b)), 0
			for i := range answers {
				f.read(bk, &answers[i])
				for j := range answers[i].chunk.Batches {
					n += decodeAll(b, &answers[i].chunk.Batches[j])
				}
			}
			if n != benchBatches*benchRecords {
				b.Fatal(n)
			}
		}
		perRecord(b)
	})
	b.Run("kgo", func(b *testing.B) {
		inflate := kgo.DefaultDecompressor()
		b.ReportAllocs()
		for b.Loop() {
			rp := &open(b).Topics[0].Partitions[0]
			got, _ := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{Topic: topic}, rp, inflate, nil)
			if len(got.Records) != benchBatches*benchRecords || got.Err != nil {
				b.Fatal(len(got.Records), got.Err)
			}
		}
		perRecord(b)
	})
}

func decodeAll(b *testing.B, from *batch.Batch) int {
	var o flow.Origin
	for src := from.Payload; len(src) > 0; {
		n, err := from.Decode(src, &o)
		if err != nil {
			b.Fatal(err)
		}
		src = src[n:]
	}
	return from.Records
}
