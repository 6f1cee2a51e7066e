package produce

import (
	"encoding/binary"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ottla-streams/ottla/internal/runtime/client"
)

// written is a batch that a broker took, for the client's hooks.
type written struct {
	topic     string
	partition int32
	metrics   kgo.ProduceBatchMetrics
}

// metrics is what hooks are told of a sealed batch.
func (b *batch) metrics() kgo.ProduceBatchMetrics {
	return kgo.ProduceBatchMetrics{
		NumRecords: int(b.n), UncompressedBytes: len(b.buf) - headerBytes, CompressedBytes: len(b.sealed) - headerBytes,
		CompressionType: uint8(binary.BigEndian.Uint16(b.sealed[21:]) & 7),
	}
}

// tell calls the hooks, without the lock.
func (p *Producer) tell(from kgo.BrokerMetadata, took []written) {
	for _, h := range p.hooks {
		for _, w := range took {
			h.OnProduceBatchWritten(from, w.topic, w.partition, w.metrics)
		}
	}
}

// meet notes the brokers that metadata names, for hooks. It is called with the
// lock held.
func (p *Producer) meet(brokers []kmsg.MetadataResponseBroker) {
	for i := range brokers {
		p.metas[brokers[i].NodeID] = client.Met(&brokers[i])
	}
}
