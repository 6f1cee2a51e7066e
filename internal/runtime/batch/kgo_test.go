package batch

import (
	"bytes"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ottla-streams/ottla/internal/flow"
)

// compare reads raw by this package and by the client, wants the same, and
// returns the number of records. Both inflate with d.
func compare(t *testing.T, d kgo.Decompressor, raw []byte, from int64, list []Aborted) int {
	t.Helper()
	rp := kmsg.NewFetchResponseTopicPartition()
	rp.RecordBatches = raw
	for _, a := range list {
		rp.AbortedTransactions = append(rp.AbortedTransactions, kmsg.FetchResponseTopicPartitionAbortedTransaction{ProducerID: a.Producer, FirstOffset: a.First})
	}
	opts := kgo.ProcessFetchPartitionOpts{Topic: "in", Offset: from}
	if list != nil {
		opts.IsolationLevel = kgo.ReadCommitted()
	}
	want, wantNext := kgo.ProcessFetchPartition(opts, &rp, d, nil)
	if want.Err != nil {
		t.Fatal(want.Err)
	}

	r := Reader{Inflate: inflater(d)}
	batches, next, err := r.Read(nil, raw, from, list)
	if err != nil {
		t.Fatal(err)
	}
	if next != wantNext {
		t.Errorf("next is %d, want %d", next, wantNext)
	}
	records, position := want.Records, from
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
			if o.Offset < position {
				continue
			}
			position = o.Offset + 1
			if len(records) == 0 {
				t.Fatalf("offset %d: more records than the client's", o.Offset)
			}
			same(t, &o, b.Epoch, records[0])
			records = records[1:]
		}
		position = max(position, b.Last+1)
	}
	if len(records) > 0 {
		t.Errorf("%d records are missing, the first at %d", len(records), records[0].Offset)
	}
	return len(want.Records)
}

func same(t *testing.T, o *flow.Origin, epoch int32, want *kgo.Record) {
	t.Helper()
	equal := func(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }
	at := time.Unix(0, o.Time*1e6) // the client's overflow too
	if o.Offset != want.Offset || !at.Equal(want.Timestamp) || epoch != want.LeaderEpoch {
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
