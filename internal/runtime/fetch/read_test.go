package fetch

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ottla-streams/ottla/internal/runtime/client"
)

var codecs = []kgo.CompressionCodec{
	kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression(),
}

// names keeps fetches at the last version that names topics.
var names = client.Pin(map[kmsg.Key]int16{kmsg.Fetch: 12})

func TestReadsAll(t *testing.T) {
	for _, c := range []struct {
		name              string
		answer, partition int32
		opts              []kgo.Opt
		version           int16
	}{
		{"large answers", 0, 0, nil, 13},
		{"a batch an answer", 1, 1, nil, 13},
		{"some batches an answer", 2000, 300, nil, 13},
		{"by name", 500, 300, []kgo.Opt{names}, 12},
		{"before sessions", 500, 300, []kgo.Opt{client.Pin(map[kmsg.Key]int16{kmsg.Fetch: 6})}, 6},
		{"before ids of topics", 500, 300, []kgo.Opt{client.Pin(map[kmsg.Key]int16{kmsg.Metadata: 9})}, 12},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := setup(t, 4)
			for n := range int32(4) {
				for i, codec := range codecs {
					r.produce(n, 20*i, 20, 7, kgo.ProducerBatchCompression(codec))
				}
			}
			r.start(Config{AnswerBytes: c.answer, PartitionBytes: c.partition}, c.opts...)
			for n := range int32(4) {
				r.set(n, 0, -1)
			}
			for n := range int32(4) {
				r.read(n, 100)
				r.complete(n, 0, 100)
				if end := r.end[part(n)]; end != 100 {
					t.Errorf("partition %d ends at %d", n, end)
				}
			}
			r.produce(3, 100, 5, 5)
			r.read(3, 105)
			r.complete(3, 0, 105)
			for _, a := range r.requests() {
				if a.Version != c.version && (c.version != 13 || a.Version < 13) {
					t.Fatalf("a request of version %d", a.Version)
				}
			}
		})
	}
}

// It begins in the middle of a batch, which comes whole.
func TestFromTheMiddle(t *testing.T) {
	r := setup(t, 1)
	r.produce(0, 0, 20, 10)
	r.start(Config{})
	r.set(0, 15, -1)
	r.read(0, 20)
	r.complete(0, 15, 20)
}

func TestOneLargeBatch(t *testing.T) {
	r := setup(t, 3)
	r.produce(0, 0, 3, 1)
	r.produce(0, 3, 5000, 5000)
	r.produce(2, 0, 500, 3)
	r.start(Config{AnswerBytes: 1000, PartitionBytes: 200})
	r.set(0, 0, -1)
	r.set(2, 0, -1)
	r.read(0, 5003)
	r.read(2, 500)
	r.complete(0, 0, 5003)
	r.complete(2, 0, 500)
}

// compacted is a log with gaps and an emptied batch, and a batch cut off at the end.
func compacted() []byte {
	return slices.Concat(made(0, 9, 3, 0, 0, 4, 7), made(10, 4, 3, 0), made(20, 3, 3, 0, 0, 3), made(24, 2, 3, 0, 1)[:70])
}

func TestGaps(t *testing.T) {
	r := setup(t, 1)
	r.answerBy(func(a asked) kmsg.Response {
		if a.offsets()[0] != 0 || len(a.Topics) == 0 {
			return nil
		}
		return a.answer(7, func(rp *kmsg.FetchResponseTopicPartition) {
			rp.HighWatermark, rp.RecordBatches = 30, compacted()
		})
	})
	r.start(Config{})
	r.set(0, 0, -1)
	r.read(0, 24)
	if got := fmt.Sprint(r.got[part(0)]); got != "[0 4 7 20 23]" || r.end[part(0)] != 30 {
		t.Error(got, r.end)
	}
}

// What ends with an emptied batch moves on, and tells so.
func TestOnlyEmptied(t *testing.T) {
	r := setup(t, 1)
	r.answerBy(func(a asked) kmsg.Response {
		raw, at := made(0, 9, 0, 0), a.offsets()[0]
		if at == 10 {
			raw = made(10, 0, 0, 0, 0)
		}
		return a.answer(0, func(rp *kmsg.FetchResponseTopicPartition) {
			if rp.HighWatermark = 11; at < 11 {
				rp.RecordBatches = raw
			}
		})
	})
	r.start(Config{})
	r.set(0, 0, -1)
	r.read(0, 10)
	r.read(0, 11)
	if got := fmt.Sprint(r.got[part(0)]); got != "[10]" {
		t.Error(got)
	}
}

// A partition that is never answered whole is asked for at a bounded rate, and
// does not hold up others. If it stays so it is told.
func TestNothingWhole(t *testing.T) {
	r := setup(t, 3)
	r.answerBy(func(a asked) kmsg.Response {
		return a.answer(0, func(rp *kmsg.FetchResponseTopicPartition) {
			rp.HighWatermark = 5
			if at := a.offsets()[rp.Partition]; rp.Partition == 0 {
				rp.RecordBatches = made(0, 0, 0, 0, 0)[:40]
			} else if at < 5 {
				rp.RecordBatches = made(at, 0, 0, 0, 0)
			}
		})
	})
	var log logged
	r.start(Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	r.set(0, 0, -1)
	r.read0(0)
	r.requests()
	r.quiet(pause)
	if n := len(r.requests()); n < 1 || n > 8 {
		t.Errorf("%d requests", n)
	}
	r.set(2, 0, -1)
	r.read(2, 5)
	r.until("a warning", func() bool { return log.has("topic=in partition=0 offset=0 broker=0 bytes=40") })
}

// logged is what was logged.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logged) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.buf.String(), text)
}
