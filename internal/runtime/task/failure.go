package task

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/serde"
)

// Stage is where a record failed.
type Stage uint8

// The stages.
const (
	Decode Stage = iota + 1
	Processing
	Produce
)

func (s Stage) String() string {
	return [...]string{"unknown", "decode", "process", "produce"}[s]
}

// Verdict is what becomes of a failure.
type Verdict uint8

// The verdicts.
const (
	Fail       Verdict = iota + 1 // the task stops
	Skip                          // the record is left out and counted
	DeadLetter                    // as Skip, and its bytes go to the dead letter topic
	Retry                         // the task goes back to its last commit and tries again, for a while
	Park                          // as Retry, for as long as it takes
)

// Postponed is an error that is to be met again: the task goes back to its last
// commit and waits.
type Postponed struct {
	Failure *Failure
	Park    bool
}

func (e *Postponed) Error() string { return e.Failure.Error() }
func (e *Postponed) Unwrap() error { return e.Failure }

func (v Verdict) String() string {
	return [...]string{"unknown", "failed", "skipped", "dead_lettered", "retried", "parked"}[v]
}

// Failure is an error of a record or of user code, for the policy to judge.
type Failure struct {
	Stage   Stage
	Task    graph.TaskID
	Node    *graph.Node   // nil if it is not known
	Origin  *flow.Origin  // nil in a punctuation
	Time    int64         // of the record in work
	Headers serde.Headers // of the input record
	Err     error
	// DeadLetter notes the verdict, for whoever has to carry it out later.
	DeadLetter bool
}

// Error describes the failure with the record's place and without its bytes.
func (f *Failure) Error() string {
	s := "task " + f.Task.String()
	if o := f.Origin; o != nil {
		s += fmt.Sprintf(": topic %s partition %d offset %d", o.Topic, o.Partition, o.Offset)
	}
	s += ": " + f.Stage.String()
	if f.Node != nil {
		s += " " + f.Node.Name
		if f.Node.Place != "" {
			s += " (" + f.Node.Op + " at " + f.Node.Place + ")"
		}
	}
	return s + ": " + f.Err.Error()
}

func (f *Failure) Unwrap() error { return f.Err }

// judge asks the policy. A nil result leaves the record out.
func (t *Task) judge(f *Failure) error {
	verdict := Fail
	if t.c.OnError != nil {
		verdict = t.c.OnError(f)
	}
	t.count.Fail(f.Stage.String(), verdict.String())
	switch verdict {
	case DeadLetter:
		if t.c.DeadLetter == "" || f.Origin == nil {
			return &graph.Judged{Err: fmt.Errorf("no dead letter topic for: %w", f)}
		}
		if err := t.c.Emit(DeadLetterRecord(t.c.DeadLetter, f)); err != nil {
			return &graph.Judged{Err: fmt.Errorf("dead letter: %w", errors.Join(err, f))}
		}
	case Skip:
	case Retry, Park:
		return &graph.Judged{Err: &Postponed{f, verdict == Park}}
	default:
		return &graph.Judged{Err: f}
	}
	t.leaveOut(f.Node)
	t.log.Warn("record left out", "stage", f.Stage.String(), "error", f.Error(), "dead_letter", verdict == DeadLetter)
	return nil
}

func (t *Task) failure(n *graph.Node, err error) *Failure {
	f := &Failure{Stage: Processing, Task: t.c.ID, Node: n, Origin: t.origin.Clone(), Time: t.now, Err: err}
	if t.origin != nil {
		f.Headers = t.origin.Headers
	}
	var encode *graph.EncodeError
	if errors.As(err, &encode) {
		f.Stage = Produce
	}
	return f
}

// DeadLetterRecord is the record of a failure: the input's own bytes and headers,
// and headers that say what happened, named as Kafka Streams names them (KIP-1034).
func DeadLetterRecord(topic string, f *Failure) *graph.Output {
	o := f.Origin
	h := append(serde.Headers{}, f.Headers...)
	add := func(name, value string) {
		h = append(h, serde.Header{Key: "__streams.errors." + name, Value: []byte(value)})
	}
	cause := f.Err
	for next := cause; next != nil; next = errors.Unwrap(next) {
		cause = next
	}
	add("exception", fmt.Sprintf("%T", cause))
	add("message", f.Err.Error())
	add("stacktrace", stack(f))
	add("topic", o.Topic)
	add("partition", strconv.Itoa(int(o.Partition)))
	add("offset", strconv.FormatInt(o.Offset, 10))
	return &graph.Output{Topic: topic, Partition: graph.ByKey, Key: o.Key, Value: o.Value, Time: o.Time, Headers: h}
}

func stack(f *Failure) string {
	var p *graph.PanicError
	if errors.As(f.Err, &p) {
		return string(p.Stack)
	}
	return f.Error()
}
