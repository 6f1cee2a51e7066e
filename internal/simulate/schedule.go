package simulate

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Schedule is what happens in a run, all of it drawn from the seed.
type Schedule struct {
	Seed        uint64
	ExactlyOnce bool
	Memory      bool // stores in memory in place of Pebble
	Wide        bool // windows and a join beside the bank
	Workers     int
	Standbys    int
	Partitions  int32
	Interval    time.Duration // between commits
	LayerAge    time.Duration // of committed writes that are not in the engine
	Rate        int           // transfers a second
	Load        time.Duration
	Machines    [][]Step // one after the other, per machine
	Brokers     []Step

	strict bool // judged as exactly once, whatever it is
}

// Step is a fault. It strikes some time after the one before has ended, or with
// a request of the machine.
type Step struct {
	Wait  time.Duration
	On    kmsg.Key // the request that it waits for, noKey for none
	After bool     // the request is delivered
	Fault fault
	For   time.Duration
	Kill  bool // it ends with a kill
	Part  int  // per cent of unsynced data that a kill leaves
	Which int  // of the brokers' errors
}

const noKey kmsg.Key = -1

type fault uint8

const (
	kill      fault = iota // and start again
	wipe                   // kill, and start again with an empty disk
	stop                   // cleanly, and start again
	pause                  // the process stands still
	stuck                  // user code stands still
	partition              // nothing passes
	half                   // requests pass, answers wait
	reset                  // connections are cut, again and again
	slow                   // bytes take up to 300 ms
	refuse                 // brokers answer with an error
	away                   // all brokers are away
	move                   // leaders and coordinators move
	faults
)

func (f fault) String() string {
	return [...]string{
		"kill", "wipe", "stop", "pause", "stuck", "partition", "half open", "reset", "slow", "refuse", "away", "move",
	}[f]
}

func (s Step) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s", s.Wait)
	if s.On != noKey {
		fmt.Fprintf(&b, ", at %s", s.On.Name())
		if s.After {
			b.WriteString(" delivered")
		}
	}
	fmt.Fprintf(&b, ": %s", s.Fault)
	if s.Fault == refuse {
		fmt.Fprintf(&b, " (%s)", refusals[s.Which].name)
	}
	fmt.Fprintf(&b, " for %s", s.For)
	if s.Kill {
		b.WriteString(", then killed")
	}
	return b.String()
}

func (s Schedule) String() string {
	var b strings.Builder
	stores, guarantee, width := "pebble", "at least once", "bank"
	if s.Memory {
		stores = "memory"
	}
	if s.ExactlyOnce {
		guarantee = "exactly once"
	}
	if s.Wide {
		width = "bank, windows and join"
	}
	fmt.Fprintf(&b, "seed %d: %s, %s, %s, %d machines of %d workers, %d standbys, %d partitions, commits every %s, layers of %s, %d a second for %s\n",
		s.Seed, width, guarantee, stores, len(s.Machines), s.Workers, s.Standbys, s.Partitions, s.Interval, s.LayerAge, s.Rate, s.Load)
	for i, steps := range s.Machines {
		for _, st := range steps {
			fmt.Fprintf(&b, "  machine %d: %s\n", i, st)
		}
	}
	for _, st := range s.Brokers {
		fmt.Fprintf(&b, "  brokers: %s\n", st)
	}
	return b.String()
}

// Draw makes the schedule of a seed.
func Draw(seed uint64) Schedule {
	rnd := rand.New(rand.NewPCG(seed, 1))
	pick := func(all ...time.Duration) time.Duration { return all[rnd.IntN(len(all))] }
	s := Schedule{
		Seed: seed, ExactlyOnce: true, Wide: rnd.IntN(3) == 0, Workers: 1 + rnd.IntN(2), Partitions: 2 + int32(rnd.IntN(3)),
		Interval: pick(50*time.Millisecond, 200*time.Millisecond, time.Second),
		LayerAge: pick(time.Second, 5*time.Second, time.Minute),
		Rate:     10 + rnd.IntN(30), Load: 25 * time.Second,
	}
	s.Machines = make([][]Step, 2+rnd.IntN(2))
	for i := range s.Machines {
		for left := s.Load; left > 0; {
			st := drawStep(rnd, kill, refuse)
			s.Machines[i] = append(s.Machines[i], st)
			left -= st.Wait + st.For
		}
	}
	for left := s.Load; left > 0; {
		st := drawStep(rnd, refuse, faults)
		st.On, st.Kill = noKey, false
		s.Brokers = append(s.Brokers, st)
		left -= st.Wait + st.For
	}
	s.Standbys = rnd.IntN(2)
	return s
}

// requests are those in whose middle a fault is most telling.
var requests = []kmsg.Key{
	kmsg.Produce, kmsg.Produce, kmsg.EndTxn, kmsg.EndTxn, kmsg.TxnOffsetCommit, kmsg.OffsetCommit, kmsg.JoinGroup, kmsg.SyncGroup,
	kmsg.InitProducerID, kmsg.OffsetFetch, kmsg.LeaveGroup, kmsg.Fetch, kmsg.ListOffsets,
}

// drawStep draws a fault from [from, to).
func drawStep(rnd *rand.Rand, from, to fault) Step {
	s := Step{
		Wait: 500*time.Millisecond + time.Duration(rnd.Int64N(int64(9*time.Second))), On: noKey,
		Fault: from + fault(rnd.IntN(int(to-from))), For: time.Duration(rnd.Int64N(int64(4 * time.Second))),
		Kill: rnd.IntN(6) == 0, Part: 50 * rnd.IntN(3), Which: rnd.IntN(len(refusals)),
	}
	if rnd.IntN(3) == 0 {
		s.For = time.Duration(rnd.Int64N(int64(16 * time.Second))) // longer than sessions and transactions
	}
	if rnd.IntN(2) == 0 {
		s.On, s.After = requests[rnd.IntN(len(requests))], rnd.IntN(2) == 0
	}
	switch s.Fault {
	case kill, wipe, stop:
		s.Kill = false
	case away:
		s.For = min(s.For, 5*time.Second)
	}
	return s
}
