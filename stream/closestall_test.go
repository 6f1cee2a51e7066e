package stream_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/stream/streamtest"
	"github.com/ottla-streams/ottla/topology"
	"github.com/ottla-streams/ottla/window"
)

// The first results of windows that are half a century old come at once, with a
// cache too. Kafka Streams walks through its cache from 1970 then, for seconds
// (LIM-030); and it looks for closed windows once per second of wall clock, which
// stands still here, and loses what has left its store by then (LIM-031).
func TestEmitOnCloseDoesNotStall(t *testing.T) {
	for _, cached := range []bool{false, true} {
		b := stream.NewBuilder()
		in, out := stringTopic("in"), topology.NewTopic("out", serde.TimeWindowed(serde.String, time.Second), serde.Int64)
		b.Stream(in).GroupByKey().WindowedBy(window.Tumbling(time.Second)).EmitOnClose().
			Count(state.Windows("counts", serde.String, serde.Int64, state.Cached(cached))).To(out)
		d := streamtest.New(t, build(t, b), streamtest.CacheBytes(10<<20))
		first := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		d.SendAt(in, "a", "x", first)
		began := time.Now()
		d.SendAt(in, "a", "x", first.Add(time.Second))
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("cached %t: the first results took %v", cached, took)
		}
		if n := len(d.Read(out)); n != 1 {
			t.Errorf("cached %t: %d results, want 1", cached, n)
		}
		// A backlog runs through many times the retention of the store.
		const windows = 500
		for i := range windows {
			d.SendAt(in, fmt.Sprint(i), "x", first.Add(time.Duration(i+2)*3*time.Second))
		}
		if n := len(d.Read(out)); n != windows {
			t.Errorf("cached %t: %d results of the backlog, want %d", cached, n, windows)
		}
	}
}
