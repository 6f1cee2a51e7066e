package stream_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
)

var globalWindows = state.Windows("windows", serde.String, serde.String, state.Retention(time.Hour), state.WindowSize(time.Minute))

// windowing puts each record into a window of its own.
type windowing struct{}

func (windowing) Process(ctx *topology.Context[string, string], r topology.Record[string, string]) error {
	return globalWindows.In(ctx).Put(r.Key, r.Value, time.UnixMilli(int64(len(r.Value))))
}

// fetching tells which windows there are of the key that it gets.
type fetching struct{ refused *error }

func (p fetching) Process(ctx *topology.Context[string, string], r topology.Record[string, string]) error {
	windows := globalWindows.In(ctx)
	*p.refused = windows.Put(r.Value, "", time.UnixMilli(1))
	var all []string
	for e, err := range windows.FetchRange(r.Value, time.UnixMilli(0), time.UnixMilli(1000)) {
		if err != nil {
			return err
		}
		all = append(all, e.Value)
	}
	v, ok, err := windows.Fetch(r.Value, time.UnixMilli(2))
	if err != nil {
		return err
	}
	r.Value = fmt.Sprintf("%s=%v,%s/%t", r.Value, all, v, ok)
	return ctx.Forward(r)
}

// Tasks that read a global store of windows see what was put since they began.
func TestAppGlobalWindows(t *testing.T) {
	noLeaks(t)
	addrs := fakeCluster(t, 1, "visits", "asked", "answers")
	var refused error
	b := topology.NewBuilder()
	b.GlobalStore(globalWindows, "visits-source", textTopic("visits"), "windows", func() windowing { return windowing{} })
	b.Source("asked-source", textTopic("asked")).Process("fetch", func() fetching { return fetching{&refused} }).To("answers-sink", textTopic("answers"))
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	_, stop := run(t, top, stream.Config{ID: "app", Brokers: addrs, StateDir: t.TempDir(), Workers: 1, Logger: testLogger(t), CommitInterval: 50 * time.Millisecond})
	defer stop()
	out := follow(t, addrs, "answers")
	produce(t, addrs, "asked", "k")
	if got := out.await(1)[0]; got != "k=[],/false" {
		t.Errorf("got %s", got)
	}
	produceKeyed(t, addrs, "visits", "k=a", "k=bb", "other=c")
	want := "k=[a bb],bb/true"
	for n := 2; n < 100; n++ {
		produce(t, addrs, "asked", "k")
		if strings.Contains(strings.Join(out.await(n), " "), want) {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if got := out.got[len(out.got)-1]; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if !errors.Is(refused, state.ErrReadOnly) {
		t.Errorf("a write of a task: %v", refused)
	}
}
