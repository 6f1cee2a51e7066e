package fetch

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"hash/crc32"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/runtime/batch"
)

// message is one of format 0 or 1.
func message(magic int8, offset int64, attributes int8, at int64, key, value []byte) []byte {
	body := []byte{byte(magic), byte(attributes)}
	if magic == 1 {
		body = kbin.AppendInt64(body, at)
	}
	body = kbin.AppendNullableBytes(body, key)
	body = kbin.AppendNullableBytes(body, value)
	raw := kbin.AppendInt64(nil, offset)
	raw = kbin.AppendInt32(raw, int32(4+len(body)))
	raw = kbin.AppendUint32(raw, crc32.ChecksumIEEE(body))
	return append(raw, body...)
}

// wrapped is a compressed set of messages.
func wrapped(magic int8, offset int64, attributes int8, at int64, messages ...[]byte) []byte {
	var to bytes.Buffer
	w := gzip.NewWriter(&to)
	w.Write(slices.Concat(messages...))
	w.Close()
	return message(magic, offset, attributes|1, at, nil, to.Bytes())
}

func TestOld(t *testing.T) {
	k, v, long := []byte("k"), []byte("v"), bytes.Repeat([]byte("long"), 1000)
	const late = int8(8) // the time is that of the broker
	for _, c := range []struct {
		name string
		from int64
		raw  []byte
		want string // offset time key value
		next int64
	}{
		{"format 0", 0, slices.Concat(message(0, 0, 0, 0, k, v), message(0, 1, 0, 0, nil, v)), `0 -1 "k" "v", 1 -1 nil "v", `, 2},
		{"format 1", 0, slices.Concat(message(1, 0, 0, 77, k, []byte{}), message(1, 1, late, 88, k, nil)), `0 77 "k" "", 1 88 "k" nil, `, 2},
		{"compressed", 11, wrapped(1, 12, 0, 5, message(1, 0, 0, 5, k, v), message(1, 1, 0, 6, k, v), message(1, 2, 0, 7, k, v)), `11 6 "k" "v", 12 7 "k" "v", `, 13},
		{"with a gap", 10, wrapped(1, 20, 0, 5, message(1, 0, 0, 5, k, v), message(1, 10, 0, 6, k, v)), `10 5 "k" "v", 20 6 "k" "v", `, 21},
		{"compressed format 0", 10, wrapped(0, 11, 0, 0, message(0, 10, 0, 0, k, v), message(0, 11, 0, 0, k, v)), `10 -1 "k" "v", 11 -1 "k" "v", `, 12},
		{"then batches", 0, slices.Concat(message(0, 0, 0, 0, k, v), message(1, 1, 0, 3, k, v), made(2, 3, 4, 0, 0, 3)), `0 -1 "k" "v", 1 3 "k" "v", 2 0 "k" "2", 5 0 "k" "5", `, 6},
		{"cut off", 0, slices.Concat(message(1, 0, 0, 9, k, v), message(1, 1, 0, 9, k, v)[:20]), `0 9 "k" "v", `, 1},
		{"long", 0, message(1, 0, 0, 9, k, long), fmt.Sprintf(`0 9 "k" %q, `, long), 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			rp := kmsg.NewFetchResponseTopicPartition()
			rp.RecordBatches = c.raw
			got, next, err := old(kgo.DefaultDecompressor(), part(0), &rp, c.from, true)
			if err != nil || next != c.next {
				t.Errorf("next %d, want %d: %v", next, c.next, err)
			}
			if s := shown(t, got); s != c.want {
				t.Errorf("%s, want %s", s, c.want)
			}
		})
	}
	bad := message(1, 0, 0, 9, k, v)
	bad[len(bad)-1] ^= 1
	rp := kmsg.NewFetchResponseTopicPartition()
	rp.RecordBatches = bad
	if got, next, err := old(kgo.DefaultDecompressor(), part(0), &rp, 0, false); err == nil || len(got) > 0 || next != 0 {
		t.Error(got, next, err)
	}
}

// shown is what batches hold.
func shown(t *testing.T, batches []batch.Batch) (all string) {
	t.Helper()
	quote := func(b []byte) string {
		if b == nil {
			return "nil"
		}
		return fmt.Sprintf("%q", b)
	}
	for i := range batches {
		src := batches[i].Payload
		for range batches[i].Records {
			var o flow.Origin
			n, err := batches[i].Decode(src, &o)
			if err != nil {
				t.Fatal(err)
			}
			src = src[n:]
			all += fmt.Sprintf("%d %d %s %s, ", o.Offset, o.Time, quote(o.Key), quote(o.Value))
		}
	}
	return all
}

func TestOldIsRead(t *testing.T) {
	r := setup(t, 1)
	r.answerBy(func(a asked) kmsg.Response {
		return a.answer(0, func(rp *kmsg.FetchResponseTopicPartition) {
			rp.HighWatermark = 4
			switch a.offsets()[0] {
			case 0:
				rp.RecordBatches = slices.Concat(message(0, 0, 0, 0, nil, []byte("0/0")), message(1, 1, 0, 0, nil, []byte("0/1")))
			case 2:
				rp.RecordBatches = message(1, 2, 0, 0, nil, []byte("0/2"))
			case 3:
				rp.RecordBatches = made(3, 0, 0, 0, 0)
			default:
				time.Sleep(10 * time.Millisecond)
			}
		})
	})
	r.start(Config{})
	r.set(0, 0, -1)
	r.read(0, 4)
	if got := fmt.Sprint(r.said[part(0)]); got != "[0/0 0/1 0/2 3]" {
		t.Error(got)
	}
}
