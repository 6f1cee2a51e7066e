package stream

import (
	"errors"
	"fmt"

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
	// Retry takes the task back to its last commit and tries again: after 100 ms,
	// then twice that and so on up to 10 s, until Config.RetryTimeout is over and
	// the app stops. The other tasks go on.
	Retry
	// Park is Retry without end and with more patience: after 1 s, then twice that
	// and so on up to 1 min. The record keeps only its own task from going on; see
	// [App.Tasks] for those that wait.
	Park
)

// ErrorPolicy decides on records that fail, by the stage at which they do. A
// nil func stops the app. The funcs are called by the workers' goroutines, so
// that they have to be safe for concurrent use. One that panics stops the app.
//
// An error that says of itself that it is temporary, by a method Temporary() bool,
// such as that of a schema registry that is away, is never left out: Skip,
// DeadLetter and Fail are Retry then.
type ErrorPolicy struct {
	// Decode is asked about input records that don't decode or have no timestamp.
	Decode func(*RecordError) Verdict
	// Process is asked about errors and panics of user code. Left out is the record
	// at that operator; what other operators made of it stays.
	Process func(*RecordError) Verdict
	// Produce is asked about output records that don't encode, that are too large,
	// or that Kafka did not take. It is not asked when Kafka refuses the app as such.
	Produce func(*RecordError) Verdict
}

// FailOnError stops the app.
func FailOnError(*RecordError) Verdict { return Fail }

// SkipOnError leaves the record out.
func SkipOnError(*RecordError) Verdict { return Skip }

// DeadLetterOnError leaves the record out and sends it to the dead letter topic.
func DeadLetterOnError(*RecordError) Verdict { return DeadLetter }

// RetryOnError tries again for Config.RetryTimeout.
func RetryOnError(*RecordError) Verdict { return Retry }

// ParkOnError stops the record's task and tries again without end.
func ParkOnError(*RecordError) Verdict { return Park }

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

// failedRecord is an error that ended a worker and the record that it is about.
type failedRecord struct {
	error
	record *RecordError
}

func (e *failedRecord) Unwrap() []error { return []error{e.error, e.record} }

// withRecord lets users find the *RecordError of an error that is about one.
func withRecord(err error) error {
	if f, ok := errors.AsType[*task.Failure](err); ok {
		return &failedRecord{err, newRecordError(f)}
	}
	return err
}

// judge asks the policy.
func (p ErrorPolicy) judge(f *task.Failure) (v task.Verdict) {
	ask := p.Process
	switch f.Stage {
	case task.Decode:
		ask = p.Decode
	case task.Produce:
		ask = p.Produce
	}
	defer func() {
		if r := recover(); r != nil {
			f.Err = fmt.Errorf("OnError panicked: %v, about: %w", r, f.Err)
			v = task.Fail
		}
	}()
	v = task.Fail
	if ask != nil {
		v = ask(newRecordError(f)).verdict()
	}
	if isTemporary(f.Err) && v != task.Park {
		return task.Retry
	}
	return v
}

func (v Verdict) verdict() task.Verdict {
	switch v {
	case Skip:
		return task.Skip
	case DeadLetter:
		return task.DeadLetter
	case Retry:
		return task.Retry
	case Park:
		return task.Park
	}
	return task.Fail
}

// isTemporary says that an error is about the world and not about the record.
func isTemporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}
