package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
)

// fragile is a string serde that can't do with "bad" while it is broken.
type fragile struct {
	serde.Serde[string]
	broken *atomic.Bool
}

var errBad = errors.New("it is bad")

func (f fragile) Decode(b []byte) (string, error) {
	if string(b) == "bad" && f.broken.Load() {
		return "", errBad
	}
	return f.Serde.Decode(b)
}

func (f fragile) AppendTo(to []byte, v string) ([]byte, error) {
	if v == "bad" && f.broken.Load() {
		return to, errBad
	}
	return f.Serde.AppendTo(to, v)
}

// mishap is a stage with a record that fails there while it is broken.
type mishap struct {
	t       *testing.T
	stage   string // decode, process, encode, or refused by the broker
	verdict stream.Verdict
	cluster *kfake.Cluster
	s       spec
	broken  atomic.Bool
	fault   *kfake.FaultHandle
	asked   atomic.Pointer[stream.RecordError]
}

func (m *mishap) build(b *stream.Builder) {
	sound := new(atomic.Bool)
	input, output := fragile{serde.String, sound}, fragile{serde.String, sound}
	switch m.stage {
	case "decode":
		input.broken = &m.broken
	case "encode":
		output.broken = &m.broken
	}
	b.Stream(topology.NewTopic(m.s.In, serde.String, input)).
		MapValues(func(v string) string {
			if v == "bad" && m.stage == "process" && m.broken.Load() {
				panic("asked for")
			}
			return v
		}).
		To(topology.NewTopic(m.s.Out, serde.String, output))
}

func (m *mishap) judge(e *stream.RecordError) stream.Verdict {
	m.asked.Store(e)
	return m.verdict
}

// breakIt lets the record "bad" fail from now on.
func (m *mishap) breakIt() {
	m.broken.Store(true)
	if m.stage == "refused" {
		m.fault = m.cluster.Fault(kfake.Fault{
			Keys: []kmsg.Key{kmsg.Produce}, Topic: m.s.Out, Partitions: []int32{0}, Err: kerr.InvalidRecord, Count: -1,
		})
	}
}

func (m *mishap) heal() {
	m.broken.Store(false)
	if m.fault != nil {
		m.fault.Remove()
	}
}

// put writes values to a partition of the input.
func (m *mishap) put(partition int32, values ...string) {
	m.t.Helper()
	var records []*kgo.Record
	for _, v := range values {
		records = append(records, &kgo.Record{Partition: partition, Key: []byte(keyOf[partition]), Value: []byte(v), Timestamp: time.UnixMilli(7)})
	}
	put(m.t, m.s.Brokers, m.s.In, records...)
}

// keyOf is a key that goes to a partition of two.
var keyOf = []string{"a", "d"}

// output reads the values of the output's partitions until there are n of them.
func (m *mishap) output(n [2]int) (values [2][]string) {
	m.t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(m.s.Brokers), kgo.ConsumeTopics(m.s.Out), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		m.t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(m.t.Context(), 20*time.Second)
	defer cancel()
	for len(values[0]) < n[0] || len(values[1]) < n[1] {
		fetches := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			m.t.Fatalf("output has %q, want %d", values, n)
		}
		fetches.EachRecord(func(r *kgo.Record) { values[r.Partition] = append(values[r.Partition], string(r.Value)) })
	}
	return values
}

// committed returns the committed offset of a partition of the input.
func (m *mishap) committed(partition int32) int64 {
	return commitOf(m.t, m.s, m.s.In, partition).At
}

// A record that fails, at each stage, with each verdict, under each guarantee.
func TestPolicy(t *testing.T) {
	for _, stage := range []string{"decode", "process", "encode", "refused"} {
		for verdict, name := range []string{"fail", "skip", "dead letter", "retry", "park"} {
			for _, g := range []stream.Guarantee{stream.AtLeastOnce, stream.ExactlyOnce} {
				t.Run(stage+"/"+name+"/"+g.String(), func(t *testing.T) {
					t.Parallel()
					m := &mishap{t: t, stage: stage, verdict: stream.Verdict(verdict)}
					m.cluster, m.s = fake(t, 2)
					m.s.Guarantee = g
					if err := m.cluster.CreateTopic("dead", 1, nil); err != nil {
						t.Fatal(err)
					}
					m.run()
				})
			}
		}
	}
}

// An output that is refused each time is tried again for RetryTimeout in all,
// though each time all goes well until the commit. The other task is not held up.
func TestRetryEnds(t *testing.T) {
	for _, g := range []stream.Guarantee{stream.AtLeastOnce, stream.ExactlyOnce} {
		t.Run(g.String(), func(t *testing.T) {
			t.Parallel()
			m := &mishap{t: t, stage: "refused", verdict: stream.Retry}
			m.cluster, m.s = fake(t, 2)
			m.s.Guarantee, m.s.Interval = g, 100*time.Millisecond
			policy := stream.ErrorPolicy{Decode: m.judge, Process: m.judge, Produce: m.judge}
			ended := goRun(t, newApp(t, m.s, m.build, func(c *stream.Config) { c.OnError, c.RetryTimeout = policy, 3*time.Second }))
			m.put(0, "a0", "a1", "a2")
			m.put(1, "c0")
			m.output([2]int{3, 1})
			m.breakIt()
			m.put(0, "bad")
			m.put(1, "c1")
			m.output([2]int{3, 2})
			select {
			case err := <-ended:
				if err == nil || !strings.Contains(err.Error(), "tried again for") {
					t.Errorf("ended with %v", err)
				}
			case <-time.After(30 * time.Second):
				t.Error("it is tried again for good")
			}
		})
	}
}

// A record that has no timestamp is tried again for RetryTimeout in all where it
// is the first that comes, though the task punctuates meanwhile.
func TestRetryOfFirstEnds(t *testing.T) {
	t.Parallel()
	c, s := fake(t, 1)
	c.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		time.Sleep(20 * time.Millisecond) // for a punctuation before the record comes
		return nil, nil, false
	})
	put(t, s.Brokers, s.In, at(1, "good"))
	var saw seen
	policy := stream.ErrorPolicy{Decode: stream.RetryOnError}
	ended := goRun(t, newApp(t, s, func(b *stream.Builder) {
		b.Stream(in(s.In).WithTimestamps(func(r topology.Record[string, string], _ time.Time) (time.Time, error) {
			if r.Value == "bad" {
				return time.Time{}, errBad
			}
			return r.Time, nil
		})).Peek(saw.add).Process(func() *ticker { return &ticker{every: time.Millisecond} }).To(in(s.Out))
	}, func(c *stream.Config) { c.OnError, c.RetryTimeout = policy, time.Second }))
	saw.await(t, 10*time.Second, 1)
	put(t, s.Brokers, s.In, at(2, "bad"))
	select {
	case err := <-ended:
		if err == nil || !strings.Contains(err.Error(), "tried again for") {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("it is tried again for good")
	}
}

func (m *mishap) run() {
	t := m.t
	policy := stream.ErrorPolicy{Decode: m.judge, Process: m.judge, Produce: m.judge}
	app := newApp(t, m.s, m.build, func(c *stream.Config) { c.OnError, c.DeadLetterTopic = policy, "dead" })
	ended := goRun(t, app)
	m.put(0, "a0", "a1", "a2")
	m.put(1, "c0")
	m.output([2]int{3, 1})
	// What was not committed would come again, in one batch with what fails.
	eventually(t, "the first records are committed", 10*time.Second, func() bool { return m.committed(0) >= 3 })
	m.breakIt()
	m.put(0, "a3", "bad")
	if m.stage != "refused" {
		m.put(0, "a4")
	}
	eventually(t, "the policy is asked", 10*time.Second, func() bool { return m.asked.Load() != nil })
	m.checkAsked()
	switch m.verdict {
	case stream.Fail:
		if err := <-ended; err == nil || !strings.Contains(err.Error(), "topic in partition 0 offset ") {
			t.Errorf("ended with %v", err)
		} else if e, ok := errors.AsType[*stream.WorkerError](err); ok {
			t.Errorf("ended with %v", e)
		}
		return
	case stream.Retry, stream.Park:
		m.waits(app)
	}
	if m.stage == "refused" && m.verdict <= stream.DeadLetter {
		eventually(t, "the other record is judged", 10*time.Second, func() bool { return m.asked.Load().Offset == 4 })
		time.Sleep(300 * time.Millisecond) // and left out
	}
	m.heal()
	m.put(0, "a5")
	m.goesOn()
	if err := app.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if want := map[bool]int64{true: 6, false: 7}[m.stage == "refused"]; m.committed(0) != want && m.s.Guarantee == stream.AtLeastOnce {
		t.Errorf("committed %d, want %d", m.committed(0), want)
	}
}

func (m *mishap) checkAsked() {
	e := m.asked.Load()
	stage := map[string]string{"decode": "decode", "process": "process", "encode": "produce", "refused": "produce"}[m.stage]
	if e.Stage != stage || e.Topic != "in" || e.Partition != 0 || e.Offset != 4 && (m.stage != "refused" || e.Offset != 3) || e.Task != "0_0" {
		m.t.Errorf("asked about %+v", e)
	}
	if m.stage != "refused" && !strings.Contains(e.Place, "policy_test.go:") {
		m.t.Errorf("asked about %+v, want the operator's place", e)
	}
}

// waits looks at the task while it waits: the other task goes on, and all before
// the record is committed.
func (m *mishap) waits(app *stream.App) {
	m.put(1, "c1")
	m.output([2]int{3, 2})
	eventually(m.t, "what comes before is committed", 10*time.Second, func() bool {
		return m.committed(0) >= map[bool]int64{true: 3, false: 4}[m.stage == "refused"]
	})
	eventually(m.t, "the task is told to wait", 10*time.Second, func() bool { return app.Tasks()[0].Parked })
	if app.State() != stream.Running || app.Tasks()[1].Parked {
		m.t.Errorf("app is %s, tasks %+v", app.State(), app.Tasks())
	}
}

// goesOn checks what came out in the end.
func (m *mishap) goesOn() {
	want := []string{"a0", "a1", "a2", "a3", "bad", "a4", "a5"}
	again := m.verdict == stream.Retry || m.verdict == stream.Park
	switch {
	case m.stage == "refused" && again:
		want = []string{"a0", "a1", "a2", "a3", "bad", "a5"}
	case m.stage == "refused":
		want = []string{"a0", "a1", "a2", "a5"} // both were in what was refused
	case !again:
		want = []string{"a0", "a1", "a2", "a3", "a4", "a5"}
	}
	var got []string
	eventually(m.t, "all comes out", 10*time.Second, func() bool {
		got = m.output([2]int{len(want), 1})[0]
		return got[len(got)-1] == "a5"
	})
	if m.s.Guarantee == stream.AtLeastOnce {
		var once []string // what was not committed yet comes again
		for _, v := range got {
			if !slices.Contains(once, v) {
				once = append(once, v)
			}
		}
		got = once
	}
	if fmt.Sprint(got) != fmt.Sprint(want) && (m.s.Guarantee == stream.ExactlyOnce || m.stage != "refused") {
		m.t.Errorf("output is %q, want %q", got, want)
	}
	if m.verdict == stream.DeadLetter {
		m.deadLetter()
	}
}

func (m *mishap) deadLetter() {
	cl, err := kgo.NewClient(kgo.SeedBrokers(m.s.Brokers), kgo.ConsumeTopics("dead"), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		m.t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(m.t.Context(), 10*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		for r := range cl.PollFetches(ctx).RecordsAll() {
			if string(r.Value) != "bad" {
				continue
			}
			headers := make(map[string]string)
			for _, h := range r.Headers {
				headers[strings.TrimPrefix(h.Key, "__streams.errors.")] = string(h.Value)
			}
			if string(r.Key) != "a" || headers["topic"] != "in" || headers["partition"] != "0" || headers["offset"] != "4" ||
				headers["exception"] == "" || headers["message"] == "" || headers["stacktrace"] == "" || r.Timestamp.UnixMilli() != 7 {
				m.t.Errorf("dead letter %s at %s with %v", r.Key, r.Timestamp, headers)
			}
			return
		}
	}
	m.t.Error("no dead letter")
}
