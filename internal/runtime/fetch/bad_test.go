package fetch

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ottla-streams/ottla/internal/runtime/batch"
)

// once waits for one error of partition 0, and wants no request after it.
func (r *rig) once() Chunk {
	r.t.Helper()
	r.until("the error", func() bool { return len(r.errs) > 0 })
	r.requests()
	r.quiet(100 * time.Millisecond)
	if n := len(r.requests()); n > 0 || len(r.errs) != 1 {
		r.t.Errorf("%d requests and errors %v", n, r.errs)
	}
	return r.errs[0]
}

// A batch that inflates to too much is told with where it lies, after what comes
// before it, and can be passed.
func TestTooLarge(t *testing.T) {
	for _, codec := range codecs[1:4] {
		t.Run(fmt.Sprint(codec), func(t *testing.T) { testTooLarge(t, codec) })
	}
}

func testTooLarge(t *testing.T, codec kgo.CompressionCodec) {
	r := setup(t, 1)
	r.produce(0, 0, 5, 5)
	cl := r.client(kgo.ProducerBatchCompression(codec))
	large := kgo.StringRecord(strings.Repeat("a", 100_000))
	large.Topic = topic
	if err := cl.ProduceSync(t.Context(), large).FirstErr(); err != nil {
		t.Fatal(err)
	}
	r.produce(0, 5, 5, 5)
	r.start(Config{Wait: 20 * time.Millisecond}, kgo.MaxDecompressBatchBytes(10_000))
	r.set(0, 2, -1)
	r.read(0, 5)
	r.complete(0, 2, 5)
	c := r.once()
	got, ok := errors.AsType[*kgo.ErrDecompressTooLarge](c.Err)
	if !ok || got.Topic != topic || got.Partition != 0 || got.Offset != 5 || got.NextOffset != 6 || c.Next != 5 || c.End != 11 {
		t.Fatalf("%+v: %v", c, c.Err)
	}
	r.set(0, 6, -1)
	r.read(0, 11)
	r.complete(0, 2, 10)
}

// A batch that is damaged is told after what comes before it.
func TestCorrupt(t *testing.T) {
	flipped := made(5, 4, 0, 0, 0, 4)
	flipped[len(flipped)-1] ^= 1
	unknown := made(5, 4, 0, 0, 0, 4)
	unknown[16] = 3
	for name, bad := range map[string]struct {
		raw []byte
		is  error
	}{"checksum": {flipped, batch.ErrCRC}, "format": {unknown, batch.ErrCorrupt}, "codec": {made(5, 4, 0, 1, 0, 4), nil}} {
		t.Run(name, func(t *testing.T) {
			r := setup(t, 1)
			r.answerBy(func(a asked) kmsg.Response {
				return a.answer(0, func(rp *kmsg.FetchResponseTopicPartition) {
					rp.HighWatermark = 20
					switch a.offsets()[0] {
					case 0:
						rp.RecordBatches = slices.Concat(made(0, 4, 0, 0, 0, 4), bad.raw)
					case 5:
						rp.RecordBatches = bad.raw
					case 10:
						rp.RecordBatches = made(10, 9, 0, 0, 9)
					default:
						time.Sleep(10 * time.Millisecond)
					}
				})
			})
			r.start(Config{})
			r.set(0, 0, -1)
			r.read(0, 5)
			c := r.once()
			got, ok := errors.AsType[*batch.Error](c.Err)
			if !ok || got.Offset != 5 || bad.is != nil && !errors.Is(c.Err, bad.is) || c.From != 5 || c.Next != 5 {
				t.Fatalf("%+v: %v", c, c.Err)
			}
			r.set(0, 10, -1)
			r.read(0, 20)
			if got := fmt.Sprint(r.got[part(0)]); got != "[0 4 19]" {
				t.Error(got)
			}
		})
	}
}
