package simulate

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// gate lets pass while it is open. The zero value is open.
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

// wait returns when the gate is open, or dead is closed.
func (g *gate) wait(dead <-chan struct{}) {
	g.mu.Lock()
	shut := g.shut
	g.mu.Unlock()
	if shut == nil {
		return
	}
	select {
	case <-shut:
	case <-dead:
	}
}

type dialer func(ctx context.Context, network, addr string) (net.Conn, error)

// wire stands between a process and the brokers. Each way can be held up, so
// that bytes wait in it, all connections can be cut, and a request can set
// something off.
type wire struct {
	dialer   dialer
	up, down gate
	dead     chan struct{} // closed by kill

	mu    sync.Mutex
	rnd   *rand.Rand
	delay time.Duration // the most that a chunk of bytes takes
	conns map[net.Conn]bool
	on    *trigger
}

// trigger strikes at the next request of a kind, before or after it is
// delivered.
type trigger struct {
	key    int16
	after  bool
	strike func()
}

var errDead = errors.New("the process is dead")

func newWire(d dialer, rnd *rand.Rand) *wire {
	return &wire{dialer: d, dead: make(chan struct{}), rnd: rnd, delay: normalDelay, conns: make(map[net.Conn]bool)}
}

const normalDelay = 3 * time.Millisecond

// dial connects. A dial that fails takes a moment: some of the client's loops try
// again at once, and fake time would stand still.
func (w *wire) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := w.connect(ctx, network, addr)
	if err != nil {
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	return conn, err
}

func (w *wire) connect(ctx context.Context, network, addr string) (net.Conn, error) {
	opened := make(chan struct{})
	go func() {
		defer close(opened)
		w.up.wait(w.dead)
	}()
	select {
	case <-opened:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	broker, err := w.dialer(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	near, far := net.Pipe()
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.dead:
		return nil, errors.Join(errDead, broker.Close(), near.Close(), far.Close())
	default:
	}
	w.conns[far], w.conns[broker] = true, true
	go w.send(broker, far)
	go w.receive(far, broker)
	return near, nil
}

// send passes requests on.
func (w *wire) send(broker, far net.Conn) {
	defer w.closeConns(broker, far)
	buf := make([]byte, 64<<10)
	left := 0 // of the request that is under way
	for {
		n, err := far.Read(buf)
		if n > 0 {
			var t *trigger
			if left == 0 && n >= 6 {
				left = 4 + int(binary.BigEndian.Uint32(buf))
				t = w.triggered(int16(binary.BigEndian.Uint16(buf[4:])))
			}
			left = max(0, left-n)
			if t != nil && !t.after {
				t.strike()
			}
			if !w.pass(broker, buf[:n], &w.up) {
				return
			}
			if t != nil && t.after {
				t.strike()
			}
		}
		if err != nil {
			return
		}
	}
}

// receive passes answers on.
func (w *wire) receive(far, broker net.Conn) {
	defer w.closeConns(broker, far)
	buf := make([]byte, 64<<10)
	for {
		n, err := broker.Read(buf)
		if n > 0 && !w.pass(far, buf[:n], &w.down) {
			return
		}
		if err != nil {
			return
		}
	}
}

func (w *wire) pass(to net.Conn, b []byte, g *gate) bool {
	time.Sleep(w.latency())
	g.wait(w.dead)
	_, err := to.Write(b)
	return err == nil
}

func (w *wire) latency() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Duration(w.rnd.Int64N(int64(w.delay)))
}

func (w *wire) triggered(key int16) *trigger {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.on
	if t == nil || t.key != key {
		return nil
	}
	w.on = nil
	return t
}

func (w *wire) setTrigger(t *trigger) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.on = t
}

func (w *wire) setDelay(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.delay = d
}

func (w *wire) closeConns(conns ...net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range conns {
		c.Close()
		delete(w.conns, c)
	}
}

// cut closes all connections, with all that is under way.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.conns {
		c.Close()
		delete(w.conns, c)
	}
}

// kill cuts the wire for good.
func (w *wire) kill() {
	w.mu.Lock()
	close(w.dead)
	w.mu.Unlock()
	w.cut()
	w.up.open()
	w.down.open()
}
