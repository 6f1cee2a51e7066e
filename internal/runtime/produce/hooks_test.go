package produce

import (
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// counting is a hook that adds up what it is told.
type counting struct {
	mu      sync.Mutex
	records map[string]int // by topic and partition
	sum     kgo.ProduceBatchMetrics
	brokers map[string]bool
}

func (c *counting) OnProduceBatchWritten(from kgo.BrokerMetadata, topic string, num int32, m kgo.ProduceBatchMetrics) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.records[topic+strconv.Itoa(int(num))] += m.NumRecords
	c.brokers[from.Host] = true
	c.sum.UncompressedBytes += m.UncompressedBytes
	c.sum.CompressedBytes += m.CompressedBytes
	c.sum.CompressionType = m.CompressionType
}

// The client's hooks are told of each batch that was taken, once, though some
// were sent more often.
func TestHooks(t *testing.T) {
	zstd, err := kgo.DefaultCompressor(kgo.ZstdCompression())
	if err != nil {
		t.Fatal(err)
	}
	h := &counting{records: make(map[string]int), brokers: make(map[string]bool)}
	b := newBed(t, Config{BatchBytes: 2000, Compressor: zstd}, kgo.WithHooks(h))
	b.answer(kerr.NotLeaderForPartition.Code, sometimes)
	topic := b.topic(t, "out")
	payload := Record{Value: []byte(strings.Repeat("a", 100)), Time: 1}
	for range 500 {
		for num := range int32(2) {
			if err := b.p.Append(t.Context(), topic, num, &payload); err != nil {
				t.Fatal(err)
			}
		}
	}
	b.flush(t)
	b.p.Close()
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.records) != 2 || h.records["out0"] != 500 || h.records["out1"] != 500 {
		t.Errorf("records were %v, want 500 in two partitions", h.records)
	}
	least := 1000 * len(payload.Value)
	if h.sum.UncompressedBytes < least || h.sum.UncompressedBytes > 2*least || h.sum.CompressedBytes > least/2 || h.sum.CompressionType != 4 {
		t.Errorf("bytes were %+v, want %d and some, compressed by zstd", h.sum, least)
	}
	if !h.brokers["127.0.0.1"] || len(h.brokers) != 1 {
		t.Errorf("brokers were %v", h.brokers)
	}
}
