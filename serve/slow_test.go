package serve_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/serve"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
)

// pipes is a listener whose connections are unbuffered pipes, which work in a
// bubble's time: who does not read holds the writer up at once.
type pipes struct {
	conns chan net.Conn
	ended chan struct{}
	end   func()
}

func newPipes() *pipes {
	p := &pipes{conns: make(chan net.Conn), ended: make(chan struct{})}
	p.end = sync.OnceFunc(func() { close(p.ended) })
	return p
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.ended:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.end(); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (p *pipes) dial() net.Conn {
	here, there := net.Pipe()
	p.conns <- there
	return here
}

// slowly runs f with a server of an app that does not run, in a bubble.
func slowly(t *testing.T, c serve.Config, f func(t *testing.T, p *pipes)) {
	t.Helper()
	b := stream.NewBuilder()
	b.Stream(topology.NewTopic("in", serde.String, serde.String)).GroupByKey().Count(state.KeyValue("counts", serde.String, serde.Int64))
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	app, err := stream.NewApp(top, stream.Config{ID: "slow", Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	c.Logger, c.Stores = log, []serve.Store{serve.KeyValue(counts)}
	synctest.Test(t, func(t *testing.T) {
		h, err := serve.New(app, c)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		p, ended := newPipes(), make(chan error, 1)
		go func() { ended <- serve.On(ctx, p, h) }()
		f(t, p)
		if status := ask(t, p, "/livez"); status != http.StatusOK {
			t.Errorf("afterwards /livez is %d", status)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// ask sends a request and reads the answer.
func ask(t *testing.T, p *pipes, path string) int {
	t.Helper()
	c := p.dial()
	defer c.Close()
	if _, err := io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode
}

// head sends a request and reads the head of the answer.
func head(t *testing.T, p *pipes, path string) int {
	t.Helper()
	c := p.dial()
	defer c.Close()
	if _, err := io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode
}

// within wants the server to be done with a connection after a time: what it
// still had to say is read then.
func within(t *testing.T, name string, begun time.Time, least, most time.Duration) {
	t.Helper()
	if took := time.Since(begun); took < least || took > most {
		t.Errorf("%s: cut off after %v, want %v to %v", name, took, least, most)
	}
}

// A caller that sends its request byte by byte is cut off.
func TestSlowRequests(t *testing.T) {
	for _, c := range []struct {
		name, head string
		most       time.Duration
		status     string // of the answer, if there is one
	}{
		{"header", "GET /stores HTTP/1.1\r\nHost: x\r\nX-Long: ", 6 * time.Second, ""},
		{"body", "POST /stores HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n", 11 * time.Second, "405"},
		{"nothing", "", 6 * time.Second, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			slowly(t, serve.Config{}, func(t *testing.T, p *pipes) {
				conn, begun := p.dial(), time.Now()
				defer conn.Close()
				answer := make(chan string, 1)
				go func() {
					b, _ := io.ReadAll(conn) // until it is cut off
					answer <- string(b)
				}()
				if _, err := io.WriteString(conn, c.head); err != nil {
					t.Fatal(err)
				}
				for c.head != "" {
					time.Sleep(500 * time.Millisecond)
					if _, err := conn.Write([]byte("x")); err != nil {
						break
					}
				}
				if got := <-answer; c.status != "" && !strings.Contains(got, " "+c.status+" ") {
					t.Errorf("answer was %q, want status %s", got, c.status)
				}
				within(t, c.name, begun, 0, c.most)
			})
		})
	}
}

// A caller that does not read what it asked for is cut off: the goroutine and
// the memory of the answer go, and its place among the streams.
func TestSlowReaders(t *testing.T) {
	for path, most := range map[string]time.Duration{
		"/stores": 36 * time.Second, "/openapi.json": 36 * time.Second, "/live/events": 11 * time.Second,
	} {
		t.Run(path, func(t *testing.T) {
			slowly(t, serve.Config{Page: true, MaxStreams: 1}, func(t *testing.T, p *pipes) {
				conn, begun := p.dial(), time.Now()
				defer conn.Close()
				if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
					t.Fatal(err)
				}
				// A write fails as soon as the other end is closed.
				for {
					err := conn.SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
					if err == nil {
						_, err = conn.Write([]byte("G"))
					}
					if errors.Is(err, io.ErrClosedPipe) {
						break
					} else if time.Since(begun) > time.Hour {
						t.Fatal("is not cut off in an hour")
					}
				}
				within(t, path, begun, 5*time.Second, most)
				if status := head(t, p, path); status != http.StatusOK {
					t.Errorf("the next one gets %d", status)
				}
			})
		})
	}
}

// What is no request of HTTP, or a huge one, gets a status and no more.
func TestNoRequests(t *testing.T) {
	for name, c := range map[string]struct{ text, status string }{
		"garbage":   {"\x16\x03\x01\x02\x00\x01\r\n\r\n", "400"},
		"version":   {"GET / HTTP/9.9\r\nHost: x\r\n\r\n", "505"},
		"no host":   {"GET /stores HTTP/1.1\r\n\r\n", "400"},
		"header":    {"GET /stores HTTP/1.1\r\nHost: x\r\nX-Secret: " + strings.Repeat("hunter2", 10_000) + "\r\n\r\n", "431"},
		"path":      {"GET /stores/" + strings.Repeat("hunter2", 10_000) + " HTTP/1.1\r\nHost: x\r\n\r\n", "431"},
		"escape":    {"GET /stores/%zz HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
		"smuggling": {"GET /stores HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "400"},
	} {
		t.Run(name, func(t *testing.T) {
			slowly(t, serve.Config{}, func(t *testing.T, p *pipes) {
				conn := p.dial()
				defer conn.Close()
				go func() { _, _ = io.WriteString(conn, c.text) }() // cut off in the middle
				b, err := io.ReadAll(conn)
				if err != nil || !strings.HasPrefix(string(b), "HTTP/1.1 "+c.status+" ") {
					t.Errorf("answer is %.100q %v, want %s", b, err, c.status)
				}
				if strings.Contains(string(b), "hunter2") {
					t.Error("the answer has what was asked")
				}
			})
		})
	}
}
