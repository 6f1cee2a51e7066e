package simulate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

// How many failures of a run are kept, and how many of them may be missing results.
const mostFailures, mostMissing = 20, 10

// patience is how long after the last fault all results may take.
const patience = 90 * time.Second

// errMissing is wrapped by each result that is not there at the end.
var errMissing = errors.New("missing")

// run is one play of a schedule.
type run struct {
	s       Schedule
	log     *slog.Logger
	net     *kfake.VirtualNetwork
	cluster *kfake.Cluster
	dying   sync.WaitGroup // killed processes whose goroutines have not ended

	mu       sync.Mutex
	failures []error
	missing  int // of these, and of those that were not kept
	wires    []*wire
	away     bool // all brokers
}

// Run plays a schedule and returns everything that went wrong. It is called in
// a bubble of testing/synctest. dir is an empty folder.
func Run(s Schedule, dir string, log *slog.Logger) error {
	r := &run{s: s, log: log, net: &kfake.VirtualNetwork{}}
	cluster, err := kfake.NewCluster(
		kfake.NumBrokers(2), kfake.Ports(9092, 9093), kfake.ListenFn(r.net.Listen), kfake.SeedTopics(s.Partitions, topics...),
	)
	if err != nil {
		return err
	}
	defer cluster.Close()
	r.cluster = cluster
	if err := r.play(dir); err != nil {
		r.fail("%v", err)
	}
	r.dying.Wait()
	return errors.Join(r.failures...)
}

func (r *run) fail(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := fmt.Errorf(format, args...)
	// What is missing must not hide what is wrong.
	if errors.Is(err, errMissing) {
		if r.missing++; r.missing > mostMissing {
			return
		}
	}
	if len(r.failures) < mostFailures {
		r.failures = append(r.failures, err)
		r.log.Error("FAILURE", "error", err)
	}
}

func (r *run) play(dir string) error {
	l, err := newLoad(r)
	if err != nil {
		return err
	}
	defer l.client.Close()
	read, err := newReader(r)
	if err != nil {
		return err
	}
	defer read.close()
	machines := make([]*machine, len(r.s.Machines))
	for i := range machines {
		machines[i] = &machine{
			name: i, run: r, rnd: rand.New(rand.NewPCG(r.s.Seed, 10+uint64(i))),
			disk: newDisk(filepath.Join(dir, strconv.Itoa(i)), r.s.Memory),
		}
		machines[i].start()
	}
	var scripts sync.WaitGroup
	for i, m := range machines {
		scripts.Go(func() { m.play(r.s.Machines[i]) })
	}
	scripts.Go(func() { r.brokers() })
	ctx, cancel := context.WithCancel(context.Background())
	var watch sync.WaitGroup
	watch.Go(func() { newSessions(r.cluster, l.client).run(ctx) })
	defer watch.Wait()
	defer cancel()
	l.play()
	scripts.Wait()
	r.log.Info("FAULT: no more")
	r.await(read, l)
	if r.s.Wide {
		l.flush()
		r.await(read, l)
	}
	time.Sleep(2*r.s.Interval + 2*time.Second) // for what comes twice
	for _, m := range machines {
		if m.process != nil {
			m.halt()
		}
	}
	time.Sleep(transactionTimeout) // for what was left open
	r.settled()
	time.Sleep(time.Second)
	(&judge{run: r, exactly: r.s.ExactlyOnce || r.s.strict, truth: l.truth, read: read}).all()
	return nil
}

// await waits until all results are there.
func (r *run) await(read *reader, l *load) {
	pairs := 0
	if r.s.Wide {
		pairs = len(l.truth.postings)
	}
	for until := time.Now().Add(patience); ; time.Sleep(200 * time.Millisecond) {
		postings, joined := read.seen()
		if postings >= l.truth.sent && joined >= pairs {
			return
		}
		if time.Now().After(until) {
			r.fail("results stay away: %s after the last fault there are %d of %d postings and %d of %d pairs", patience, postings, l.truth.sent, joined, pairs)
			return
		}
	}
}

// settled checks that no transaction is left open.
func (r *run) settled() {
	for _, topic := range append([]string{changelog}, topics...) {
		for _, p := range r.cluster.PartitionInfos(topic) {
			if p.LastStableOffset != p.HighWatermark {
				r.fail("topic %s partition %d: a transaction is open: stable up to %d of %d", topic, p.Partition, p.LastStableOffset, p.HighWatermark)
			}
		}
	}
}

// brokers plays what the brokers do.
func (r *run) brokers() {
	rnd := rand.New(rand.NewPCG(r.s.Seed, 3))
	for _, s := range r.s.Brokers {
		time.Sleep(s.Wait)
		r.log.Log(context.Background(), slog.LevelInfo, "FAULT: "+s.String())
		switch s.Fault {
		case refuse:
			if f := refusals[s.Which]; r.s.ExactlyOnce || !f.transactions {
				defer r.cluster.Fault(f.fault).Remove()
			}
			time.Sleep(s.For)
		case move:
			r.cluster.RehashCoordinators()
			for _, topic := range append([]string{changelog, app + "-postings-repartition"}, topics...) {
				for p := range r.s.Partitions {
					if rnd.IntN(2) == 0 {
						_ = r.cluster.MoveTopicPartition(topic, p, rnd.Int32N(2)) // the internal ones may not be there yet
					}
				}
			}
			time.Sleep(s.For)
		case away:
			r.setAway(true)
			time.Sleep(s.For)
			r.setAway(false)
		}
	}
}

// wire is how the load and the reader reach the brokers: always, and never in no
// time. A client that asks again at once, as one does whose partition has moved,
// would else keep fake time from passing, and with it what it waits for.
func (r *run) wire(stream uint64) *wire {
	return newWire(r.net.DialContext, rand.New(rand.NewPCG(r.s.Seed, stream)))
}

// dial is how machines reach the brokers.
func (r *run) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	r.mu.Lock()
	away := r.away
	r.mu.Unlock()
	if away {
		return nil, &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	}
	return r.net.DialContext(ctx, network, addr)
}

func (r *run) connect(w *wire) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wires = append(r.wires, w)
}

// setAway takes all brokers away from the machines, with all connections.
func (r *run) setAway(away bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.away = away
	if away {
		for _, w := range r.wires {
			w.cut()
		}
	}
}
