package task_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/overlay"
	"github.com/ottla-streams/ottla/internal/runtime/task"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/state/engine"
	"github.com/ottla-streams/ottla/state/engine/pebble"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
)

var (
	events = topology.NewTopic("events", serde.String, serde.String)
	totals = topology.NewTopic("totals", serde.String, serde.Int64)
)

// rig runs one counting task and keeps what it sends.
type rig struct {
	*testing.T
	task   *task.Task
	config task.Config
	store  *graph.Store
	node   *graph.Node
	out    []string
	log    []overlay.Record // the changelog
}

func counts(name string) func() (*topology.Topology, error) {
	return func() (*topology.Topology, error) {
		b := stream.NewBuilder()
		b.Stream(events).GroupByKey().Count(state.KeyValue(name, serde.String, serde.Int64)).To(totals)
		return b.Build()
	}
}

func newRig(t *testing.T, c task.Config) *rig {
	t.Helper()
	top, err := counts("counts")()
	if err != nil {
		t.Fatal(err)
	}
	sub := top.Graph().Subtopologies[0]
	r := &rig{T: t, config: c, store: sub.Stores[0], node: sub.Sources()[0]}
	r.config.App, r.config.Nodes, r.config.Stores = "app", sub.Nodes, sub.Stores
	r.config.Emit = r.emit
	r.config.Clock = func() int64 { return 0 }
	r.open(-1)
	return r
}

func (r *rig) emit(o *graph.Output) error {
	if o.Changelog {
		r.log = append(r.log, overlay.Record{Key: clone(o.Key), Value: clone(o.Value), Time: o.Time})
		return nil
	}
	r.out = append(r.out, fmt.Sprintf("%s=%d@%d", o.Key, o.Value[7], o.Time))
	return nil
}

func clone(b []byte) []byte {
	if b == nil {
		return nil
	}
	return append([]byte{}, b...)
}

func (r *rig) open(next int64) {
	r.Helper()
	var err error
	if r.task, err = task.New(r.config); err != nil {
		r.Fatal(err)
	}
	if err := r.task.AddInput("events", r.node, next, -1); err != nil {
		r.Fatal(err)
	}
}

// restore restores from the changelog and returns the number of records.
func (r *rig) restore() int {
	r.Helper()
	from := r.task.Changelogs()[0].From
	records := r.log[from:]
	if err := r.task.Restore("counts", records, int64(len(r.log))); err != nil {
		r.Fatal(err)
	}
	return len(records)
}

func (r *rig) send(offset int64, keys ...string) error {
	records := make([]flow.Origin, len(keys))
	for i, k := range keys {
		records[i] = flow.Origin{Topic: "events", Offset: offset + int64(i), Time: offset + int64(i), Key: []byte(k), Value: []byte("v")}
	}
	if err := r.task.Add("events", records, -1); err != nil {
		return err
	}
	_, err := r.task.Process(1000)
	return err
}

func (r *rig) commit() {
	r.Helper()
	err := errors.Join(r.task.Flush(), r.task.WriteChangelog(),
		r.task.Committed(func(string) (int64, bool) { return int64(len(r.log)), true }))
	if err != nil {
		r.Fatal(err)
	}
}

func (r *rig) counts() map[string]int64 {
	r.Helper()
	v, err := r.task.Store(r.store)
	if err != nil {
		r.Fatal(err)
	}
	m := make(map[string]int64)
	for _, k := range []string{"a", "b", "c"} {
		n, ok, err := v.(*state.KeyValueStore[string, int64]).Get(k)
		if err != nil {
			r.Fatal(err)
		}
		if ok {
			m[k] = n
		}
	}
	return m
}

func (r *rig) want(want map[string]int64) {
	r.Helper()
	if got := r.counts(); !maps.Equal(got, want) {
		r.Errorf("counts are %v, want %v", got, want)
	}
}

func TestCommitAndAbort(t *testing.T) {
	r := newRig(t, task.Config{})
	if err := r.send(0, "a", "b", "a"); err != nil {
		t.Fatal(err)
	}
	r.commit()
	if len(r.log) != 2 {
		t.Errorf("the changelog has %d records, want one per key", len(r.log))
	}
	if err := r.send(3, "a", "c"); err != nil {
		t.Fatal(err)
	}
	r.want(map[string]int64{"a": 3, "b": 1, "c": 1})
	r.task.Abort()
	r.want(map[string]int64{"a": 2, "b": 1})
	if o := r.task.Offsets(); len(o) != 1 || o[0].Next != 5 {
		t.Errorf("offsets are %v", o)
	}
}

// TestReopen checks what is restored after a clean close, after a crash that
// lost the layers, and without any local state.
func TestReopen(t *testing.T) {
	opener := pebble.New(pebble.Options{})
	defer opener.Close()
	r := newRig(t, task.Config{Persistent: opener, Dir: t.TempDir() + "/0_0"})
	step := func(want int) {
		t.Helper()
		r.open(-1)
		if n := r.restore(); n != want {
			t.Errorf("restored %d records, want %d", n, want)
		}
	}
	r.send(0, "a", "b", "a")
	r.commit()
	if err := r.task.Close(true); err != nil {
		t.Fatal(err)
	}
	step(0)
	r.want(map[string]int64{"a": 2, "b": 1})
	r.send(3, "c", "a")
	r.commit()
	r.task.Close(false) // as a crash: the committed layer is lost
	step(2)
	r.want(map[string]int64{"a": 3, "b": 1, "c": 1})
	r.task.Close(true)
	if err := os.RemoveAll(r.config.Dir); err != nil {
		t.Fatal(err)
	}
	step(4)
	r.want(map[string]int64{"a": 3, "b": 1, "c": 1})
	r.task.Close(true)
}

func TestForeignState(t *testing.T) {
	opener := pebble.New(pebble.Options{})
	defer opener.Close()
	r := newRig(t, task.Config{Persistent: opener, Dir: t.TempDir() + "/0_0"})
	r.send(0, "a")
	r.commit()
	r.task.Close(true)
	c := r.config
	c.App = "other"
	if _, err := task.New(c); !errors.Is(err, task.ErrForeignState) || !strings.Contains(err.Error(), "application app, not of other") {
		t.Errorf("another application: %v", err)
	}
	c = r.config
	c.ID.Partition = 1
	if _, err := task.New(c); !errors.Is(err, task.ErrForeignState) {
		t.Errorf("another task: %v", err)
	}
	top, err := counts("renamed")()
	if err != nil {
		t.Fatal(err)
	}
	c = r.config
	c.Nodes, c.Stores = top.Graph().Subtopologies[0].Nodes, top.Graph().Subtopologies[0].Stores
	if _, err := task.New(c); !errors.Is(err, task.ErrForeignState) || !strings.Contains(err.Error(), "counts") {
		t.Errorf("a store is gone: %v", err)
	}
	c.DropOrphans = true
	changed, err := task.New(c)
	if err != nil {
		t.Fatal(err)
	}
	changed.Abort()
	if err := changed.Close(true); err != nil {
		t.Error(err)
	}
	back, err := task.New(r.config)
	if err != nil {
		t.Fatal(err)
	}
	if logs := back.Changelogs(); len(logs) != 1 || logs[0].From != 0 {
		t.Errorf("the store that came back is restored from %+v, want the start", logs)
	}
	back.Abort()
	if err := back.Close(true); err != nil {
		t.Error(err)
	}
}

// TestDirtyFolder checks that files that are no store's are told as damage.
func TestDirtyFolder(t *testing.T) {
	opener := pebble.New(pebble.Options{})
	defer opener.Close()
	dir := t.TempDir() + "/0_0"
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/CURRENT", []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	top, err := counts("counts")()
	if err != nil {
		t.Fatal(err)
	}
	sub := top.Graph().Subtopologies[0]
	_, err = task.New(task.Config{App: "app", Nodes: sub.Nodes, Stores: sub.Stores, Persistent: opener, Dir: dir, Clock: func() int64 { return 0 }})
	if !errors.Is(err, engine.ErrDamaged) {
		t.Errorf("got %v", err)
	}
}

func TestPolicy(t *testing.T) {
	boom := errors.New("boom")
	for _, verdict := range []task.Verdict{task.Fail, task.Skip, task.DeadLetter} {
		var seen *task.Failure
		r := newRig(t, task.Config{DeadLetter: "dead", OnError: func(f *task.Failure) task.Verdict { seen = f; return verdict }})
		var dead []*graph.Output
		emit := r.config.Emit
		r.config.Emit = func(o *graph.Output) error {
			if o.Topic == "dead" {
				c := *o
				dead = append(dead, &c)
				return nil
			}
			return emit(o)
		}
		top, err := badDecoding(boom)
		if err != nil {
			t.Fatal(err)
		}
		sub := top.Graph().Subtopologies[0]
		r.config.Nodes, r.config.Stores, r.node = sub.Nodes, sub.Stores, sub.Sources()[0]
		r.open(-1)
		err = r.send(7, "bad")
		if (err != nil) != (verdict == task.Fail) {
			t.Errorf("verdict %d: %v", verdict, err)
		}
		if seen == nil || seen.Stage != task.Decode || !errors.Is(seen, boom) || !strings.Contains(seen.Error(), "topic events partition 0 offset 7") {
			t.Errorf("verdict %d: failure is %v", verdict, seen)
		}
		if (len(dead) == 1) != (verdict == task.DeadLetter) {
			t.Errorf("verdict %d: %d dead letters", verdict, len(dead))
		}
		for _, d := range dead {
			if h, _ := d.Headers.Last("__streams.errors.offset"); string(d.Key) != "bad" || string(h) != "7" {
				t.Errorf("dead letter is %+v", d)
			}
		}
	}
}

type failing struct{ err error }

func (failing) AppendTo(dst []byte, s string) ([]byte, error) { return append(dst, s...), nil }
func (f failing) Decode([]byte) (string, error)               { return "", f.err }

func badDecoding(err error) (*topology.Topology, error) {
	b := stream.NewBuilder()
	t := topology.NewTopic("events", serde.String, serde.Serde[string](failing{err}))
	b.Stream(t).To(topology.NewTopic("out", serde.String, serde.String))
	return b.Build()
}

// TestProcessStopsAtEmptyInput checks that a task with two inputs hands back
// when one has run empty: what comes next there may belong first.
func TestProcessStopsAtEmptyInput(t *testing.T) {
	b := stream.NewBuilder()
	text := func(name string) topology.Topic[string, string] {
		return topology.NewTopic(name, serde.String, serde.String)
	}
	b.Stream(text("left")).Merge(b.Stream(text("right"))).To(text("out"))
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	sub := top.Graph().Subtopologies[0]
	k, err := task.New(task.Config{App: "app", Nodes: sub.Nodes, Stores: sub.Stores,
		Emit: func(*graph.Output) error { return nil }, Clock: func() int64 { return 0 }})
	if err != nil {
		t.Fatal(err)
	}
	records := func(topic string, times ...int64) []flow.Origin {
		r := make([]flow.Origin, len(times))
		for i, at := range times {
			r[i] = flow.Origin{Topic: topic, Offset: int64(i), Time: at, Key: []byte("k"), Value: []byte("v")}
		}
		return r
	}
	for i, n := range sub.Sources() {
		if err := k.AddInput([]string{"left", "right"}[i], n, -1, -1); err != nil {
			t.Fatal(err)
		}
	}
	k.Add("left", records("left", 1, 2), 4)
	k.Add("right", records("right", 5, 6, 7), 3)
	if n, err := k.Process(100); n != 2 || err != nil {
		t.Errorf("took %d records, %v, want the 2 of left", n, err)
	}
	if k.Ready() {
		t.Error("ready though left has more on the broker")
	}
	k.SetPosition("left", 4, 4)
	if !k.Ready() {
		t.Error("not ready though left has no more")
	}
}
