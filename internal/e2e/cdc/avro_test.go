package cdc

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/e2e/broker"
	realregistry "github.com/ottla-streams/ottla/internal/e2e/registry"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/serde/avro"
	"github.com/ottla-streams/ottla/serde/avro/hamba"
	"github.com/ottla-streams/ottla/serde/debezium"
	"github.com/ottla-streams/ottla/serde/registry"
)

// rowKey is the key of both tables.
type rowKey struct {
	ID int64 `avro:"id"`
}

type customerRow struct {
	ID      int64   `avro:"id"`
	Name    string  `avro:"name"`
	Email   *string `avro:"email"`
	Created string  `avro:"created"`
}

type orderRow struct {
	ID       int64  `avro:"id"`
	Customer int64  `avro:"customer_id"`
	Item     string `avro:"item"`
	Amount   string `avro:"amount"`
	Placed   string `avro:"placed"`
}

// What Debezium's Avro converter writes is read, typed and generic, by both
// codecs, and the same values have the same bytes when they are written back.
func TestAvroConverter(t *testing.T) {
	brokers, url := broker.Start(t), realregistry.StartOwn(t)
	db := capture(t, brokers, "FORMAT=avro", "REGISTRY="+url, "PREFIX=avro")
	db.exec("UPDATE customers SET name='Ada L.', email=NULL WHERE id=1")
	db.exec("UPDATE orders SET amount=8 WHERE id=1; DELETE FROM orders WHERE id=2; DELETE FROM customers WHERE id=2")
	records := consume(t, brokers, map[string]int{"avro.public.customers": 5, "avro.public.orders": 5})

	for name, codec := range map[string]avro.Option{"twmb": avro.Within(avro.Limits{}), "hamba": avro.With(hamba.Codec)} {
		t.Run(name, func(t *testing.T) {
			reg := registry.New(registry.Config{URLs: []string{url}, Wait: 30 * time.Second, Logger: slog.New(slog.DiscardHandler)})
			t.Cleanup(reg.Close)
			reg = reg.With(registry.UseLatest())
			var got []string
			for _, r := range records["avro.public.customers"] {
				word, c := read[customerRow](t, reg, codec, r)
				if row, ok := c.Row(); ok {
					word += " " + row.Name + " " + text(row.Email)
				} else if c != nil {
					word += " was " + c.Before.Name
				}
				got = append(got, word)
			}
			want := []string{"1 read Ada ada@example.org", "2 read Grace grace@example.org", "1 update Ada L. null", "2 delete was Grace", "2 tombstone"}
			sameWords(t, got, want)

			got = nil
			for _, r := range records["avro.public.orders"] {
				word, c := read[orderRow](t, reg, codec, r)
				if row, ok := c.Row(); ok {
					word += fmt.Sprintf(" %d %s %s", row.Customer, row.Item, row.Amount)
				} else if c != nil {
					word += fmt.Sprint(" key only ", c.KeyOnly)
				}
				got = append(got, word)
			}
			sameWords(t, got, []string{"1 read 1 keyboard 49.90", "2 read 2 screen 189.00", "1 update 1 keyboard 8.00", "2 delete key only true", "2 tombstone"})
		})
	}
}

// read returns the key, what happened and the change of a record, after it saw
// that both are written as they were.
func read[T any](t *testing.T, reg *registry.Registry, codec avro.Option, r *kgo.Record) (string, *debezium.Change[T]) {
	t.Helper()
	key := same(t, avro.Framed[rowKey](reg, "", codec), r.Topic, true, r.Key)
	same(t, avro.Framed[map[string]any](reg, "", codec), r.Topic, true, r.Key)
	var c *debezium.Change[T]
	if r.Value != nil {
		same(t, avro.Framed[map[string]any](reg, "", codec), r.Topic, false, r.Value)
		same(t, avro.Framed[debezium.Envelope[T]](reg, "", codec), r.Topic, false, r.Value)
		s := debezium.Of(avro.Framed[debezium.Envelope[T]](reg, "", codec), debezium.KeyColumns("id"))
		c = same(t, s, r.Topic, false, r.Value)
		if c.Source.Connector != "postgresql" || "avro.public."+c.Source.Table != r.Topic || c.Source.LSN == nil || c.Time.IsZero() {
			t.Errorf("%s: source is %+v", r.Topic, c.Source)
		}
	}
	return fmt.Sprintf("%d %s", key.ID, c.Operation()), c
}

// same decodes bytes, encodes the value, and wants the bytes back.
func same[T any](t *testing.T, s serde.Serde[T], topic string, key bool, b []byte) T {
	t.Helper()
	s = serde.Bind(s, topic, key)
	v, err := s.Decode(b)
	if err != nil {
		t.Fatalf("%s: %T: %v", topic, v, err)
	}
	again, err := s.AppendTo(nil, v)
	if err != nil {
		t.Fatalf("%s: %T: %v", topic, v, err)
	}
	if string(again) != string(b) {
		t.Errorf("%s: %T is written as\n%x, and was\n%x", topic, v, again, b)
	}
	return v
}

// consume returns the records of topics, as many as each has, oldest first.
func consume(t *testing.T, brokers string, counts map[string]int) map[string][]*kgo.Record {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(brokers), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	for topic := range counts {
		cl.AddConsumeTopics(topic)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	got := make(map[string][]*kgo.Record)
	complete := func() bool {
		for topic, n := range counts {
			if len(got[topic]) < n {
				return false
			}
		}
		return true
	}
	for !complete() {
		fetches := cl.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			t.Fatalf("got %d of %d topics complete: %v", len(got), len(counts), err)
		}
		fetches.EachRecord(func(r *kgo.Record) { got[r.Topic] = append(got[r.Topic], r) })
	}
	for _, records := range got {
		slices.SortStableFunc(records, func(a, b *kgo.Record) int { return a.Timestamp.Compare(b.Timestamp) })
	}
	return got
}

func text(s *string) string {
	if s == nil {
		return "null"
	}
	return *s
}

func sameWords(t *testing.T, got, want []string) {
	t.Helper()
	slices.Sort(got)
	if slices.Sort(want); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
