package task_test

import (
	"errors"
	"testing"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/runtime/task"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
)

// A record that fails behind an output that it made already goes to the dead
// letters with its own bytes: in Kafka Streams key and value are null then
// (LIM-035).
func TestDeadLetterBehindAnOutput(t *testing.T) {
	copies := topology.NewTopic("copies", serde.String, serde.String)
	b := stream.NewBuilder()
	s := b.Stream(events)
	s.To(copies)
	s.MapValues(func(string) string { panic(errors.New("boom")) }).To(topology.NewTopic("never", serde.String, serde.String))
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	var letter graph.Output
	r := newRig(t, task.Config{GoesOn: true, DeadLetter: "dead", OnError: func(*task.Failure) task.Verdict { return task.DeadLetter }})
	r.config.Emit = func(o *graph.Output) error {
		order = append(order, o.Topic)
		letter = *o
		return nil
	}
	sub := top.Graph().Subtopologies[0]
	r.config.Nodes, r.config.Stores, r.node = sub.Nodes, sub.Stores, sub.Sources()[0]
	r.open(-1)
	if err := r.send(7, "key"); err != nil {
		t.Fatal(err)
	}
	if len(order) != 2 || order[0] != "copies" || order[1] != "dead" {
		t.Fatalf("outputs went to %v", order)
	}
	if string(letter.Key) != "key" || string(letter.Value) != "v" {
		t.Errorf("dead letter has key %q and value %q", letter.Key, letter.Value)
	}
}
