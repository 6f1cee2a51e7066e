package registry

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/twmb/franz-go/pkg/sr"
)

// What an [*Error] can be, for errors.Is.
var (
	// ErrUnknown: the registry has no such schema, subject or version.
	ErrUnknown = errors.New("unknown to the registry")
	// ErrIncompatible: the registry refuses a schema that doesn't fit the
	// earlier ones of its subject.
	ErrIncompatible = errors.New("incompatible with the subject's earlier schemas")
	// ErrInvalid: the registry refuses a schema or a name as such.
	ErrInvalid = errors.New("refused as invalid")
	// ErrDenied: the credentials are missing, wrong, or lack a right.
	ErrDenied = errors.New("access denied: check the credentials and their rights")
	// ErrUnavailable: the registry can't be reached or has a failure of its
	// own. It says nothing about the record, which may be tried again.
	ErrUnavailable = errors.New("registry unavailable")
	// ErrTooLarge: a schema, or all that it refers to, is larger than allowed.
	ErrTooLarge = errors.New("too large")
	// ErrReferences: schemas refer to each other in a circle, too deeply, or
	// to a version that can't be.
	ErrReferences = errors.New("bad schema references")
	// ErrClosed: the Registry was closed.
	ErrClosed = errors.New("registry closed")
)

// Error says why a schema couldn't be had. It holds neither credentials nor
// anything of a record.
type Error struct {
	Op     string // such as "schema id 7" or "subject orders-value"
	Status int    // of HTTP; 0 without an answer
	Code   int    // the registry's own, such as 40403; 0 without
	Reason string // what the registry or the network said; may be empty
	kind   error
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "schema registry: %s: %v", e.Op, e.kind)
	if e.Status != 0 {
		fmt.Fprintf(&b, " (status %d", e.Status)
		if e.Code != 0 && e.Code != e.Status {
			fmt.Fprintf(&b, ", code %d", e.Code)
		}
		b.WriteByte(')')
	}
	if e.Reason != "" {
		b.WriteString(": " + e.Reason)
	}
	return b.String()
}

// Unwrap returns the sentinel that the error is.
func (e *Error) Unwrap() error { return e.kind }

// Temporary tells that the same request may succeed later.
func (e *Error) Temporary() bool { return e.kind == ErrUnavailable }

const maxReason = 500 // bytes

// newError turns what the client returned into an Error. Texts of the client
// contain URLs and so may contain a password.
func (o *core) newError(op string, err error) error {
	e := &Error{Op: op, kind: ErrUnavailable}
	if own, ok := errors.AsType[*Error](err); ok {
		return own
	}
	if answer, ok := errors.AsType[*sr.ResponseError](err); ok {
		e.Status, e.Code = answer.StatusCode, answer.ErrorCode
		e.kind = kindOf(answer)
		switch {
		case e.Status/100 == 3:
			e.Reason = "redirects aren't followed: configure the address it points to"
		case e.kind != ErrDenied && answer.ErrorCode != 0:
			e.Reason = o.scrub(answer.Message)
		}
		return e
	}
	switch {
	case errors.Is(err, errBody):
		e.kind = ErrTooLarge
	case errors.Is(err, context.DeadlineExceeded):
		e.Reason = "no answer in time"
	case errors.Is(err, context.Canceled):
		return context.Canceled
	default:
		if at, ok := errors.AsType[*url.Error](err); ok {
			err = at.Err
		}
		e.Reason = o.scrub(err.Error())
	}
	return e
}

func kindOf(answer *sr.ResponseError) error {
	switch s := answer.StatusCode; {
	case s == 401 || s == 403:
		return ErrDenied
	case s == 404:
		return ErrUnknown
	case s == 409:
		return ErrIncompatible
	case s == 408 || s == 429 || s >= 500 || s/100 == 3:
		return ErrUnavailable
	}
	return ErrInvalid
}

// scrub takes out secrets and what is too long.
func (o *core) scrub(text string) string {
	for _, s := range o.secrets {
		text = strings.ReplaceAll(text, s, "***")
	}
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxReason {
		text = strings.ToValidUTF8(text[:maxReason], "") + "…"
	}
	return text
}

// retriable tells whether another try may help.
func retriable(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.kind == ErrUnavailable && e.Status/100 != 3
}
