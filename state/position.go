package state

import "maps"

// Position says how far the inputs of a state were processed: by topic and
// partition, the offset of the last record that is part of it. It bounds queries
// with [UpTo], and is what their answers come with. (KIP-796)
type Position map[string]map[int32]int64

// With returns a copy of p that also has an offset of a topic and partition, if
// that is higher than the one there is. The offset is that of a record, as a
// producer is told it.
func (p Position) With(topic string, partition int32, offset int64) Position {
	c := p.clone()
	c.set(topic, partition, offset)
	return c
}

// Merge returns the position that is as far as p and o are in each partition.
func (p Position) Merge(o Position) Position {
	c := p.clone()
	for topic, partitions := range o {
		for partition, offset := range partitions {
			c.set(topic, partition, offset)
		}
	}
	return c
}

func (p Position) clone() Position {
	c := make(Position, len(p)+1)
	for topic, partitions := range p {
		c[topic] = maps.Clone(partitions)
	}
	return c
}

func (p Position) set(topic string, partition int32, offset int64) {
	if p[topic] == nil {
		p[topic] = make(map[int32]int64)
	}
	if old, ok := p[topic][partition]; !ok || offset > old {
		p[topic][partition] = offset
	}
}

// reaches says whether next, the offsets by topic at which a partition of the
// state goes on, are as far as p. Other partitions don't count.
func (p Position) reaches(partition int32, next map[string]int64) bool {
	for topic, partitions := range p {
		offset, ok := partitions[partition]
		if !ok {
			continue
		}
		if at, ok := next[topic]; !ok || at <= offset {
			return false
		}
	}
	return true
}

func positionOf(partition int32, next map[string]int64) Position {
	p := make(Position, len(next))
	for topic, at := range next {
		if at > 0 {
			p[topic] = map[int32]int64{partition: at - 1}
		}
	}
	return p
}
