package group

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ottla-streams/ottla/internal/runtime/assign"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// fakeGroup is a coordinator and its members without a broker.
type fakeGroup struct {
	t          *testing.T
	counts     map[string]int32
	members    []*fakeMember
	generation int32
	joined     int
	ends       map[assign.TaskID]int64
	endsErr    error
}

type fakeMember struct {
	id         string
	sub        Subscription
	topology   Topology
	generation int32
	owned      map[string][]int32
	got        Assignment
	balancer   *Balancer
	metadata   []byte // sent instead of its own, if set
}

var orders = Topology{Subtopologies: []Subtopology{
	{ID: 0, SourceTopics: []string{"orders"}},
	{ID: 1, SourceTopics: []string{"by-user", "users"}, Stateful: true, Copartitioned: [][]string{{"by-user", "users"}}},
}}

func newFakeGroup(t *testing.T) *fakeGroup {
	return &fakeGroup{
		t:      t,
		counts: map[string]int32{"orders": 4, "by-user": 4, "users": 4},
		ends:   map[assign.TaskID]int64{id(1, 0): 1000, id(1, 1): 1000, id(1, 2): 1000, id(1, 3): 1000},
	}
}

// join adds a member; it takes part from the next rebalance on.
func (g *fakeGroup) join(topology Topology) *fakeMember {
	g.joined++
	m := &fakeMember{id: fmt.Sprintf("m%d", g.joined), topology: topology, generation: -1, owned: make(map[string][]int32)}
	m.sub = Subscription{
		Process: [16]byte{15: byte(g.joined)}, Endpoint: fmt.Sprintf("host%d:1", g.joined),
		TransactionalID: fmt.Sprintf("t%d", g.joined), Offsets: make(map[assign.TaskID]int64),
	}
	var err error
	m.balancer, err = New(Config{
		Topology:     func() Topology { return m.topology },
		Subscription: func() Subscription { return m.sub },
		Assigned:     func(a Assignment) { m.got = a },
		EndOffsets: func(ctx context.Context) (map[assign.TaskID]int64, error) {
			if _, ok := ctx.Deadline(); !ok {
				g.t.Error("end offsets are asked without a deadline")
			}
			return g.ends, g.endsErr
		},
		Assign: assign.Config{AcceptableLag: 10, MaxWarmups: 2},
	})
	if err != nil {
		g.t.Fatal(err)
	}
	g.members = append(g.members, m)
	return m
}

func (g *fakeGroup) leave(m *fakeMember) {
	g.members = slices.DeleteFunc(g.members, func(x *fakeMember) bool { return x == m })
}

// rebalance runs one generation, led by the first member, and reports whether a member has to join again because it lost
// partitions. No partition may have two owners at any time.
func (g *fakeGroup) rebalance() bool {
	g.t.Helper()
	g.generation++
	var in []kmsg.JoinGroupResponseMember
	for _, m := range g.members {
		j := kmsg.NewJoinGroupResponseMember()
		j.MemberID = m.id
		j.ProtocolMetadata = m.metadata
		if data := m.balancer.JoinGroupMetadata([]string{"by-user", "orders", "users"}, m.owned, m.generation); m.metadata == nil {
			j.ProtocolMetadata = data
		}
		in = append(in, j)
	}
	mb, topics, err := g.members[0].balancer.MemberBalancer(in)
	if err != nil {
		g.t.Fatal(err)
	}
	for topic := range g.members[0].topology.sourceTopics() {
		if _, ok := topics[topic]; !ok {
			g.t.Fatalf("partitions of topic %s are not asked for", topic)
		}
	}
	cb := mb.(*kgo.ConsumerBalancer)
	info := cb.Info()
	info.LeaderID = g.members[0].id
	cb.SetBalanceInfo(info)
	into, err := cb.BalanceOrError(g.counts)
	if err != nil {
		g.t.Fatal(err)
	}
	sync := into.IntoSyncAssignment()
	if len(sync) != len(g.members) {
		g.t.Fatalf("%d assignments for %d members", len(sync), len(g.members))
	}
	return g.sync(sync)
}

// partitionKeys lists partitions as text.
func partitionKeys(partitions map[string][]int32) []string {
	var keys []string
	for topic, nums := range partitions {
		for _, num := range nums {
			keys = append(keys, fmt.Sprint(topic, "-", num))
		}
	}
	return keys
}

func (g *fakeGroup) sync(out []kmsg.SyncGroupRequestGroupAssignment) bool {
	g.t.Helper()
	next := make(map[*fakeMember]map[string][]int32)
	holder := make(map[string]*fakeMember)
	for _, s := range out {
		m := g.members[slices.IndexFunc(g.members, func(m *fakeMember) bool { return m.id == s.MemberID })]
		partitions, err := m.balancer.ParseSyncAssignment(s.MemberAssignment)
		if err != nil {
			g.t.Fatal(err)
		}
		g.checkPartitions(m, partitions)
		next[m] = partitions
		for _, key := range partitionKeys(partitions) {
			if holder[key] != nil {
				g.t.Fatalf("%s is given to %s and %s", key, holder[key].id, m.id)
			}
			holder[key] = m
		}
	}
	again := false
	for m := range next {
		for _, key := range partitionKeys(m.owned) {
			to := holder[key]
			again = again || to != m
			kept := to == m || to != nil && to.generation >= m.generation && slices.Contains(partitionKeys(to.owned), key)
			if to != nil && !kept {
				g.t.Fatalf("%s is given to %s before %s revoked it", key, to.id, m.id)
			}
		}
	}
	for m, partitions := range next {
		m.owned, m.generation = partitions, g.generation
		m.run()
	}
	return again
}

// checkPartitions compares the partitions of a member with its tasks.
func (g *fakeGroup) checkPartitions(m *fakeMember, partitions map[string][]int32) {
	g.t.Helper()
	want := make(map[string][]int32)
	for _, task := range m.got.Active {
		for _, s := range m.topology.Subtopologies {
			for _, topic := range s.SourceTopics {
				if s.ID == task.Subtopology && task.Partition < g.counts[topic] {
					want[topic] = append(want[topic], task.Partition)
				}
			}
		}
	}
	if !reflect.DeepEqual(partitions, want) {
		g.t.Fatalf("%s has tasks %v and partitions %v, want %v", m.id, m.got.Active, partitions, want)
	}
}

// run makes the member have what it was assigned. Warm-ups take their time: see warm.
func (m *fakeMember) run() {
	for task, offset := range m.sub.Offsets {
		if offset == assign.OffsetActive {
			m.sub.Offsets[task] = 1000
		}
	}
	m.sub.Active, m.sub.Standby, m.sub.Warmup = m.got.Active, m.got.Standby, m.got.Warmup
	for _, task := range m.got.Active {
		if task.Subtopology == 1 {
			m.sub.Offsets[task] = assign.OffsetActive
		}
	}
}

func (m *fakeMember) warm() {
	for _, task := range m.got.Warmup {
		m.sub.Offsets[task] = 1000
	}
}

// settle rebalances until nobody loses anything, and returns the number of generations.
func (g *fakeGroup) settle() int {
	g.t.Helper()
	for n := 1; n <= 10; n++ {
		if !g.rebalance() {
			return n
		}
	}
	g.t.Fatal("members still lose partitions after 10 generations")
	return 0
}

func (g *fakeGroup) active() string {
	var out []string
	for _, m := range g.members {
		out = append(out, m.id+strings.ReplaceAll(fmt.Sprint(m.got.Active), " ", ","))
	}
	return strings.Join(out, " ")
}

func (g *fakeGroup) want(active string) {
	g.t.Helper()
	if got := g.active(); got != active {
		g.t.Errorf("active tasks:\n got %s\nwant %s", got, active)
	}
}
