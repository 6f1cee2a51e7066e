package task_test

import (
	"runtime"
	"testing"
	"weak"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/runtime/task"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state/engine"
	"github.com/ottla-streams/ottla/state/engine/pebble"
)

// counted counts the engines that are open.
type counted struct {
	engine.Opener
	open    int
	crowded bool
}

type countedEngine struct {
	engine.Engine
	c *counted
}

func (c *counted) Open(dir string) (engine.Engine, error) {
	e, err := c.Opener.Open(dir)
	if err == nil {
		c.open++
		e = countedEngine{e, c}
	}
	return e, err
}

func (c *counted) Crowded() bool { return c.crowded }

func (e countedEngine) Close() error {
	e.c.open--
	return e.Engine.Close()
}

// A task with nothing to do writes out what it holds, closes its engine, and
// opens it again when it is needed.
func TestRest(t *testing.T) {
	opener := pebble.New(pebble.Options{})
	defer opener.Close()
	c := &counted{Opener: opener}
	now := int64(1000)
	r := newRig(t, task.Config{Dir: t.TempDir() + "/0_0", Persistent: c, LayerBytes: 1 << 20, LayerMillis: 30_000})
	r.task.Close(false)
	r.config.Clock = func() int64 { return now }
	r.open(-1)
	rest := func(after int64, open int) {
		t.Helper()
		now += after
		if err := r.task.Rest(); err != nil {
			t.Fatal(err)
		}
		if c.open != open {
			t.Fatalf("%d engines are open, want %d", c.open, open)
		}
	}
	if err := r.send(0, "a", "b", "a"); err != nil {
		t.Fatal(err)
	}
	r.commit()
	rest(1000, 0)
	rest(30_000, 1) // what is old is written out
	rest(30_000, 1)
	rest(31_000, 0)
	if err := r.send(3, "a"); err != nil {
		t.Fatal(err)
	}
	if c.open != 0 {
		t.Error("a read of what is in memory opens the engine")
	}
	r.commit()
	if _, err := r.task.Store(r.store); err != nil {
		t.Fatal(err)
	}
	r.want(map[string]int64{"a": 3, "b": 1})
	rest(1000, 1) // it was looked for c
	c.crowded = true
	rest(30_000, 1)
	rest(3000, 0)
	if err := r.task.Close(true); err != nil {
		t.Fatal(err)
	}
	if c.open != 0 {
		t.Errorf("%d engines are open after the close", c.open)
	}
	r.open(4)
	r.want(map[string]int64{"a": 3, "b": 1})
	if err := r.task.Close(true); err != nil {
		t.Fatal(err)
	}
}

// A task that has taken all its records keeps none of them: with its headers
// the last one would keep the batch that it came in.
func TestTakenRecordsAreLetGo(t *testing.T) {
	r := newRig(t, task.Config{})
	defer r.task.Close(false)
	record, payload := func() (weak.Pointer[flow.Origin], weak.Pointer[[64]byte]) {
		payload := new([64]byte)
		records := []flow.Origin{{Topic: "events", Key: []byte("k"), Value: []byte("v"), Headers: serde.Headers{{Key: "h", Value: payload[:]}}}}
		if err := r.task.Add("events", records, -1); err != nil {
			t.Fatal(err)
		}
		if n, err := r.task.Process(10); n != 1 || err != nil {
			t.Fatalf("took %d records: %v", n, err)
		}
		return weak.Make(&records[0]), weak.Make(payload)
	}()
	runtime.GC()
	if record.Value() != nil {
		t.Error("the task keeps the record")
	}
	if payload.Value() != nil {
		t.Error("the task keeps what the record's header lies in")
	}
	runtime.KeepAlive(r)
}
