package stream_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/overlay"
	"github.com/ottla-streams/ottla/internal/runtime/task"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state/engine"
	"github.com/ottla-streams/ottla/topology"
	"github.com/ottla-streams/ottla/window"
)

// job runs a topology of one input and one output as an app does exactly once:
// it commits now and then, and crashes lose what was not committed.
type job struct {
	t      testing.TB
	graph  *graph.Topology
	opener engine.Opener // nil keeps the state in memory
	cache  int
	every  int64 // wall clock between two looks for closed windows
	clock  int64
	dir    string
	task   *task.Task
	copy   *copied // nil for none

	sent     []flow.Origin // all input
	next     int64         // committed
	metadata string        // committed
	log      map[string][]overlay.Record
	out      []graph.Output // committed
	newLog   map[string][]overlay.Record
	newOut   []graph.Output
	dropped  int64
}

func newJob(t testing.TB, top *topology.Topology, opener engine.Opener, cache int) *job {
	t.Helper()
	j := &job{t: t, opener: opener, cache: cache}
	j.begin(top)
	return j
}

func (j *job) begin(top *topology.Topology) {
	j.t.Helper()
	j.graph, j.log = top.Graph(), make(map[string][]overlay.Record)
	j.start(true)
	j.t.Cleanup(func() {
		j.check(j.task.Close(true))
		if j.copy != nil {
			j.check(j.copy.task.Close(true))
		}
	})
}

func (j *job) check(err error) {
	j.t.Helper()
	if err != nil {
		j.t.Fatal(err)
	}
}

// start begins a task, with an empty folder if fresh is set, and restores it.
func (j *job) start(fresh bool) {
	j.t.Helper()
	if fresh {
		j.dir = j.t.TempDir()
	}
	var err error
	j.task, err = task.New(j.config())
	j.check(err)
	for _, c := range j.task.Changelogs() {
		log := j.log[c.Topic]
		j.check(j.task.Restore(c.Store, log[c.From:], int64(len(log))))
	}
	j.ready()
}

func (j *job) config() task.Config {
	sub := j.graph.Subtopologies[0]
	return task.Config{
		App: "job", Nodes: sub.Nodes, Stores: sub.Stores, Emit: j.emit, Clock: func() int64 { return j.clock },
		Partitions: func(string) (int32, error) { return 1, nil }, CacheBytes: j.cache, EmitMillis: j.every,
		Dir: j.dir + "/0_0", Persistent: j.opener, LayerBytes: 20_000,
	}
}

// ready starts a task whose stores are restored.
func (j *job) ready() {
	j.t.Helper()
	j.newOut, j.newLog = nil, make(map[string][]overlay.Record)
	at, progress, err := task.DecodeMetadata(j.metadata)
	j.check(err)
	j.task.SetProgress(progress)
	source := j.graph.Subtopologies[0].Sources()[0]
	j.check(j.task.AddInput(source.Source.Topics[0].Name, source, j.next, at))
	j.check(j.task.Start())
}

func (j *job) emit(o *graph.Output) error {
	c := *o
	c.Key, c.Value, c.Headers = bytes.Clone(o.Key), bytes.Clone(o.Value), o.Headers.Clone()
	if o.Changelog {
		r := overlay.Record{Key: c.Key, Value: c.Value, Time: c.Time, Headers: c.Headers}
		j.newLog[o.Topic] = append(j.newLog[o.Topic], r)
	} else {
		j.newOut = append(j.newOut, c)
	}
	return nil
}

// send processes a record.
func (j *job) send(key, value []byte, at int64) {
	j.t.Helper()
	j.sent = append(j.sent, flow.Origin{Topic: "in", Offset: int64(len(j.sent)), Time: at, Key: key, Value: value})
	j.process(j.sent[len(j.sent)-1:])
}

func (j *job) process(records []flow.Origin) {
	j.t.Helper()
	j.check(j.task.Add("in", records, -1))
	n, err := j.task.Process(len(records) + 1)
	j.check(err)
	if n != len(records) {
		j.t.Fatalf("%d of %d records were processed", n, len(records))
	}
}

func (j *job) commit() {
	j.t.Helper()
	j.check(j.task.Flush())
	j.check(j.task.WriteChangelog())
	for topic, records := range j.newLog {
		j.log[topic] = append(j.log[topic], records...)
	}
	j.out = append(j.out, j.newOut...)
	for _, o := range j.task.Offsets() {
		j.next, j.metadata = o.Next, o.Metadata
	}
	j.check(j.task.Committed(func(topic string) (int64, bool) { return int64(len(j.log[topic])), true }))
	for _, n := range j.task.Dropped() {
		j.dropped += n
	}
	clear(j.task.Dropped())
	j.follow()
	j.newOut, j.newLog = nil, make(map[string][]overlay.Record)
}

// crash loses what was not committed, and the files too if lost is set. It
// processes again what was lost, after restarted has run.
func (j *job) crash(lost bool, restarted func()) {
	j.t.Helper()
	j.task.Abort()
	j.check(j.task.Close(false))
	j.start(lost)
	restarted()
	j.process(j.sent[j.next:])
}

// windowed is an output as text.
func windowedText(t testing.TB, key serde.Serde[window.Key[string]], o graph.Output) (row, update string) {
	t.Helper()
	k, err := key.Decode(o.Key)
	if err != nil {
		t.Fatal(err)
	}
	row = fmt.Sprintf("%s@%d/%d", k.Key, k.Start, k.End)
	value := "null"
	if o.Value != nil {
		value = string(o.Value)
	}
	return row, fmt.Sprintf("%s=%s at %d", row, value, o.Time)
}
