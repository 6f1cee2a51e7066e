package worker

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/runtime/offsets"
)

func TestBell(t *testing.T) {
	var b bell
	b.ring()
	took := func(d time.Duration) time.Duration {
		began := time.Now()
		b.wait(t.Context(), d)
		return time.Since(began)
	}
	if took(time.Minute) > 30*time.Second {
		t.Error("a ring while nobody waited was lost")
	}
	if took(50*time.Millisecond) < 50*time.Millisecond {
		t.Error("a ring ended two waits")
	}
	time.AfterFunc(10*time.Millisecond, b.ring)
	if took(time.Minute) > 30*time.Second {
		t.Error("a ring did not end the wait")
	}
}

func TestCalls(t *testing.T) {
	var b bell
	c := calls{bell: &b, gone: make(chan struct{})}
	var ran []int
	finished := make(chan bool)
	go func() {
		ok := true
		for i := range 3 {
			ok = c.do(context.Background(), func() { ran = append(ran, i) }) && ok
		}
		finished <- ok
	}()
	for len(ran) < 3 {
		b.wait(t.Context(), 5*time.Second)
		c.run()
	}
	if !<-finished || fmt.Sprint(ran) != "[0 1 2]" {
		t.Errorf("ran %v", ran)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if c.do(ctx, func() {}) {
		t.Error("a call whose context has ended waited")
	}
	close(c.gone)
	if c.do(context.Background(), func() {}) {
		t.Error("a call to a loop that has ended waited")
	}
}

// What a call posts runs too, in the same turn.
func TestCallsPostCalls(t *testing.T) {
	var b bell
	c := calls{bell: &b}
	n := 0
	c.post(func() { n++; c.post(func() { n++ }) })
	c.run()
	if n != 2 {
		t.Errorf("%d of 2 ran", n)
	}
}

func TestEpochs(t *testing.T) {
	var e epochs
	if got := e.at(5); got != -1 {
		t.Errorf("epoch of nothing: %d", got)
	}
	for offset := range int64(30) {
		e.note(offset, int32(offset/10))
	}
	if len(e) != 3 {
		t.Errorf("%d entries, want 3", len(e))
	}
	for _, c := range []struct {
		next int64
		want int32
	}{{0, -1}, {1, 0}, {10, 0}, {11, 1}, {20, 1}, {21, 2}, {30, 2}} {
		if got := e.at(c.next); got != c.want {
			t.Errorf("epoch before %d is %d, want %d", c.next, got, c.want)
		}
	}
	if len(e) != 1 {
		t.Errorf("%d entries are kept", len(e))
	}
	e.skip(40)
	if got := e.at(40); got != -1 {
		t.Errorf("epoch of what was skipped is %d", got)
	}
	e.note(40, 2)
	if got := e.at(41); got != 2 {
		t.Errorf("epoch behind what was skipped is %d, want 2", got)
	}
}

func TestMissing(t *testing.T) {
	var m missing
	now := time.Now()
	first := errors.New("first")
	one, other := offsets.Partition{Topic: "t"}, offsets.Partition{Topic: "t", Num: 1}
	m.note(now, time.Second, one, first)
	m.note(now.Add(900*time.Millisecond), time.Second, other, errors.New("second"))
	m.found(other)
	if err := m.check(now.Add(time.Second)); err != nil {
		t.Errorf("within the grace: %v", err)
	}
	if err := m.check(now.Add(1100 * time.Millisecond)); err != first {
		t.Errorf("after the grace: %v", err)
	}
	for what, end := range map[string]func(){"clear": m.clear, "found": func() { m.found(one) }} {
		m.note(now, time.Second, one, first)
		end()
		if err := m.check(now.Add(time.Hour)); err != nil || !m.deadline.IsZero() {
			t.Errorf("after %s: %v", what, err)
		}
	}
	m.note(now, time.Second, offsets.Partition{}, first)
	if m.found(one); m.err == nil {
		t.Error("what the group misses is found by a partition")
	}
}

func TestLayout(t *testing.T) {
	b := graph.NewBuilder()
	add := func(name string, topics ...graph.Topic) *graph.Node {
		return b.Add(&graph.Node{Name: name, Kind: graph.SourceNode, Source: &graph.Source{Topics: topics}})
	}
	x, y := add("x", graph.Topic{Name: "x"}), add("y", graph.Topic{Name: "y", Internal: true})
	both := b.Add(&graph.Node{Name: "both", Kind: graph.ProcessorNode}, x, y)
	s := b.AddStore(&graph.Store{Name: "s", Logged: true})
	b.Connect(both, s)
	b.Copartition(graph.CopartitionGroup{Sources: []*graph.Node{x, y}})
	add("z", graph.Topic{Name: "z"})
	g, mistakes := b.Build()
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	l := newLayout(g, "app", map[string]int32{"x": 3, "app-y": 2, "z": 1})
	if got := fmt.Sprint(l.topics()); got != "[app-y x z]" {
		t.Errorf("topics %s", got)
	}
	for _, c := range []struct {
		topic string
		part  int32
		want  string
		ok    bool
	}{{"x", 2, "0_2", true}, {"app-y", 1, "0_1", true}, {"z", 0, "1_0", true}, {"nowhere", 0, "0_0", false}} {
		if id, ok := l.task(c.topic, c.part); id.String() != c.want || ok != c.ok {
			t.Errorf("task of %s %d is %s, %v", c.topic, c.part, id, ok)
		}
	}
	if got := fmt.Sprint(l.expects(graph.TaskID{Partition: 1}), l.expects(graph.TaskID{Partition: 2})); got != "[app-y x] [x]" {
		t.Errorf("inputs %s", got)
	}
	if l.tasks(0) != 3 || l.tasks(1) != 1 || !l.internal["app-y"] || l.internal["x"] {
		t.Errorf("tasks %d and %d, internal %v", l.tasks(0), l.tasks(1), l.internal)
	}
	subs := l.group.Subtopologies
	if len(subs) != 2 || !subs[0].Stateful || subs[1].Stateful || fmt.Sprint(subs[0].Copartitioned) != "[[app-y x]]" {
		t.Errorf("group %+v", subs)
	}
	if other := newLayout(g, "other", map[string]int32{"x": 3}); other.group.Fingerprint() == l.group.Fingerprint() {
		t.Error("two apps have one fingerprint")
	}
	if same := newLayout(g, "app", map[string]int32{"x": 9}); same.group.Fingerprint() != l.group.Fingerprint() {
		t.Error("the fingerprint depends on the numbers of partitions")
	}
}
