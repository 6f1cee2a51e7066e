package group

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestCooperativeHandOver(t *testing.T) {
	g := newFakeGroup(t)
	a := g.join(orders)
	if n := g.settle(); n != 1 {
		t.Errorf("the first member needs %d generations", n)
	}
	g.want("m1[0_0,0_1,0_2,0_3,1_0,1_1,1_2,1_3]")

	b := g.join(orders)
	if !g.rebalance() {
		t.Error("the first member loses nothing to the second")
	}
	g.want("m1[0_2,0_3,1_0,1_1,1_2,1_3] m2[]")
	if a.got.FollowUp != time.Minute || b.got.FollowUp != 0 {
		t.Errorf("follow-ups %v and %v, want one for the leader only", a.got.FollowUp, b.got.FollowUp)
	}
	g.settle()
	g.want("m1[0_2,0_3,1_0,1_1,1_2,1_3] m2[0_0,0_1]")
	if len(b.got.Warmup) != 2 {
		t.Fatalf("the second member warms up %v, want two tasks", b.got.Warmup)
	}

	b.warm()
	warm := b.got.Warmup
	if !g.rebalance() {
		t.Error("the first member keeps tasks for which the second has caught up")
	}
	if !reflect.DeepEqual(b.got.Warmup, warm) {
		t.Errorf("while its next tasks are withheld the second member warms up %v, want %v", b.got.Warmup, warm)
	}
	g.settle()
	g.want("m1[0_2,0_3,1_2,1_3] m2[0_0,0_1,1_0,1_1]")
	if a.got.FollowUp != 0 {
		t.Errorf("nothing is pending, but the leader is asked to follow up in %v", a.got.FollowUp)
	}

	g.leave(b)
	if n := g.settle(); n != 1 {
		t.Errorf("tasks without owner need %d generations", n)
	}
	g.want("m1[0_0,0_1,0_2,0_3,1_0,1_1,1_2,1_3]")
	if !slices.Equal(a.got.Vanished, []string{"t2"}) || !slices.Equal(a.got.Members, []string{"t1"}) {
		t.Errorf("vanished %v of members %v", a.got.Vanished, a.got.Members)
	}
}

func TestHosts(t *testing.T) {
	g := newFakeGroup(t)
	a, b := g.join(orders), g.join(orders)
	g.join(orders).sub.Endpoint = ""
	g.settle()
	want := []Host{{"host1:1", a.got.Active, a.got.Standby}, {"host2:1", b.got.Active, b.got.Standby}}
	for _, m := range g.members {
		if !reflect.DeepEqual(m.got.Hosts, want) {
			t.Errorf("%s knows hosts %v, want %v", m.id, m.got.Hosts, want)
		}
	}
}

func TestErrorsReachAllMembers(t *testing.T) {
	tests := []struct {
		name   string
		change func(g *fakeGroup)
		code   ErrorCode
		detail string
	}{
		{"missing", func(g *fakeGroup) { delete(g.counts, "users"); g.counts["orders"] = 0 }, ErrorMissingTopics, "orders, users"},
		{"co-partition", func(g *fakeGroup) { g.counts["users"] = 6 }, ErrorCopartition, "by-user and users: they have 4 and 6"},
		{"shutdown", func(g *fakeGroup) { g.members[1].sub.Shutdown = true }, ErrorShutdown, "shut down"},
		{"topic twice", func(g *fakeGroup) {
			bad := Topology{Subtopologies: []Subtopology{{ID: 0, SourceTopics: []string{"orders"}}, {ID: 1, SourceTopics: []string{"orders"}}}}
			g.members[0].topology, g.members[1].topology = bad, bad
		}, ErrorAssignment, "read by sub-topologies 0 and 1"},
		{"id twice", func(g *fakeGroup) {
			bad := Topology{Subtopologies: []Subtopology{{ID: 1, SourceTopics: []string{"orders"}}, {ID: 1}}}
			g.members[0].topology, g.members[1].topology = bad, bad
		}, ErrorAssignment, "used twice"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			g := newFakeGroup(t)
			g.join(orders)
			g.join(orders)
			g.settle()
			test.change(g)
			g.settle()
			for _, m := range g.members {
				if m.got.Error != test.code || !strings.Contains(m.got.Detail, test.detail) || len(m.got.Active) > 0 {
					t.Errorf("%s got %v %q and tasks %v, want %v", m.id, m.got.Error, m.got.Detail, m.got.Active, test.code)
				}
			}
		})
	}
}

func TestGroupRecoversFromAnError(t *testing.T) {
	g := newFakeGroup(t)
	g.join(orders)
	g.counts["users"] = 0
	g.settle()
	g.want("m1[]")
	g.counts["users"] = 4
	g.settle()
	g.want("m1[0_0,0_1,0_2,0_3,1_0,1_1,1_2,1_3]")
}

func TestOtherTopology(t *testing.T) {
	g := newFakeGroup(t)
	a, b := g.join(orders), g.join(orders)
	g.settle()
	// The second member comes back with other code while it still owns partitions.
	b.topology = Topology{Subtopologies: orders.Subtopologies, Hash: 7}
	g.settle()
	g.want("m1[0_0,0_1,0_2,0_3,1_0,1_1,1_2,1_3] m2[]")
	if b.got.Error != ErrorTopology || b.got.Detail == "" || a.got.Error != ErrorNone {
		t.Errorf("errors %v (%q) and %v", b.got.Error, b.got.Detail, a.got.Error)
	}
	// The next leader runs the new code.
	g.leave(a)
	g.settle()
	g.want("m2[0_0,0_1,0_2,0_3,1_0,1_1,1_2,1_3]")
}

func TestUnreadableMember(t *testing.T) {
	later := fullSubscription.Encode()
	later[1], later[3] = 9, 9
	meta := kmsg.NewConsumerMemberMetadata()
	meta.UserData = later
	for name, metadata := range map[string][]byte{"no metadata": {}, "garbage": {0, 1, 255}, "later version": meta.AppendTo(nil)} {
		t.Run(name, func(t *testing.T) {
			g := newFakeGroup(t)
			g.join(orders)
			bad := g.join(orders)
			bad.metadata = metadata
			g.settle()
			g.want("m1[0_0,0_1,0_2,0_3,1_0,1_1,1_2,1_3] m2[]")
			if bad.got.Error != ErrorVersion {
				t.Errorf("error %v, want %v", bad.got.Error, ErrorVersion)
			}
		})
	}
}

func TestStaleClaim(t *testing.T) {
	g := newFakeGroup(t)
	a, b := g.join(orders), g.join(orders)
	g.settle()
	mine := b.got.Active
	// The first member missed a rebalance and still claims what the second got since.
	a.generation = g.generation - 5
	a.owned = map[string][]int32{"orders": {0, 1, 2, 3}, "by-user": {0, 1, 2, 3}, "users": {0, 1, 2, 3}}
	g.rebalance()
	if !reflect.DeepEqual(b.got.Active, mine) {
		t.Errorf("the owner has %v, want %v", b.got.Active, mine)
	}
}

func TestTaskThatNobodyClaimsStaysWhereItIsOpen(t *testing.T) {
	g := newFakeGroup(t)
	a, b := g.join(orders), g.join(orders)
	g.settle()
	before := g.active()
	// Both clients lost the group and join as new members; their tasks are open still.
	for _, m := range []*fakeMember{a, b} {
		m.owned, m.generation = map[string][]int32{}, -1
		clear(m.sub.Offsets)
	}
	g.settle()
	g.want(before)
}

func TestUnknownEndsMoveNothing(t *testing.T) {
	g := newFakeGroup(t)
	g.join(orders)
	g.settle()
	g.endsErr = errors.New("no broker answers")
	b := g.join(orders)
	g.settle()
	b.warm()
	g.settle()
	g.want("m1[0_2,0_3,1_0,1_1,1_2,1_3] m2[0_0,0_1]")
	g.endsErr = nil
	g.settle()
	g.want("m1[0_2,0_3,1_2,1_3] m2[0_0,0_1,1_0,1_1]")
}

func TestVanishedMembers(t *testing.T) {
	g := newFakeGroup(t)
	a, b, c := g.join(orders), g.join(orders), g.join(orders)
	g.settle()
	// The leader goes: the next one knows it from the last assignment.
	g.leave(a)
	g.rebalance()
	for _, m := range []*fakeMember{b, c} {
		if !slices.Equal(m.got.Vanished, []string{"t1"}) {
			t.Errorf("%s: vanished %v, want t1", m.id, m.got.Vanished)
		}
	}
	// It is named for some generations, also by another leader, and then no more.
	g.leave(b)
	g.rebalance()
	if !slices.Equal(c.got.Vanished, []string{"t1", "t2"}) {
		t.Errorf("vanished %v, want t1 and t2", c.got.Vanished)
	}
	// Who comes back is not vanished.
	g.join(orders).sub.TransactionalID = "t1"
	g.rebalance()
	if !slices.Equal(c.got.Vanished, []string{"t2"}) {
		t.Errorf("vanished %v, want t2", c.got.Vanished)
	}
	for range keepVanished {
		g.rebalance()
	}
	if len(c.got.Vanished) > 0 {
		t.Errorf("vanished %v for ever", c.got.Vanished)
	}
}

func TestMetadataIsDeterministic(t *testing.T) {
	g := newFakeGroup(t)
	m := g.join(orders)
	m.sub = fullSubscription
	owned := map[string][]int32{"a": {1}, "b": {2}, "c": {3}}
	first := m.balancer.JoinGroupMetadata([]string{"a"}, owned, 3)
	for range 20 {
		if !bytes.Equal(first, m.balancer.JoinGroupMetadata([]string{"a"}, owned, 3)) {
			t.Fatal("equal subscriptions give different metadata, which would rebalance the group")
		}
	}
}

func TestLeftOutMember(t *testing.T) {
	g := newFakeGroup(t)
	m := g.join(orders)
	m.got.Error = ErrorShutdown
	partitions, err := m.balancer.ParseSyncAssignment(nil)
	if err != nil || len(partitions) > 0 || !reflect.DeepEqual(m.got, Assignment{}) {
		t.Errorf("empty assignment: %v, %v, %+v", partitions, err, m.got)
	}
	for _, data := range [][]byte{{0}, {0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 7}} {
		if _, err := m.balancer.ParseSyncAssignment(data); err == nil {
			t.Errorf("damaged assignment %x is read", data)
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	if _, err := New(Config{}); err == nil {
		t.Error("a config without callbacks is taken")
	}
	cfg := Config{
		Topology:     func() Topology { return orders },
		Subscription: func() Subscription { return Subscription{} },
		Assigned:     func(Assignment) {}, FollowUp: -1,
	}
	if _, err := New(cfg); err == nil {
		t.Error("a negative FollowUp is taken")
	}
}

func TestFingerprint(t *testing.T) {
	base := orders.Fingerprint()
	swapped := Topology{Subtopologies: []Subtopology{orders.Subtopologies[1], orders.Subtopologies[0]}}
	if swapped.Fingerprint() != base {
		t.Error("the order of sub-topologies matters")
	}
	other := Topology{Subtopologies: []Subtopology{orders.Subtopologies[0]}}
	if other.Fingerprint() == base {
		t.Error("a missing sub-topology does not matter")
	}
	if (Topology{Hash: 5}).Fingerprint() != 5 {
		t.Error("a given hash is not used")
	}
}

func TestTaskOfPartition(t *testing.T) {
	if got, ok := orders.Task("users", 3); !ok || got != id(1, 3) {
		t.Errorf("users-3 belongs to %v, %v", got, ok)
	}
	if got, ok := orders.Task("other", 0); ok {
		t.Errorf("other-0 belongs to %v", got)
	}
}

func TestTopicsOfDifferentSize(t *testing.T) {
	g := newFakeGroup(t)
	g.counts = map[string]int32{"small": 1, "large": 3}
	m := g.join(Topology{Subtopologies: []Subtopology{{ID: 4, SourceTopics: []string{"small", "large"}}}})
	g.settle()
	g.want("m1[4_0,4_1,4_2]")
	if want := map[string][]int32{"small": {0}, "large": {0, 1, 2}}; !reflect.DeepEqual(m.owned, want) {
		t.Errorf("partitions %v, want %v", m.owned, want)
	}
	// A topic that grows brings tasks and leaves those that are there.
	g.counts["small"] = 5
	g.settle()
	g.want("m1[4_0,4_1,4_2,4_3,4_4]")
}

// TestRandomLife lets members come, go, restart and miss generations; sync checks that no partition has two owners.
func TestRandomLife(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 2))
		g := newFakeGroup(t)
		g.join(orders)
		for range 30 {
			switch m := g.members[rng.IntN(len(g.members))]; rng.IntN(6) {
			case 0, 1:
				if len(g.members) < 6 {
					g.join(orders)
				}
			case 2:
				if len(g.members) > 1 {
					g.leave(m)
				}
			case 3:
				m.generation, m.owned = -1, map[string][]int32{}
			case 4:
				m.generation -= int32(rng.IntN(2))
			case 5: // another leader
				g.members = append(slices.DeleteFunc(g.members, func(x *fakeMember) bool { return x == m }), m)
			}
			g.rebalance()
			for _, m := range g.members {
				m.warm()
			}
		}
		g.restAndCheck()
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// restAndCheck lets all warm-ups catch up and checks that every task is active and counts are even.
func (g *fakeGroup) restAndCheck() {
	g.t.Helper()
	for range 20 {
		again := g.rebalance()
		pending := false
		for _, m := range g.members {
			m.warm()
			pending = pending || m.got.FollowUp > 0
		}
		if !again && !pending {
			break
		}
	}
	total, low, high := 0, 8, 0
	for _, m := range g.members {
		n := len(m.got.Active)
		total, low, high = total+n, min(low, n), max(high, n)
	}
	if total != 8 || high-low > 1 {
		g.t.Errorf("the group does not come to rest: %s", g.active())
	}
}
