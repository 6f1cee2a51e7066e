package simulate

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/stream"
)

const (
	sessionTimeout     = 6 * time.Second
	transactionTimeout = 5 * time.Second
	rebalanceTimeout   = 8 * time.Second
	closeTimeout       = 10 * time.Second
)

// machine has a disk and at most one process that is not dead. It belongs to
// one goroutine, that of its script.
type machine struct {
	name    int
	run     *run
	rnd     *rand.Rand
	disk    *disk
	process *process
}

// process is one run of the app.
type process struct {
	wire  *wire
	user  gate // where user code stands still
	stop  context.CancelFunc
	ended chan error // has the error of the app, once
}

func (m *machine) start() {
	s := m.run.s
	dir, stores, err := m.disk.mount(app, func(err error) { m.run.fail("machine %d: a crash damaged a store: %v", m.name, err) })
	if err != nil {
		m.run.fail("machine %d: %v", m.name, err)
		return
	}
	p := &process{wire: newWire(m.run.dial, rand.New(rand.NewPCG(m.rnd.Uint64(), 0))), ended: make(chan error, 1)}
	top, err := build(s.Wide, func() { p.user.wait(p.wire.dead) })
	if err != nil {
		m.run.fail("topology: %v", err)
		return
	}
	c := stream.Config{
		ID: app, Brokers: m.run.cluster.ListenAddrs(), StateDir: dir, Engine: stores, Workers: s.Workers, Standbys: s.Standbys,
		CommitInterval: s.Interval, SessionTimeout: sessionTimeout, RebalanceTimeout: rebalanceTimeout, TransactionTimeout: transactionTimeout,
		CloseTimeout: closeTimeout, LayerAge: s.LayerAge, ReplicationFactor: 1, CacheBytes: -1,
		Client:  []kgo.Opt{kgo.Dialer(p.wire.dial)},
		OnError: stream.ErrorPolicy{Decode: stream.SkipOnError},
		Logger:  m.run.log.With("machine", m.name, "start", m.disk.starts),
	}
	if s.ExactlyOnce {
		c.Guarantee = stream.ExactlyOnce
	}
	a, err := stream.NewApp(top, c)
	if err != nil {
		m.run.fail("app: %v", err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	go func() {
		err := a.Run(ctx)
		if ctx.Err() == nil {
			m.run.fail("machine %d: the app ended by itself: %v", m.name, err)
		}
		if cerr := stores.Close(); err == nil {
			err = cerr
		}
		p.ended <- err
	}()
	m.process = p
	m.run.connect(p.wire)
	m.log("starts")
}

func (m *machine) log(what string, args ...any) {
	m.run.log.Log(context.Background(), slog.LevelInfo, "FAULT: "+what, append([]any{"machine", m.name}, args...)...)
}

// kill leaves of the process what kill -9 leaves: nothing.
func (m *machine) kill(unsynced int) {
	p := m.process
	m.process = nil
	m.log("kill")
	p.wire.kill()
	m.disk.crash(unsynced, m.rnd)
	p.stop()
	m.run.dying.Go(func() { m.await(p, 3*closeTimeout) })
}

// halt stops the process cleanly.
func (m *machine) halt() {
	p := m.process
	m.process = nil
	m.log("stop")
	p.stop()
	if err := m.await(p, 3*closeTimeout); err != nil {
		m.run.fail("machine %d: the app did not stop well: %v", m.name, err)
	}
}

func (m *machine) await(p *process, limit time.Duration) error {
	select {
	case err := <-p.ended:
		return err
	case <-time.After(limit):
		m.run.fail("machine %d: the app did not end within %s", m.name, limit)
		return fmt.Errorf("it still runs")
	}
}

// play runs the machine's script. At its end the machine works.
func (m *machine) play(steps []Step) {
	for _, s := range steps {
		time.Sleep(s.Wait)
		release := m.until(s)
		m.log(s.String())
		m.apply(s, release)
		if m.process != nil && s.Kill {
			m.kill(s.Part)
			time.Sleep(time.Second)
		}
		if m.process == nil {
			m.start()
			continue
		}
		m.heal()
	}
}

// until waits for the request of a step, for some time. The request is held up
// until release is called.
func (m *machine) until(s Step) (release func()) {
	if s.On == noKey {
		return func() {}
	}
	struck, held := make(chan struct{}), make(chan struct{})
	m.process.wire.setTrigger(&trigger{key: int16(s.On), after: s.After, strike: func() {
		close(struck)
		<-held
	}})
	select {
	case <-struck:
	case <-time.After(3 * time.Second):
		m.process.wire.setTrigger(nil)
	}
	return sync.OnceFunc(func() { close(held) })
}

// apply lets a fault happen.
func (m *machine) apply(s Step, release func()) {
	defer release()
	p := m.process
	w := p.wire
	switch s.Fault {
	case kill, wipe:
		m.kill(s.Part)
		if s.Fault == wipe {
			m.disk.wipe()
		}
	case stop:
		release()
		m.halt()
	case pause:
		p.user.close()
		w.up.close()
		w.down.close()
	case stuck:
		p.user.close()
	case partition:
		w.up.close()
		w.down.close()
	case half:
		w.down.close()
	case slow:
		w.setDelay(300 * time.Millisecond)
	case reset:
		release()
		for until := time.Now().Add(s.For); time.Now().Before(until); time.Sleep(200 * time.Millisecond) {
			w.cut()
		}
		return
	}
	release()
	time.Sleep(s.For)
	if s.Part > 0 && (s.Fault == half || s.Fault == partition) {
		w.cut() // what waits is lost
	}
}

// heal ends what apply began.
func (m *machine) heal() {
	p := m.process
	p.user.open()
	p.wire.up.open()
	p.wire.down.open()
	p.wire.setDelay(normalDelay)
}
