package group

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/ottla-streams/ottla/internal/runtime/assign"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Config holds what a Balancer needs of its member. Its functions are called on the client's group goroutine.
type Config struct {
	// Topology returns the topology of this member. Required. It is called at each join and each balance, so that it may
	// follow topics that match a pattern; the hash must not change with them.
	Topology func() Topology
	// Subscription returns what the member has now. Required. It is called at each join, after partitions were revoked.
	Subscription func() Subscription
	// Assigned gets the assignment at the end of each rebalance. Required. It is called before the client calls its
	// partition callbacks for that rebalance (revoked, then assigned), and must not block.
	Assigned func(Assignment)
	// EndOffsets returns the sum of changelog end offsets per stateful task; only the leader calls it. It must return when
	// ctx ends. Tasks that are missing in the result, or all after an error, have unknown ends: they stay where they run.
	// Defaults to all unknown.
	EndOffsets func(ctx context.Context) (map[assign.TaskID]int64, error)
	// EndOffsetsTimeout bounds EndOffsets. It must be well below the group's rebalance timeout. Defaults to 5 s.
	EndOffsetsTimeout time.Duration
	// Context ends calls of EndOffsets at shutdown. Defaults to context.Background().
	Context context.Context
	// Assign holds the settings of the assignor. The leader's count for the whole group.
	Assign assign.Config
	// FollowUp is the time after which the leader should rebalance again while moves are pending. Defaults to 1 min. A member
	// whose warm-up has caught up need not wait for it: its join with new offsets rebalances the group.
	FollowUp time.Duration
	// Logger defaults to none.
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	c.EndOffsetsTimeout = cmp.Or(c.EndOffsetsTimeout, 5*time.Second)
	c.FollowUp = cmp.Or(c.FollowUp, time.Minute)
	if c.Context == nil {
		c.Context = context.Background()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

func (c Config) validate() error {
	var errs []error
	if c.Topology == nil || c.Subscription == nil || c.Assigned == nil {
		errs = append(errs, errors.New("group balancer: Topology, Subscription and Assigned are required"))
	}
	if c.EndOffsetsTimeout < 0 || c.FollowUp < 0 {
		errs = append(errs, errors.New("group balancer: EndOffsetsTimeout and FollowUp must not be negative"))
	}
	return errors.Join(errs...)
}

// Balancer is the kgo.GroupBalancer of one consumer client, to be given to kgo.Balancers. It belongs to the client's group
// goroutine: nobody else calls its methods.
type Balancer struct {
	cfg    Config
	roster roster
}

var _ kgo.GroupBalancer = (*Balancer)(nil)

// New returns a balancer for one client.
func New(cfg Config) (*Balancer, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Balancer{cfg: cfg.withDefaults()}, nil
}

// ProtocolName implements kgo.GroupBalancer. All members of a group must use the same protocol.
func (b *Balancer) ProtocolName() string { return "ottla" }

// IsCooperative implements kgo.GroupBalancer.
func (b *Balancer) IsCooperative() bool { return true }

// JoinGroupMetadata implements kgo.GroupBalancer.
func (b *Balancer) JoinGroupMetadata(interests []string, owned map[string][]int32, generation int32) []byte {
	b.roster.joining()
	s := b.cfg.Subscription()
	s.Topology = b.cfg.Topology().Fingerprint()
	meta := kmsg.NewConsumerMemberMetadata()
	meta.Version = 3
	meta.Topics = interests
	meta.Generation = generation
	meta.UserData = s.Encode()
	for _, topic := range sortedKeys(owned) {
		o := kmsg.NewConsumerMemberMetadataOwnedPartition()
		o.Topic, o.Partitions = topic, owned[topic]
		meta.OwnedPartitions = append(meta.OwnedPartitions, o)
	}
	return meta.AppendTo(nil)
}

// ParseSyncAssignment implements kgo.GroupBalancer. A member that the leader left out has an empty assignment.
func (b *Balancer) ParseSyncAssignment(data []byte) (map[string][]int32, error) {
	if len(data) == 0 {
		b.cfg.Assigned(Assignment{})
		return map[string][]int32{}, nil
	}
	var in kmsg.ConsumerMemberAssignment
	if err := in.ReadFrom(data); err != nil {
		return nil, fmt.Errorf("group assignment: %w", err)
	}
	a, err := DecodeAssignment(in.UserData)
	if err != nil {
		return nil, fmt.Errorf("group %w", err)
	}
	partitions := make(map[string][]int32, len(in.Topics))
	for _, t := range in.Topics {
		partitions[t.Topic] = append(partitions[t.Topic], t.Partitions...)
	}
	b.roster.learn(a)
	b.cfg.Assigned(a)
	return partitions, nil
}

// MemberBalancer implements kgo.GroupBalancer. A member whose metadata cannot be read does not fail the group: Balance tells
// it so.
func (b *Balancer) MemberBalancer(members []kmsg.JoinGroupResponseMember) (kgo.GroupMemberBalancer, map[string]struct{}, error) {
	members = slices.Clone(members)
	for i := range members {
		var meta kmsg.ConsumerMemberMetadata
		if err := meta.ReadFrom(members[i].ProtocolMetadata); err != nil {
			b.cfg.Logger.Warn("group member's metadata is not readable", "member", members[i].MemberID, "error", err)
			empty := kmsg.NewConsumerMemberMetadata()
			members[i].ProtocolMetadata = empty.AppendTo(nil)
		}
	}
	cb, err := kgo.NewConsumerBalancer(b, members)
	if err != nil {
		return nil, nil, fmt.Errorf("group members: %w", err)
	}
	topics := b.cfg.Topology().sourceTopics()
	for topic := range cb.MemberTopics() {
		topics[topic] = struct{}{}
	}
	return cb, topics, nil
}

// Balance implements kgo.ConsumerBalancerBalance: it is called on the leader with the partition counts of all topics.
func (b *Balancer) Balance(cb *kgo.ConsumerBalancer, counts map[string]int32) kgo.IntoSyncAssignment {
	topology := b.cfg.Topology()
	members := readMembers(cb, topology.Fingerprint())
	var ids []string
	for _, m := range members {
		if m.fault != ErrorNone {
			b.cfg.Logger.Warn("group member gets no tasks", "member", m.id, "reason", m.fault.String())
		}
		if id := m.sub.TransactionalID; id != "" {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	p := &plan{
		topology: topology,
		members:  members,
		leader:   cb.Info().LeaderID,
		current:  slices.Compact(ids),
	}
	p.vanished = b.roster.balance(p.current)
	if slices.ContainsFunc(members, func(m *peer) bool { return m.sub.Shutdown }) {
		return p.failed(ErrorShutdown, "a member asked the application to shut down")
	}
	topics, bad := topology.resolve(counts)
	if bad != nil {
		b.cfg.Logger.Error("group gets no tasks", "reason", bad.code.String(), "detail", bad.detail)
		return p.failed(bad.code, bad.detail)
	}
	p.topics = topics
	tasks := topics.list(topology)
	b.setEnds(tasks)
	p.claim()
	a := assign.Assign(p.assignMembers(), tasks, b.cfg.Assign)
	p.fill(a, tasks, b.cfg.FollowUp)
	b.cfg.Logger.Info("balanced the group", "members", len(members), "tasks", len(tasks),
		"withheld", p.withheld, "moves_pending", a.MovesPending, "vanished", len(p.vanished))
	return p
}

// setEnds asks for the ends of changelogs if there are any.
func (b *Balancer) setEnds(tasks []assign.Task) {
	stateful := slices.ContainsFunc(tasks, func(t assign.Task) bool { return t.Stateful })
	if !stateful || b.cfg.EndOffsets == nil {
		return
	}
	ctx, cancel := context.WithTimeout(b.cfg.Context, b.cfg.EndOffsetsTimeout)
	defer cancel()
	ends, err := b.cfg.EndOffsets(ctx)
	if err != nil {
		b.cfg.Logger.Warn("end offsets of changelogs are unknown, stateful tasks stay where they run", "error", err)
		return
	}
	for i := range tasks {
		if end, ok := ends[tasks[i].ID]; ok && tasks[i].Stateful && end >= 0 {
			tasks[i].EndOffset = end
		}
	}
}
