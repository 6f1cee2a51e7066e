package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/ottla-streams/ottla/state"
)

const (
	heartbeat  = 15 * time.Second
	slowWriter = 10 * time.Second // that an event may take
)

// events is a stream of server-sent events to one caller.
type events struct {
	w  http.ResponseWriter
	rc *http.ResponseController
}

// begin makes a stream of events of the answer, until the caller goes away or
// the server stops. done has to be called.
func (h *handler) begin(w http.ResponseWriter, r *http.Request) (e *events, ctx context.Context, done func(), err error) {
	if h.streams.Add(1) > int64(h.c.MaxStreams) {
		h.streams.Add(-1)
		return nil, nil, nil, errBusy
	}
	ctx, cancel := context.WithCancel(r.Context())
	stop := make(chan struct{})
	go func() {
		select {
		case <-h.ending:
			cancel()
		case <-stop:
		}
	}()
	e = &events{w: w, rc: http.NewResponseController(w)}
	_ = e.rc.SetReadDeadline(time.Time{}) // that of the server is for the request
	return e, ctx, func() {
		close(stop)
		cancel()
		h.streams.Add(-1)
	}, nil
}

// open sends the head of the answer.
func (e *events) open() error {
	e.w.Header().Set("Content-Type", "text/event-stream")
	e.w.WriteHeader(http.StatusOK)
	return e.send(": open\n\n")
}

func (e *events) send(text string) error {
	if err := e.rc.SetWriteDeadline(time.Now().Add(slowWriter)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := io.WriteString(e.w, text); err != nil {
		return err
	}
	return e.rc.Flush()
}

func (e *events) event(name string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return e.send(fmt.Sprintf("event: %s\ndata: %s\n\n", name, b))
}

// watch answers GET /stores/{store}/keys/{key}/watch.
func (h *handler) watch(w http.ResponseWriter, r *http.Request) {
	s, err := h.store(r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	p, err := h.params(r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	e, ctx, done, err := h.begin(w, r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	defer done()
	changes := make(chan change)
	ended := make(chan error, 1)
	go func() {
		ended <- s.watch(ctx, r.PathValue("key"), p, func(c change) error {
			select {
			case changes <- c:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	opened := false
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for {
		var c change
		select {
		case c = <-changes:
		case <-tick.C:
			if opened && e.send(": still here\n\n") != nil {
				return
			}
			continue
		case err := <-ended:
			var elsewhere *state.NotLocalError
			switch {
			case opened || ctx.Err() != nil:
			case errors.As(err, &elsewhere) && h.mayForward(r, elsewhere.Host):
				h.relay(ctx, w, r, e, elsewhere.Host)
			case err != nil:
				h.fail(w, r, err)
			}
			return
		}
		if !opened && e.open() != nil {
			return
		}
		opened = true
		if c.event != "" && e.event(c.event, c.r) != nil {
			return
		}
	}
}

// relay hands the events of another instance on.
func (h *handler) relay(ctx context.Context, w http.ResponseWriter, r *http.Request, e *events, host string) {
	resp, err := h.handOn(ctx, r, host)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		h.fail(w, r, problemError("not_ready"))
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	buf := make([]byte, 16<<10)
	for {
		n, err := resp.Body.Read(buf)
		if n > 0 && e.send(string(buf[:n])) != nil || err != nil {
			return
		}
	}
}
