package graph

import (
	"errors"
	"fmt"
)

// WritesOwn returns an error for each sink of the user that writes one of the
// app's internal topics: what a store is restored from, or a repartition, would
// be mixed with other records.
func (t *Topology) WritesOwn(app string, internal []InternalTopic) error {
	own := make(map[string]InternalTopic, len(internal))
	for _, topic := range internal {
		own[topic.Topic.Full(app)] = topic
	}
	var errs []error
	for _, n := range t.Nodes {
		if n.Kind != SinkNode || n.Sink.Topic.Internal {
			continue
		}
		if topic, ok := own[n.Sink.Topic.Name]; ok {
			errs = append(errs, fmt.Errorf("%s: %s: topic %s is the %s topic of the app's own that %s needs: write another topic",
				n.Place, n.Op, n.Sink.Topic.Name, topic.Kind, topic.Place))
		}
	}
	return errors.Join(errs...)
}
