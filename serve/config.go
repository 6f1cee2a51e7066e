package serve

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"
)

// Config says what a handler serves. The zero value serves the probes only.
type Config struct {
	// Logger gets what goes wrong inside. Keys and values are never logged.
	// Defaults to slog.Default().
	Logger *slog.Logger

	// MaxBytes is how large an answer may be. What is longer comes in pages.
	// Defaults to 4 MiB.
	MaxBytes int

	// MaxRows is how many rows an answer may have. Defaults to 1000.
	MaxRows int

	// MaxStreams is how many streams of events may be open at a time. Defaults to
	// 100.
	MaxStreams int

	// Metrics is served at /metrics. Defaults to none.
	Metrics http.Handler

	// Middleware is put around everything but /livez and /readyz, such as what
	// authenticates callers. A request that is handed on to another instance takes
	// its Authorization header along. Defaults to none: everybody who reaches the
	// address may read.
	Middleware func(http.Handler) http.Handler

	// Page serves the live page of the topology at /. Defaults to off.
	Page bool

	// Profiles serves CPU, heap and other profiles below /debug/pprof/. Defaults to
	// off.
	Profiles bool

	// Scheme is that of the other instances. Defaults to http.
	Scheme string

	// Stores are the stores that can be queried. Defaults to none.
	Stores []Store

	// Timeout is how long a query may take, those of other instances included.
	// Defaults to 5 s.
	Timeout time.Duration

	// Transport reaches the other instances, and may bring certificates along.
	// Defaults to one of the handler's own.
	Transport http.RoundTripper
}

func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	c.MaxBytes = cmp.Or(c.MaxBytes, 4<<20)
	c.MaxRows = cmp.Or(c.MaxRows, 1000)
	c.MaxStreams = cmp.Or(c.MaxStreams, 100)
	c.Scheme = cmp.Or(c.Scheme, "http")
	c.Timeout = cmp.Or(c.Timeout, 5*time.Second)
	if c.Transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.Proxy, t.MaxIdleConnsPerHost, t.ResponseHeaderTimeout = nil, 64, c.Timeout
		c.Transport = t
	}
	return c
}

func (c Config) validate() error {
	var errs []error
	bad := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf("serve: "+format, args...))
		}
	}
	bad(c.MaxBytes < 0, "MaxBytes: %d is negative", c.MaxBytes)
	bad(c.MaxRows < 0, "MaxRows: %d is negative", c.MaxRows)
	bad(c.MaxStreams < 0, "MaxStreams: %d is negative", c.MaxStreams)
	bad(c.Timeout < 0, "Timeout: %s is negative", c.Timeout)
	bad(c.Scheme != "http" && c.Scheme != "https", "Scheme: %q is neither http nor https", c.Scheme)
	names := make(map[string]bool)
	for i, s := range c.Stores {
		bad(s.storeName() == "", "Stores: number %d has no name", i)
		bad(names[s.storeName()], "Stores: %s is there twice", s.storeName())
		names[s.storeName()] = true
	}
	return errors.Join(errs...)
}
