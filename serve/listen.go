package serve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/ottla-streams/ottla/stream"
)

// toRead is what a caller has to read an answer, beyond the time of the query.
const toRead = 30 * time.Second

// Listen serves h at addr, host:port, until ctx ends, and then waits for requests
// under way. Without a host it listens on loopback only: to be reached from
// elsewhere it has to be told an address, such as 0.0.0.0:8080. An empty addr is
// 127.0.0.1:8080. Slow and huge requests are cut off, and so are callers that do
// not read: an answer may take Config.Timeout and 30 s, that of another handler
// a minute. A handler that streams sets a deadline of its own, as those of this
// package do.
func Listen(ctx context.Context, addr string, h http.Handler) error {
	if addr == "" {
		addr = ":8080"
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("serve: address %q: %w", addr, err)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	return On(ctx, l, h)
}

// At is Listen as what runs beside an app:
//
//	stream.Config{…, Beside: serve.At("127.0.0.1:8080", serve.Config{…})}
func At(addr string, c Config) func(context.Context, *stream.App) error {
	return func(ctx context.Context, app *stream.App) error {
		h, err := New(app, c)
		if err != nil {
			return err
		}
		return Listen(ctx, addr, h)
	}
}

// On is Listen on a listener, which it closes.
func On(ctx context.Context, l net.Listener, h http.Handler) error {
	s := &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 32 << 10,
	}
	if svc, ok := h.(*service); ok {
		s.WriteTimeout = svc.h.c.Timeout + toRead
		s.RegisterOnShutdown(svc.h.end)
	}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		wait, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		stopped <- s.Shutdown(wait)
	})
	err := s.Serve(l)
	if stop() || !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", errors.Join(err, s.Close()))
	}
	if err := <-stopped; err != nil {
		return fmt.Errorf("serve: %w", errors.Join(err, s.Close()))
	}
	return nil
}
