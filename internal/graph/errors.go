package graph

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// PanicError is a panic of user code.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string {
	if err, ok := e.Value.(error); ok {
		return "panic: " + err.Error()
	}
	return fmt.Sprintf("panic: %v", e.Value)
}

func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// Recovered makes an error of what recover returned. An error that is on its
// way up already stays as it is.
func Recovered(r any) error {
	if err, ok := r.(error); ok {
		var judged *Judged
		if errors.As(err, &judged) {
			return err
		}
	}
	return &PanicError{Value: r, Stack: debug.Stack()}
}

// Judged is an error of user code that the policy let stop the task.
type Judged struct {
	Node *Node
	Err  error
}

func (e *Judged) Error() string {
	if e.Node == nil {
		return e.Err.Error()
	}
	return fmt.Sprintf("%s: %s (node %s): %v", e.Node.Place, e.Node.Op, e.Node.Name, e.Err)
}

func (e *Judged) Unwrap() error { return e.Err }

// EncodeError says that an output record's key or value does not encode.
type EncodeError struct {
	Topic string
	Part  string // "key" or "value"
	Err   error
}

func (e *EncodeError) Error() string {
	return fmt.Sprintf("topic %s: %s: %v", e.Topic, e.Part, e.Err)
}

func (e *EncodeError) Unwrap() error { return e.Err }
