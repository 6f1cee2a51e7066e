package assign

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

// world is a random group that lives on: assignments are applied to it.
type world struct {
	rng     *rand.Rand
	cfg     Config
	members []*Member
	tasks   map[TaskID]*Task
	joined  int
}

func newWorld(seed uint64) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 1)), tasks: make(map[TaskID]*Task)}
	w.cfg = Config{Standbys: w.rng.IntN(3), AcceptableLag: int64(w.rng.IntN(2) * 100), MaxWarmups: w.rng.IntN(4)}
	if w.rng.IntN(2) == 0 {
		w.cfg.RackTags = []string{"zone", "rack"}[:1+w.rng.IntN(2)]
	}
	for sub := range 1 + w.rng.IntN(4) {
		stateful := w.rng.IntN(3) > 0
		for p := range 1 + w.rng.IntN(9) {
			task := &Task{ID: TaskID{int32(sub), int32(p)}, Stateful: stateful}
			if stateful {
				task.EndOffset = int64(w.rng.IntN(2000))
			}
			w.tasks[task.ID] = task
		}
	}
	for range 1 + w.rng.IntN(6) {
		w.join()
	}
	return w
}

func (w *world) join() *Member {
	w.joined++
	m := &Member{ID: fmt.Sprintf("m%d", w.joined), Process: fmt.Sprintf("p%d", w.rng.IntN(2*w.joined)), Offsets: make(map[TaskID]int64)}
	m.Tags = map[string]string{"zone": string(rune('a' + w.rng.IntN(3)))}
	if w.rng.IntN(3) > 0 {
		m.Tags["rack"] = string(rune('1' + w.rng.IntN(2)))
	}
	w.members = append(w.members, m)
	return m
}

// scramble makes claims and offsets that no assignor made.
func (w *world) scramble() {
	for _, m := range w.members {
		for _, id := range w.ids() {
			task := w.tasks[id]
			if w.rng.IntN(3) == 0 {
				m.Owned = append(m.Owned, id)
			}
			if w.rng.IntN(4) == 0 {
				m.Standby = append(m.Standby, id)
			}
			if w.rng.IntN(6) == 0 {
				m.Warmup = append(m.Warmup, id)
			}
			switch w.rng.IntN(6) {
			case 0:
				m.Offsets[id] = OffsetActive
			case 1:
				m.Offsets[id] = OffsetUnknown
			case 2:
				m.Offsets[id] = OffsetCurrent
			case 3, 4:
				m.Offsets[id] = w.rng.Int64N(task.EndOffset + 50)
			}
			if w.rng.IntN(20) == 0 {
				task.EndOffset = EndUnknown
			}
		}
	}
}

// ids is in a fixed order, so that a seed always makes the same world.
func (w *world) ids() []TaskID { return slices.SortedFunc(maps.Keys(w.tasks), TaskID.Compare) }

func (w *world) input() ([]Member, []Task) {
	var members []Member
	for _, m := range w.members {
		c := *m
		c.Owned, c.Standby = slices.Clone(m.Owned), slices.Clone(m.Standby)
		w.rng.Shuffle(len(c.Owned), func(i, j int) { c.Owned[i], c.Owned[j] = c.Owned[j], c.Owned[i] })
		w.rng.Shuffle(len(c.Standby), func(i, j int) { c.Standby[i], c.Standby[j] = c.Standby[j], c.Standby[i] })
		members = append(members, c)
	}
	var tasks []Task
	for _, id := range w.ids() {
		tasks = append(tasks, *w.tasks[id])
	}
	w.rng.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	return members, tasks
}

func (w *world) assign() Assignment {
	members, tasks := w.input()
	return Assign(members, tasks, w.cfg)
}

func (w *world) apply(a Assignment) {
	for _, m := range w.members {
		apply(m, a, w.tasks)
	}
}

func (w *world) catchUp() {
	for _, m := range w.members {
		for _, id := range slices.Concat(m.Standby, m.Warmup) {
			m.Offsets[id] = w.tasks[id].EndOffset
		}
	}
}

// settle assigns and catches up until nothing is pending, and returns the number of rounds.
func (w *world) settle(t *testing.T) int {
	t.Helper()
	for round := 1; ; round++ {
		a := w.assign()
		w.check(t, a)
		w.apply(a)
		if !a.MovesPending {
			return round
		}
		if round > 2*len(w.tasks)+2 {
			t.Fatalf("moves are still pending after %d rounds", round)
		}
		w.catchUp()
	}
}

func owners(a Assignment) map[TaskID]string {
	out := make(map[TaskID]string)
	for m, ids := range a.Active {
		for _, id := range ids {
			out[id] = m
		}
	}
	return out
}

// check fails the test if the assignment breaks a rule that holds for every input.
func (w *world) check(t *testing.T, a Assignment) {
	t.Helper()
	procs := make(map[string]string)
	all := make(map[string]bool)
	for _, m := range w.members {
		procs[m.ID] = m.Process
		all[m.Process] = true
	}
	places := make(map[TaskID]map[string]bool)
	put := func(role string, copies map[string][]TaskID) map[TaskID]int {
		n := make(map[TaskID]int)
		for m, ids := range copies {
			p, ok := procs[m]
			if !ok || !slices.IsSortedFunc(ids, TaskID.Compare) {
				t.Fatalf("%s of %s: unknown member or not sorted: %v", role, m, ids)
			}
			for _, id := range ids {
				if places[id] == nil {
					places[id] = make(map[string]bool)
				}
				if places[id][p] {
					t.Fatalf("%s %s: second copy in process %s", role, id, p)
				}
				places[id][p] = true
				n[id]++
			}
		}
		return n
	}
	active, warmup, standby := put("active", a.Active), put("warmup", a.Warmup), put("standby", a.Standby)
	for id, task := range w.tasks {
		if active[id] != 1 {
			t.Fatalf("task %s is active %d times", id, active[id])
		}
		want := 0
		if task.Stateful {
			want = min(w.cfg.Standbys, len(all)-1-warmup[id])
		}
		if standby[id] != want || !task.Stateful && warmup[id] > 0 {
			t.Fatalf("task %s has %d standbys and %d warm-ups, want %d standbys", id, standby[id], warmup[id], want)
		}
	}
	if len(active) != len(w.tasks) || len(warmup) > max(0, w.cfg.MaxWarmups) || !a.MovesPending && len(warmup) > 0 {
		t.Fatalf("%d of %d tasks active, %d warm-ups, moves pending %v", len(active), len(w.tasks), len(warmup), a.MovesPending)
	}
	if !a.MovesPending {
		w.checkEven(t, a)
	}
}

func (w *world) checkEven(t *testing.T, a Assignment) {
	t.Helper()
	low, high := len(w.tasks), 0
	for _, m := range w.members {
		low, high = min(low, len(a.Active[m.ID])), max(high, len(a.Active[m.ID]))
	}
	if high-low > 1 {
		t.Fatalf("active counts go from %d to %d", low, high)
	}
}

func forWorlds(t *testing.T, n uint64, test func(t *testing.T, w *world)) {
	t.Helper()
	for seed := range n {
		test(t, newWorld(seed))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func TestAnyInputKeepsTheRules(t *testing.T) {
	forWorlds(t, 500, func(t *testing.T, w *world) {
		w.scramble()
		a := w.assign()
		w.check(t, a)
		if again := w.assign(); !reflect.DeepEqual(a, again) {
			t.Errorf("another order of the input gives another output:\n%v\n%v", a, again)
		}
	})
}

// TestFreshGroupIsSpread starts from nothing: each sub-topology and each kind of task is spread by itself.
func TestFreshGroupIsSpread(t *testing.T) {
	forWorlds(t, 500, func(t *testing.T, w *world) {
		a := w.assign()
		type part struct {
			sub      int32
			stateful bool
		}
		counts := make(map[part]map[string]int)
		count := func(p part, m string) {
			if counts[p] == nil {
				counts[p] = make(map[string]int)
			}
			counts[p][m]++
		}
		for id, m := range owners(a) {
			count(part{sub: id.Subtopology}, m)
			if w.tasks[id].Stateful {
				count(part{stateful: true}, m)
			}
		}
		for p, byMember := range counts {
			low, high := len(w.tasks), 0
			for _, m := range w.members {
				low, high = min(low, byMember[m.ID]), max(high, byMember[m.ID])
			}
			if high-low > 1 {
				t.Errorf("%+v: from %d to %d a member", p, low, high)
			}
		}
	})
}

func TestUnchangedInputGivesUnchangedOutput(t *testing.T) {
	forWorlds(t, 500, func(t *testing.T, w *world) {
		for range 3 {
			w.settle(t)
			before := w.assign()
			w.apply(before)
			if after := w.assign(); !reflect.DeepEqual(before, after) {
				t.Errorf("settled assignment changed:\n%v\n%v", before, after)
			}
			w.join()
		}
	})
}

func TestPendingComesToRestWithoutProgress(t *testing.T) {
	forWorlds(t, 400, func(t *testing.T, w *world) {
		w.settle(t)
		w.join()
		w.join()
		last := w.assign()
		for range len(w.tasks) + 2 {
			w.apply(last)
			next := w.assign()
			if reflect.DeepEqual(last, next) {
				return
			}
			last = next
		}
		t.Error("assignment still changes although no warm-up makes progress")
	})
}

func TestJoinMovesNoMoreThanAShare(t *testing.T) {
	forWorlds(t, 500, func(t *testing.T, w *world) {
		w.settle(t)
		before := owners(w.assign())
		w.join()
		share := (len(w.tasks) + len(w.members) - 1) / len(w.members)
		w.settle(t)
		moved := 0
		for id, m := range owners(w.assign()) {
			if m != before[id] {
				moved++
			}
		}
		if moved > share {
			t.Errorf("%d of %d tasks moved to the new one of %d members", moved, len(w.tasks), len(w.members))
		}
	})
}

func TestLeaveMovesOnlyItsTasks(t *testing.T) {
	forWorlds(t, 500, func(t *testing.T, w *world) {
		if len(w.members) == 1 {
			w.join()
		}
		w.settle(t)
		before := owners(w.assign())
		i := w.rng.IntN(len(w.members))
		gone := w.members[i].ID
		w.members = slices.Delete(w.members, i, i+1)
		a := w.assign()
		w.check(t, a)
		for id, m := range owners(a) {
			if before[id] != gone && before[id] != m {
				t.Errorf("task %s moved from %s to %s when %s left", id, before[id], m, gone)
			}
		}
		w.settle(t)
	})
}

func TestScrambledGroupsConverge(t *testing.T) {
	forWorlds(t, 400, func(t *testing.T, w *world) {
		w.scramble()
		for _, task := range w.tasks {
			task.EndOffset = max(task.EndOffset, 0)
		}
		w.settle(t)
	})
}

// TestSlowWarmupsConverge lets only one warm-up catch up per round, in random order.
func TestSlowWarmupsConverge(t *testing.T) {
	forWorlds(t, 500, func(t *testing.T, w *world) {
		w.settle(t)
		for range 1 + w.rng.IntN(3) {
			w.join()
		}
		for round := range 4 * (len(w.tasks) + 1) {
			a := w.assign()
			w.check(t, a)
			w.apply(a)
			if !a.MovesPending {
				return
			}
			m := w.members[w.rng.IntN(len(w.members))]
			if len(a.Warmup[m.ID]) == 0 {
				for _, m = range w.members {
					if len(a.Warmup[m.ID]) > 0 {
						break
					}
				}
			}
			if len(a.Warmup[m.ID]) == 0 {
				t.Fatalf("round %d: moves are pending and nothing warms up", round)
			}
			id := a.Warmup[m.ID][w.rng.IntN(len(a.Warmup[m.ID]))]
			m.Offsets[id] = w.tasks[id].EndOffset
		}
		t.Error("moves are still pending")
	})
}

func TestTakesAShortTime(t *testing.T) {
	w := &world{rng: rand.New(rand.NewPCG(1, 1)), tasks: make(map[TaskID]*Task)}
	w.cfg = Config{Standbys: 1, RackTags: []string{"zone"}, MaxWarmups: 2, AcceptableLag: 10000}
	for sub := range int32(50) {
		for p := range int32(100) {
			w.tasks[TaskID{sub, p}] = &Task{ID: TaskID{sub, p}, Stateful: sub%2 == 0, EndOffset: 1e6}
		}
	}
	for range 100 {
		w.join()
	}
	a := w.assign()
	w.check(t, a)
	w.apply(a)
	w.join()
	w.check(t, w.assign())
}
