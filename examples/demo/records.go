package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/topology"
)

// Record is a record to send.
type Record[K, V any] struct {
	Key   K
	Value V
	At    time.Time
}

// Send writes records to a topic, in their order, and returns when the broker
// has them.
func (d *Demo) Send[K, V any](topic topology.Topic[K, V], records ...Record[K, V]) error {
	var encoded []*kgo.Record
	for _, r := range records {
		key, err := topic.KeySerde().AppendTo(nil, r.Key)
		if err != nil {
			return fmt.Errorf("topic %s: key: %w", topic.Name(), err)
		}
		value, err := topic.ValueSerde().AppendTo(nil, r.Value)
		if err != nil {
			return fmt.Errorf("topic %s: value: %w", topic.Name(), err)
		}
		encoded = append(encoded, &kgo.Record{Topic: topic.Name(), Key: key, Value: value, Timestamp: r.At})
	}
	return d.cause(d.client.ProduceSync(d.ctx, encoded...).FirstErr())
}

// Read returns the next n records of a topic. It waits for those that are not
// there yet. A null value is a zero value.
func (d *Demo) Read[K, V any](topic topology.Topic[K, V], n int) (records []topology.Record[K, V], err error) {
	reader, err := d.reader(topic.Name())
	if err != nil {
		return nil, err
	}
	for len(records) < n {
		fetches := reader.PollRecords(d.ctx, n-len(records))
		if err := fetches.Err0(); err != nil {
			return nil, d.cause(err)
		}
		for r := range fetches.RecordsAll() {
			record := topology.Record[K, V]{NoKey: r.Key == nil, NoValue: r.Value == nil, Time: r.Timestamp}
			if !record.NoKey {
				if record.Key, err = topic.KeySerde().Decode(r.Key); err != nil {
					return nil, fmt.Errorf("topic %s: key: %w", topic.Name(), err)
				}
			}
			if !record.NoValue {
				if record.Value, err = topic.ValueSerde().Decode(r.Value); err != nil {
					return nil, fmt.Errorf("topic %s: value: %w", topic.Name(), err)
				}
			}
			records = append(records, record)
		}
	}
	return records, nil
}

// reader returns the client that reads a topic from its start.
func (d *Demo) reader(topic string) (*kgo.Client, error) {
	if reader := d.readers[topic]; reader != nil {
		return reader, nil
	}
	reader, err := kgo.NewClient(kgo.SeedBrokers(d.brokers...), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.FetchMaxWait(100*time.Millisecond))
	if err != nil {
		return nil, err
	}
	d.readers[topic] = reader
	return reader, nil
}

// cause returns why the app failed in place of an error that only says that the
// context has ended.
func (d *Demo) cause(err error) error {
	if err != nil && d.ctx.Err() != nil {
		return context.Cause(d.ctx)
	}
	return err
}
