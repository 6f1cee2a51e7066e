package group

import (
	"cmp"
	"encoding/hex"
	"slices"
	"time"

	"github.com/ottla-streams/ottla/internal/runtime/assign"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// peer is a member as the leader sees it.
type peer struct {
	id         string
	sub        Subscription
	fault      ErrorCode // why it cannot get tasks
	owned      []kmsg.ConsumerMemberMetadataOwnedPartition
	generation int32
	out        Assignment
	partitions map[string][]int32
}

// readMembers decodes what the members sent, ordered by member id.
func readMembers(cb *kgo.ConsumerBalancer, fingerprint uint64) []*peer {
	var members []*peer
	cb.EachMember(func(m *kmsg.JoinGroupResponseMember, meta *kmsg.ConsumerMemberMetadata) {
		p := &peer{id: m.MemberID, owned: meta.OwnedPartitions, generation: meta.Generation}
		var err error
		switch p.sub, err = DecodeSubscription(meta.UserData); {
		case err != nil:
			p.fault = ErrorVersion
		case p.sub.Topology != fingerprint:
			p.fault = ErrorTopology
		}
		if p.sub.Instance == "" && m.InstanceID != nil {
			p.sub.Instance = *m.InstanceID
		}
		members = append(members, p)
	})
	slices.SortFunc(members, func(a, b *peer) int { return cmp.Compare(a.id, b.id) })
	return members
}

type partition struct {
	topic string
	num   int32
}

// claims are the members that own a partition, by their own word.
type claims struct {
	by []*peer
	// newest is the highest generation among them. Only a claim of that generation proves ownership, KIP-792: a member that
	// missed rebalances may still claim what another one was given since.
	newest int32
}

// plan is the outcome of one balance: the assignments of all members.
type plan struct {
	topology Topology
	topics   *topics
	members  []*peer
	leader   string
	current  []string // transactional ids
	vanished []string
	claims   map[partition]*claims
	withheld int
}

// claim collects who owns which partition.
func (p *plan) claim() {
	p.claims = make(map[partition]*claims)
	for _, m := range p.members {
		for _, owned := range m.owned {
			for _, num := range owned.Partitions {
				key := partition{owned.Topic, num}
				c := p.claims[key]
				if c == nil {
					c = &claims{newest: m.generation}
					p.claims[key] = c
				}
				c.by = append(c.by, m)
				c.newest = max(c.newest, m.generation)
			}
		}
	}
}

// owns says that m owns a partition, as far as claims can tell.
func (c *claims) owns(m *peer) bool {
	return c != nil && m.generation == c.newest && slices.Contains(c.by, m)
}

// assignMembers translates members that can get tasks for the assignor.
func (p *plan) assignMembers() []assign.Member {
	claimed := make(map[assign.TaskID]bool)
	for key := range p.claims {
		if id, ok := p.topics.task(key.topic, key.num); ok {
			claimed[id] = true
		}
	}
	var out []assign.Member
	for _, m := range p.members {
		if m.fault != ErrorNone {
			continue
		}
		out = append(out, assign.Member{
			ID: m.id, Process: processName(m), Instance: m.sub.Instance,
			Owned: p.owned(m, claimed), Standby: m.sub.Standby, Warmup: m.sub.Warmup,
			Offsets: m.sub.Offsets, Tags: m.sub.Tags,
		})
	}
	return out
}

// processName is empty for a member that did not say its process, which then counts as one of its own.
func processName(m *peer) string {
	if m.sub.Process == [16]byte{} {
		return ""
	}
	return hex.EncodeToString(m.sub.Process[:])
}

// owned returns the tasks of which m owns a partition. A task that it has open and nobody claims, after its client lost the
// group and came back, is its own too.
func (p *plan) owned(m *peer, claimed map[assign.TaskID]bool) []assign.TaskID {
	var ids []assign.TaskID
	for _, o := range m.owned {
		for _, num := range o.Partitions {
			if id, ok := p.topics.task(o.Topic, num); ok && p.claims[partition{o.Topic, num}].owns(m) {
				ids = append(ids, id)
			}
		}
	}
	for _, id := range m.sub.Active {
		if !claimed[id] {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, assign.TaskID.Compare)
	return slices.Compact(ids)
}

// fill gives every member its part of the assignor's result, minus what has to be revoked first.
func (p *plan) fill(a assign.Assignment, tasks []assign.Task, followUp time.Duration) {
	stateful := make(map[assign.TaskID]bool)
	for _, t := range tasks {
		stateful[t.ID] = t.Stateful
	}
	for _, m := range p.members {
		m.out = Assignment{Error: m.fault, Detail: m.fault.detail(), Standby: a.Standby[m.id], Warmup: a.Warmup[m.id]}
		for _, id := range a.Active[m.id] {
			holders := p.holders(id, m)
			if len(holders) == 0 {
				m.out.Active = append(m.out.Active, id)
				continue
			}
			p.withheld++
			m.out.Awaits = true
			sameProcess := func(h *peer) bool { return processName(h) != "" && processName(h) == processName(m) }
			if stateful[id] && !slices.ContainsFunc(holders, sameProcess) {
				m.out.Warmup = append(m.out.Warmup, id)
			}
		}
		slices.SortFunc(m.out.Warmup, assign.TaskID.Compare)
		m.partitions = p.topics.partitions(m.out.Active)
	}
	if a.MovesPending {
		p.askFollowUp(followUp)
	}
	p.share()
}

// holders returns the members that have to revoke a partition of task id before m may have it.
func (p *plan) holders(id assign.TaskID, m *peer) []*peer {
	var out []*peer
	for _, key := range p.topics.read(id) {
		c := p.claims[key]
		if c == nil || c.owns(m) {
			continue
		}
		for _, other := range c.by {
			if other != m {
				out = append(out, other)
			}
		}
	}
	return out
}

// askFollowUp asks the leader, whose forced join always rebalances. If it is not known who that is, it asks all.
func (p *plan) askFollowUp(after time.Duration) {
	for _, m := range p.members {
		if m.id == p.leader || p.leader == "" {
			m.out.FollowUp = after
		}
	}
}

// share adds to each assignment what all members get to know.
func (p *plan) share() {
	var hosts []Host
	for _, m := range p.members {
		if m.sub.Endpoint != "" && m.fault == ErrorNone {
			hosts = append(hosts, Host{Endpoint: m.sub.Endpoint, Active: m.out.Active, Standby: m.out.Standby})
		}
	}
	for _, m := range p.members {
		m.out.Hosts = hosts
		m.out.Members = p.current
		m.out.Vanished = p.vanished
	}
}

// failed is the plan in which nobody gets a task, and all get to know why.
func (p *plan) failed(code ErrorCode, detail string) *plan {
	for _, m := range p.members {
		m.out = Assignment{Error: code, Detail: detail}
	}
	p.share()
	return p
}

// IntoSyncAssignment implements kgo.IntoSyncAssignment.
func (p *plan) IntoSyncAssignment() []kmsg.SyncGroupRequestGroupAssignment {
	out := make([]kmsg.SyncGroupRequestGroupAssignment, 0, len(p.members))
	for _, m := range p.members {
		var a kmsg.ConsumerMemberAssignment
		a.Default()
		for _, topic := range sortedKeys(m.partitions) {
			t := kmsg.NewConsumerMemberAssignmentTopic()
			t.Topic, t.Partitions = topic, m.partitions[topic]
			a.Topics = append(a.Topics, t)
		}
		a.UserData = m.out.Encode()
		s := kmsg.NewSyncGroupRequestGroupAssignment()
		s.MemberID = m.id
		s.MemberAssignment = a.AppendTo(nil)
		out = append(out, s)
	}
	return out
}
