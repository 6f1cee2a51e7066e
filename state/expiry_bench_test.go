package state_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/overlay"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
)

// expiring is a task whose stream time the benchmark moves.
type expiring struct {
	fakeInstance
	run []func(stream int64) error
}

func (e *expiring) OnTime(_ *graph.Node, run func(int64) error) { e.run = append(e.run, run) }
func (e *expiring) OnIdle(*graph.Node, func(int64) error)       {}

// BenchmarkTTLPut puts keys of a store whose keys expire, of which very many
// live, and lets time pass with each put: it costs what a put without expiry
// does and a little more, however many keys there are.
func BenchmarkTTLPut(b *testing.B) {
	for _, live := range []int64{10_000, 1_000_000} {
		for _, ttl := range []time.Duration{0, time.Duration(live) * time.Millisecond} {
			b.Run(fmt.Sprintf("live=%d/ttl=%t", live, ttl > 0), func(b *testing.B) {
				in := &expiring{}
				s, commit := expiringStore(b, in, ttl)
				now := int64(0)
				put := func() {
					if now++; now%1000 == 0 {
						commit()
					}
					for _, run := range in.run {
						if err := run(now); err != nil {
							b.Fatal(err)
						}
					}
					// Each key is updated once before it would expire, and then let go.
					key := now % live
					if now/live%2 == 1 {
						key = live + now
					}
					if _, _, err := s.Update(key, now, true, now, nil); err != nil {
						b.Fatal(err)
					}
				}
				for range live {
					put()
				}
				b.ReportAllocs()
				for b.Loop() {
					put()
				}
			})
		}
	}
}

func expiringStore(b *testing.B, in *expiring, ttl time.Duration) (s *state.KeyValueStore[int64, int64], commit func()) {
	b.Helper()
	var opts []state.Option
	if ttl > 0 {
		opts = append(opts, state.TTL(ttl))
	}
	def := state.KeyValue("rows", serde.Int64, serde.Int64, opts...).Define()
	def.Nodes = []*graph.Node{{Name: "node"}}
	o := graph.Opening{Store: def, Instance: in, Layers: overlay.New(def.Layout, nil, false), Changelog: "changelog"}
	if ttl > 0 {
		o.Index = overlay.New(def.Layout, nil, true)
	}
	v, err := def.Open(o)
	if err != nil {
		b.Fatal(err)
	}
	return v.(*state.KeyValueStore[int64, int64]), func() {
		o.Layers.Commit()
		if o.Index != nil {
			o.Index.Commit()
		}
	}
}
