package serve

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/ottla-streams/ottla/state"
)

// badRequest is an error of the caller, who may read it.
type badRequest struct{ message string }

func (e *badRequest) Error() string { return e.message }

// errNoKey is that of a key without a value.
var errNoKey = errors.New("the key has no value")

// errTooLarge is that of a value that does not fit into an answer.
var errTooLarge = errors.New("the value is larger than an answer may be")

// errBusy is that of one stream of events too many.
var errBusy = errors.New("too many streams are open")

// errPeer is wrapped by errors of reaching another instance.
var errPeer = errors.New("the instance that has it can't be reached")

// errRemote is the error that another instance answered.
type errRemote struct{ code string }

func (e *errRemote) Error() string { return e.code }

// problem is what a caller is told of an error: nothing of the inside.
type problem struct {
	status        int
	code, message string
}

var problems = []struct {
	is error
	problem
}{
	{errNoKey, problem{http.StatusNotFound, "no_key", "the key has no value"}},
	{state.ErrNoStore, problem{http.StatusNotFound, "no_store", "there is no such store"}},
	{state.ErrNotUpTo, problem{http.StatusPreconditionFailed, "not_up_to", "the store is not up to the position asked for"}},
	{state.ErrNotRunning, problem{http.StatusServiceUnavailable, "not_running", "the app is not running"}},
	{state.ErrNotReady, problem{http.StatusServiceUnavailable, "not_ready", "the store is being moved or restored"}},
	{state.ErrMoved, problem{http.StatusServiceUnavailable, "not_ready", "the store is being moved or restored"}},
	{errBusy, problem{http.StatusTooManyRequests, "busy", "too many streams are open"}},
	{errTooLarge, problem{http.StatusInsufficientStorage, "too_large", "the value is larger than an answer may be"}},
	{errPeer, problem{http.StatusBadGateway, "peer", "the instance that has it can't be reached"}},
	{context.DeadlineExceeded, problem{http.StatusGatewayTimeout, "timeout", "the query took too long"}},
	{context.Canceled, problem{499, "canceled", "the caller went away"}},
}

var (
	notLocal = problem{http.StatusMisdirectedRequest, "not_local", "another instance has it"}
	internal = problem{http.StatusInternalServerError, "internal", "the query failed; the log of the app says why"}
)

func problemOf(err error) problem {
	var bad *badRequest
	var elsewhere *state.NotLocalError
	var remote *errRemote
	switch {
	case errors.As(err, &bad):
		return problem{http.StatusBadRequest, "bad_request", bad.message}
	case errors.As(err, &elsewhere):
		return notLocal
	case errors.As(err, &remote):
		return problemOfCode(remote.code)
	}
	for _, p := range problems {
		if errors.Is(err, p.is) {
			return p.problem
		}
	}
	return internal
}

func problemOfCode(code string) problem {
	for _, p := range problems {
		if p.code == code {
			return p.problem
		}
	}
	if code == notLocal.code {
		return notLocal
	}
	return internal
}

func (h *handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := problemOf(err)
	if p.code == internal.code {
		h.c.Logger.Error("query failed", "path", r.Pattern, "error", err)
	}
	if p.status == http.StatusServiceUnavailable || p.status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "1")
	}
	h.write(w, p.status, map[string]string{"error": p.code, "message": p.message})
}

func (h *handler) write(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		h.c.Logger.Error("answer as JSON", "error", err)
		status, b = http.StatusInternalServerError, []byte(`{"error":"internal"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) // a caller that went away is no error
}
