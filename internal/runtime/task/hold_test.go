package task_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/overlay"
	"github.com/ottla-streams/ottla/internal/runtime/task"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/table"
	"github.com/ottla-streams/ottla/topology"
	"github.com/ottla-streams/ottla/window"
)

var perWindow = topology.NewTopic("per-window", serde.TimeWindowed(serde.String, 10*time.Millisecond), serde.Int64)

func suppressed() (*topology.Topology, error) {
	b := stream.NewBuilder()
	b.Stream(events).GroupByKey().WindowedBy(window.Tumbling(10 * time.Millisecond).Grace(5 * time.Millisecond)).
		Count(state.Windows("counts", serde.String, serde.Int64)).
		Suppress(table.UntilWindowCloses()).Named("closed").To(perWindow)
	return b.Build()
}

func onClose() (*topology.Topology, error) {
	b := stream.NewBuilder()
	b.Stream(events).GroupByKey().WindowedBy(window.Tumbling(10 * time.Millisecond).Grace(5 * time.Millisecond)).
		EmitOnClose().Count(state.Windows("counts", serde.String, serde.Int64)).To(perWindow)
	return b.Build()
}

// broker is what outlives a task: what it sent and what it committed.
type broker struct {
	*testing.T
	build    func() (*topology.Topology, error)
	hold     bool
	task     *task.Task
	results  map[string][]byte // by key, the last
	times    map[string]int    // how often each came
	logs     map[string][]overlay.Record
	next     int64
	metadata string
}

func newBroker(t *testing.T, hold bool, build func() (*topology.Topology, error)) *broker {
	b := &broker{T: t, build: build, hold: hold, results: make(map[string][]byte), times: make(map[string]int), logs: make(map[string][]overlay.Record)}
	b.start()
	return b
}

func (b *broker) emit(o *graph.Output) error {
	if o.Changelog {
		b.logs[o.Topic] = append(b.logs[o.Topic], overlay.Record{Key: clone(o.Key), Value: clone(o.Value), Time: o.Time, Headers: o.Headers.Clone()})
		return nil
	}
	b.results[string(o.Key)] = clone(o.Value)
	b.times[string(o.Key)]++
	return nil
}

// start makes the task anew, from what was committed.
func (b *broker) start() {
	b.Helper()
	top, err := b.build()
	if err != nil {
		b.Fatal(err)
	}
	sub := top.Graph().Subtopologies[0]
	c := task.Config{App: "app", Nodes: sub.Nodes, Stores: sub.Stores, Emit: b.emit, Hold: b.hold, Clock: func() int64 { return 0 }}
	if b.task, err = task.New(c); err != nil {
		b.Fatal(err)
	}
	at, progress, err := task.DecodeMetadata(b.metadata)
	if err != nil {
		b.Fatal(err)
	}
	b.task.SetProgress(progress)
	err = b.task.AddInput("events", sub.Sources()[0], b.next, at)
	for _, l := range b.task.Changelogs() {
		records := b.logs[l.Topic]
		err = errors.Join(err, b.task.Restore(l.Store, records[l.From:], int64(len(records))))
	}
	if err = errors.Join(err, b.task.Start()); err != nil {
		b.Fatal(err)
	}
}

// process takes records of the input from where the task stands.
func (b *broker) process(input []flow.Origin) {
	b.Helper()
	if err := b.task.Add("events", slices.Clone(input), -1); err != nil {
		b.Fatal(err)
	}
	if _, err := b.task.Process(len(input)); err != nil {
		b.Fatal(err)
	}
}

// where a process dies within a commit.
type death int

const (
	survives death = iota
	beforeResults
	beforeChangelog
	beforeOffsets
)

func (b *broker) commit(d death) {
	b.Helper()
	steps := []func() error{b.task.Flush, b.task.ReleaseResults, b.task.WriteChangelog}
	if d != survives {
		steps = steps[:d]
	}
	for _, step := range steps {
		if err := step(); err != nil {
			b.Fatal(err)
		}
	}
	if d != survives {
		b.start()
		return
	}
	for _, o := range b.task.Offsets() {
		b.next, b.metadata = o.Next, o.Metadata
	}
	err := b.task.Committed(func(topic string) (int64, bool) { return int64(len(b.logs[topic])), true })
	if err != nil {
		b.Fatal(err)
	}
}

func windowInput(rng *rand.Rand, n int) []flow.Origin {
	input := make([]flow.Origin, n)
	for i := range input {
		at := int64(i) + rng.Int64N(4)
		input[i] = flow.Origin{Topic: "events", Offset: int64(i), Time: at, Key: []byte{'a' + byte(rng.IntN(3))}, Value: []byte("v")}
	}
	last := flow.Origin{Topic: "events", Offset: int64(n), Time: int64(n) + 1000, Key: []byte("z"), Value: []byte("v")}
	return append(input, last)
}

// run takes the input in small steps with a commit or a death behind each, and
// returns whether the process died where results may come twice.
func (b *broker) run(rng *rand.Rand, input []flow.Origin, deaths []death) {
	b.Helper()
	for b.next < int64(len(input)) {
		at := b.next // the task may be ahead of what was committed
		for range 1 + rng.IntN(3) {
			n := min(int64(1+rng.IntN(8)), int64(len(input))-at)
			b.process(input[at : at+n])
			at += n
		}
		b.commit(deaths[rng.IntN(len(deaths))])
	}
}

// Final results come once however often the process dies between commits. If it
// dies within one they may come twice, and never get lost.
func TestFinalResultsOnce(t *testing.T) {
	for name, build := range map[string]func() (*topology.Topology, error){"suppress": suppressed, "emit on close": onClose} {
		for seed := range uint64(60) {
			t.Run(fmt.Sprint(name, " ", seed), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(seed, 7))
				input := windowInput(rng, 150)
				calm := newBroker(t, true, build)
				calm.run(rng, input, []death{survives})

				killed := newBroker(t, true, build)
				killed.run(rng, input, []death{survives, beforeResults})
				killed.sameAs(calm)
				for k, n := range killed.times {
					if n != 1 {
						t.Errorf("result of %x came %d times", k, n)
					}
				}

				inCommit := newBroker(t, true, build)
				inCommit.run(rng, input, []death{survives, beforeResults, beforeChangelog})
				inCommit.sameAs(calm)
			})
		}
	}
}

// sameAs compares results, however often each came.
func (b *broker) sameAs(want *broker) {
	b.Helper()
	if len(b.results) != len(want.results) || len(b.results) < 10 {
		b.Errorf("%d results, want %d", len(b.results), len(want.results))
	}
	for k, v := range want.results {
		if string(b.results[k]) != string(v) {
			b.Errorf("result of %x is %x, want %x", k, b.results[k], v)
		}
	}
}

// A process that dies when the changelogs were written and the offsets were not
// counts records again, as at least once does; no result gets lost.
func TestFinalResultsNotLost(t *testing.T) {
	for name, build := range map[string]func() (*topology.Topology, error){"suppress": suppressed, "emit on close": onClose} {
		for seed := range uint64(60) {
			t.Run(fmt.Sprint(name, " ", seed), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(seed, 8))
				input := windowInput(rng, 150)
				calm := newBroker(t, true, build)
				calm.run(rng, input, []death{survives})
				killed := newBroker(t, true, build)
				killed.run(rng, input, []death{survives, survives, beforeOffsets})
				for k := range calm.results {
					if killed.times[k] == 0 {
						t.Errorf("result of %x is lost", k)
					}
				}
			})
		}
	}
}

// Without holding, results would come twice: the test above can fail.
func TestResultsAtOnceComeTwice(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 7))
	b := newBroker(t, false, suppressed)
	b.run(rng, windowInput(rng, 150), []death{survives, beforeResults})
	for _, n := range b.times {
		if n > 1 {
			return
		}
	}
	t.Error("each result came once")
}
