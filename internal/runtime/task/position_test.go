package task_test

import (
	"testing"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/runtime/task"
)

// What lies behind the last record is done with when the record is, and is
// committed with it or on its own: transaction markers, aborted records.
func TestPositionBehindTheLastRecord(t *testing.T) {
	r := newRig(t, task.Config{})
	defer r.task.Close(false)
	want := func(what string, next ...int64) {
		t.Helper()
		offsets := r.task.Offsets()
		if len(offsets) != len(next) || r.task.Dirty() != (len(next) > 0) {
			t.Fatalf("%s: offsets %v, dirty %t, want %v", what, offsets, r.task.Dirty(), next)
		}
		if len(next) > 0 && offsets[0].Next != next[0] {
			t.Errorf("%s: next %d, want %d", what, offsets[0].Next, next[0])
		}
	}
	if err := r.task.Add("events", []flow.Origin{{Topic: "events", Offset: 0, Key: []byte("a"), Value: []byte("v")}}, -1); err != nil {
		t.Fatal(err)
	}
	r.task.SetPosition("events", 2, 2)
	want("before the record is taken")
	if _, err := r.task.Process(1); err != nil {
		t.Fatal(err)
	}
	want("with a marker behind it", 2)
	r.commit()
	want("after the commit")
	r.task.SetPosition("events", 2, 5)
	want("with nothing new read")
	r.task.SetPosition("events", 5, 5)
	want("with aborted records", 5)
	r.commit()
	if err := r.send(7, "b"); err != nil {
		t.Fatal(err)
	}
	want("with the next record", 8)
}

// A record that failed is not done with, whatever lies behind it.
func TestPositionAtAFailure(t *testing.T) {
	r := newRig(t, task.Config{})
	defer r.task.Close(false)
	r.config.Emit = nil // which panics
	r.task.Close(false)
	r.open(-1)
	if err := r.task.Add("events", []flow.Origin{{Topic: "events", Offset: 0, Key: []byte("a"), Value: []byte("v")}}, -1); err != nil {
		t.Fatal(err)
	}
	r.task.SetPosition("events", 2, 2)
	if _, err := r.task.Process(1); err == nil {
		t.Fatal("no error")
	}
	if offsets := r.task.Offsets(); len(offsets) > 0 {
		t.Errorf("offsets %v", offsets)
	}
}
