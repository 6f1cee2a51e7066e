package topics

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/ottla-streams/ottla/internal/graph"
)

// Purge deletes the records of repartition topics that come before the
// committed offsets: nobody will read them again. Other topics in committed are
// left alone. It does one attempt, and a broker that is away is no error: what it
// did not delete now, it will at a later call. Kafka Streams does it after a commit, every 30 seconds.
func Purge(ctx context.Context, adm *kadm.Client, t *graph.Topology, app string, committed kadm.Offsets) error {
	consumed := make(kadm.Offsets)
	for _, r := range t.Repartitions {
		name := graph.Topic{Name: r.Name, Internal: true}.Full(app)
		for _, o := range committed[name] {
			if o.At > 0 {
				consumed.Add(o)
			}
		}
	}
	responses, err := adm.DeleteRecords(ctx, consumed)
	var errs []error
	if err != nil && !transient(err) {
		errs = append(errs, fmt.Errorf("purge of repartition topics: %w", err))
	}
	for name, partitions := range responses {
		for p, r := range partitions {
			if err := purged(name, p, r.Err); err != nil {
				errs = append(errs, err)
				break // the others will tell no news
			}
		}
	}
	return errors.Join(errs...)
}

// purged returns the error of one partition, nil for those that need no notice:
// the records are gone already, or the leader has moved.
func purged(topic string, partition int32, err error) error {
	switch {
	case err == nil, errors.Is(err, kerr.OffsetOutOfRange), kerr.IsRetriable(err):
		return nil
	}
	if auth := notAuthorized("topic", topic, "DELETE", err); auth != nil {
		return auth
	}
	return fmt.Errorf("topic %s: partition %d: purge: %w", topic, partition, err)
}
