package collect

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/hash"
)

// partitioner chooses the partition as Kafka's clients do, by what choice left
// in the record: a partition, the key's hash, or for a null key whatever has
// room in a batch.
type partitioner struct{}

func (partitioner) ForTopic(topic string) kgo.TopicPartitioner {
	return &topicPartitioner{sticky: kgo.StickyPartitioner().ForTopic(topic)}
}

// choice is what a record carries as its partition until there is one. The
// hash is kept as a negative number; a null key needs none.
func choice(o *graph.Output) int32 {
	switch {
	case o.Partition >= 0:
		return o.Partition
	case o.Hash != nil:
		return -1 - hash.Murmur2(o.Hash)&0x7fffffff
	case o.Key != nil:
		return -1 - hash.Murmur2(o.Key)&0x7fffffff
	}
	return -1
}

// topicPartitioner is called by the goroutine that produces, under the client's lock.
type topicPartitioner struct {
	sticky kgo.TopicPartitioner
	stuck  bool // the last choice was sticky
}

func byHash(r *kgo.Record) bool { return r.Partition < 0 && r.Key != nil }

// RequiresConsistency implements kgo.TopicPartitioner.
func (p *topicPartitioner) RequiresConsistency(r *kgo.Record) bool {
	return r.Partition >= 0 || r.Key != nil
}

// Partition implements kgo.TopicPartitioner. The client refuses a partition that is not there.
func (p *topicPartitioner) Partition(r *kgo.Record, n int) int {
	p.stuck = false
	switch {
	case r.Partition >= 0:
		return int(r.Partition)
	case byHash(r):
		return int(-1-r.Partition) % n
	}
	p.stuck = true
	return p.sticky.Partition(r, n)
}

// OnNewBatch implements kgo.TopicPartitionerOnNewBatch.
func (p *topicPartitioner) OnNewBatch() {
	if s, ok := p.sticky.(kgo.TopicPartitionerOnNewBatch); ok && p.stuck {
		s.OnNewBatch()
	}
}
