package stream

import (
	"github.com/ottla-streams/ottla/internal/runtime/task"
)

// Verdict is what becomes of a record that fails.
type Verdict uint8

// The verdicts.
const (
	// Fail stops the app with the error. The record is the first to be processed
	// when the app is started again.
	Fail Verdict = iota
	// Skip leaves the record out. It is counted and logged, without its bytes.
	Skip
	// DeadLetter is Skip, and the input record goes to the dead letter topic, with
	// headers that say what happened and where (KIP-1034).
	DeadLetter
)

// ErrorPolicy decides on records that fail, by the stage at which they do. A
// nil func stops the app. The funcs are called by the workers' goroutines, so
// that they have to be safe for concurrent use.
type ErrorPolicy struct {
	// Decode is asked about input records that don't decode or have no timestamp.
	Decode func(*RecordError) Verdict
	// Process is asked about errors and panics of user code. Left out is the record
	// at that operator; what other operators made of it stays.
	Process func(*RecordError) Verdict
	// Produce is asked about output records that don't encode, or that Kafka did not take.
	Produce func(*RecordError) Verdict
}

// FailOnError stops the app.
func FailOnError(*RecordError) Verdict { return Fail }

// SkipOnError leaves the record out.
func SkipOnError(*RecordError) Verdict { return Skip }

// DeadLetterOnError leaves the record out and sends it to the dead letter topic.
func DeadLetterOnError(*RecordError) Verdict { return DeadLetter }

// RecordError is an error and the record that it is about, without its bytes.
type RecordError struct {
	Stage     string // "decode", "process" or "produce"
	Task      string
	Topic     string // of the input record, empty in a punctuation
	Partition int32
	Offset    int64
	Node      string // empty if it is not known
	Place     string // file:line of the operator in the user's program
	Err       error
	text      string
}

func (e *RecordError) Error() string { return e.text }
func (e *RecordError) Unwrap() error { return e.Err }

func newRecordError(f *task.Failure) *RecordError {
	e := &RecordError{Stage: f.Stage.String(), Task: f.Task.String(), Err: f.Err, text: f.Error()}
	if o := f.Origin; o != nil {
		e.Topic, e.Partition, e.Offset = o.Topic, o.Partition, o.Offset
	}
	if n := f.Node; n != nil {
		e.Node, e.Place = n.Name, n.Place
	}
	return e
}

// judge asks the policy.
func (p ErrorPolicy) judge(f *task.Failure) task.Verdict {
	ask := p.Process
	switch f.Stage {
	case task.Decode:
		ask = p.Decode
	case task.Produce:
		ask = p.Produce
	}
	if ask == nil {
		return task.Fail
	}
	switch ask(newRecordError(f)) {
	case Skip:
		return task.Skip
	case DeadLetter:
		return task.DeadLetter
	}
	return task.Fail
}
