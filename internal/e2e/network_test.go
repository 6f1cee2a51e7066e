package e2e

import (
	"context"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/stream"
)

// wire stands between an app and its brokers. Each way can be held up, so that
// bytes wait in it, and all connections can be cut.
type wire struct {
	up, down gate

	mu    sync.Mutex
	conns []net.Conn
}

// gate lets bytes through while it is open.
type gate struct {
	mu   sync.Mutex
	shut chan struct{} // nil while open
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut == nil {
		g.shut = make(chan struct{})
	}
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut != nil {
		close(g.shut)
		g.shut = nil
	}
}

func (g *gate) wait() {
	g.mu.Lock()
	shut := g.shut
	g.mu.Unlock()
	if shut != nil {
		<-shut
	}
}

// dial connects by way of a pair of sockets, whose bytes pass the gates.
func (w *wire) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	broker, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer l.Close()
	near, err := (&net.Dialer{}).DialContext(ctx, "tcp", l.Addr().String())
	if err != nil {
		return nil, err
	}
	far, err := l.Accept()
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	w.conns = append(w.conns, far, broker)
	w.mu.Unlock()
	go pass(broker, far, &w.up)
	go pass(far, broker, &w.down)
	return near, nil
}

func pass(to, from net.Conn, g *gate) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		g.wait()
		if n > 0 {
			if _, werr := to.Write(buf[:n]); werr != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		c.Close()
	}
	w.conns = nil
}

// Two instances, of which one loses its way to the brokers for longer than its
// session, in one way or another.
func TestNetwork(t *testing.T) {
	if os.Getenv("OTTLA_SOAK") == "" {
		t.Skip("SKIPPED: faults that take long and need a quiet machine; set OTTLA_SOAK")
	}
	for _, f := range []struct {
		name      string
		harm, fix func(w *wire)
		last      time.Duration
	}{
		{"partition", func(w *wire) { w.up.close(); w.down.close() }, func(w *wire) { w.up.open(); w.down.open() }, 8 * time.Second},
		{"answers wait", func(w *wire) { w.down.close() }, func(w *wire) { w.down.open() }, 8 * time.Second},
		{"answers get lost", func(w *wire) { w.down.close() }, func(w *wire) { w.cut(); w.down.open() }, 8 * time.Second},
		{"answers get lost for a moment", func(w *wire) { w.down.close() }, func(w *wire) { w.cut(); w.down.open() }, 500 * time.Millisecond},
		{"connections are reset", func(w *wire) {
			for range 20 {
				w.cut()
				time.Sleep(100 * time.Millisecond)
			}
		}, func(*wire) {}, 0},
	} {
		for _, g := range []stream.Guarantee{stream.AtLeastOnce, stream.ExactlyOnce} {
			t.Run(f.name+"/"+g.String(), func(t *testing.T) {
				t.Parallel()
				_, s := fake(t, 4)
				s.Guarantee = g
				w := &wire{}
				l := newLoad(t, s.Brokers, s.In)
				l.run(400)
				stopA := run(t, s, func(c *stream.Config) { c.Client = []kgo.Opt{kgo.Dialer(w.dial)} })
				t.Cleanup(func() { w.cut(); w.up.open(); w.down.open() })
				s.StateDir = t.TempDir()
				stopB := run(t, s)
				time.Sleep(3 * time.Second)
				f.harm(w)
				time.Sleep(f.last)
				f.fix(w)
				time.Sleep(4 * time.Second)
				n := l.halt()
				got := s.until(t, n)
				stopA()
				stopB()
				got.check(t, g, n)
			})
		}
	}
}
