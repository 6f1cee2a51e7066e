package produce

import (
	"encoding/binary"
	"reflect"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// written is a batch that a broker took, for the client's hooks.
type written struct {
	topic     string
	partition int32
	metrics   kgo.ProduceBatchMetrics
}

// hooksOf returns the hooks of a client that want to see batches, as the
// client's own producer, which is not used, would tell them.
func hooksOf(client *kgo.Client) (want []kgo.HookProduceBatchWritten) {
	hooks := reflect.ValueOf(client.OptValue(kgo.WithHooks))
	if hooks.Kind() != reflect.Slice {
		return nil
	}
	for i := range hooks.Len() {
		if h, ok := hooks.Index(i).Interface().(kgo.HookProduceBatchWritten); ok {
			want = append(want, h)
		}
	}
	return want
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
		b := &brokers[i]
		p.metas[b.NodeID] = kgo.BrokerMetadata{NodeID: b.NodeID, Port: b.Port, Host: b.Host, Rack: b.Rack}
	}
}
