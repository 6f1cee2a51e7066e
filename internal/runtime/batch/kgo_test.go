package batch

import (
	"bytes"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ottla-streams/ottla/internal/flow"
)

// compare reads raw by this package and by the client, and wants the same.
func compare(t *testing.T, raw []byte, from int64, list []Aborted) {
	t.Helper()
	inflate := kgo.DefaultDecompressor()
	rp := kmsg.NewFetchResponseTopicPartition()
	rp.RecordBatches = raw
	for _, a := range list {
		rp.AbortedTransactions = append(rp.AbortedTransactions, kmsg.FetchResponseTopicPartitionAbortedTransaction{ProducerID: a.Producer, FirstOffset: a.First})
	}
	opts := kgo.ProcessFetchPartitionOpts{Topic: "in", Offset: from}
	if list != nil {
		opts.IsolationLevel = kgo.ReadCommitted()
	}
	want, wantNext := kgo.ProcessFetchPartition(opts, &rp, inflate, nil)
	if want.Err != nil {
		t.Fatal(want.Err)
	}

	r := Reader{Inflate: func(src []byte, codec int8) ([]byte, error) {
		return inflate.Decompress(src, kgo.CompressionCodecType(codec))
	}}
	batches, next, err := r.Read(nil, raw, from, list)
	if err != nil {
		t.Fatal(err)
	}
	if next != wantNext {
		t.Errorf("next is %d, want %d", next, wantNext)
	}
	records := want.Records
	for i := range batches {
		b := &batches[i]
		src := b.Payload
		for range b.Records {
			var o flow.Origin
			n, err := b.Decode(src, &o)
			if err != nil {
				t.Fatal(err)
			}
			src = src[n:]
			if o.Offset < from {
				continue
			}
			if len(records) == 0 {
				t.Fatalf("offset %d: more records than the client's", o.Offset)
			}
			same(t, &o, b.Epoch, records[0])
			records = records[1:]
		}
		if len(src) > 0 {
			t.Errorf("batch %d has %d bytes more", b.Base, len(src))
		}
	}
	if len(records) > 0 {
		t.Errorf("%d records are missing, the first at %d", len(records), records[0].Offset)
	}
}

func same(t *testing.T, o *flow.Origin, epoch int32, want *kgo.Record) {
	t.Helper()
	equal := func(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }
	if o.Offset != want.Offset || o.Time != want.Timestamp.UnixMilli() || epoch != want.LeaderEpoch {
		t.Errorf("offset %d time %d epoch %d, want %d %d %d", o.Offset, o.Time, epoch, want.Offset, want.Timestamp.UnixMilli(), want.LeaderEpoch)
	}
	if !equal(o.Key, want.Key) || !equal(o.Value, want.Value) {
		t.Errorf("offset %d: %q=%q, want %q=%q", o.Offset, o.Key, o.Value, want.Key, want.Value)
	}
	if len(o.Headers) != len(want.Headers) || o.Headers != nil && len(o.Headers) == 0 {
		t.Fatalf("offset %d: headers %v, want %v", o.Offset, o.Headers, want.Headers)
	}
	for i, h := range o.Headers {
		if h.Key != want.Headers[i].Key || !equal(h.Value, want.Headers[i].Value) {
			t.Errorf("offset %d: header %v, want %v", o.Offset, h, want.Headers[i])
		}
	}
}

func TestSameAsClient(t *testing.T) {
	raw := fetched()
	for _, from := range []int64{0, 1, 999, 1000, 4321, 9999, 10_000} {
		compare(t, raw, from, nil)
	}
}
