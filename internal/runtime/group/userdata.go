package group

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ottla-streams/ottla/internal/runtime/assign"
)

// Subscription is what a member tells the leader when it joins.
type Subscription struct {
	// Process is the UUID of the state directory, equal for all workers that share it.
	Process [16]byte
	// Instance is the static membership id, or empty.
	Instance string
	// Endpoint is host:port where the process answers queries, or empty.
	Endpoint string
	// Tags place the process for standbys.
	Tags map[string]string
	// Active, Standby and Warmup are the tasks that the member has open now.
	Active, Standby, Warmup []assign.TaskID
	// Offsets are the changelog positions of the state on disk. See assign.Member.
	Offsets map[assign.TaskID]int64
	// TransactionalID is that of the member's producer, or empty without transactions. When the member vanishes, others end
	// its open transaction with it.
	TransactionalID string
	// Topology is set by the Balancer to the fingerprint of its topology.
	Topology uint64
	// Shutdown asks the whole application to stop: all members get ErrorShutdown.
	Shutdown bool
}

// Encode returns the user data of a subscription. Equal subscriptions give equal bytes.
func (s Subscription) Encode() []byte {
	b := appendHeader(nil)
	b = append(b, s.Process[:]...)
	b = appendString(b, s.Instance)
	b = appendString(b, s.Endpoint)
	b = binary.AppendUvarint(b, uint64(len(s.Tags)))
	for _, tag := range sortedKeys(s.Tags) {
		b = appendString(b, tag)
		b = appendString(b, s.Tags[tag])
	}
	b = appendTasks(b, s.Active, nil)
	b = appendTasks(b, s.Standby, nil)
	b = appendTasks(b, s.Warmup, nil)
	b = appendTasks(b, slices.Collect(maps.Keys(s.Offsets)), func(b []byte, id assign.TaskID) []byte {
		return binary.AppendVarint(b, s.Offsets[id])
	})
	b = appendString(b, s.TransactionalID)
	b = binary.BigEndian.AppendUint64(b, s.Topology)
	return append(b, flag(s.Shutdown))
}

// DecodeSubscription reads user data of a subscription. The error is ErrVersion if a later version wrote it.
func DecodeSubscription(data []byte) (Subscription, error) {
	var s Subscription
	r := newReader(data)
	copy(s.Process[:], r.bytes(uint64(len(s.Process))))
	s.Instance = r.string()
	s.Endpoint = r.string()
	for n := r.count(); n > 0 && r.err == nil; n-- {
		if s.Tags == nil {
			s.Tags = make(map[string]string)
		}
		tag := r.string()
		s.Tags[tag] = r.string()
	}
	s.Active = r.tasks(nil)
	s.Standby = r.tasks(nil)
	s.Warmup = r.tasks(nil)
	r.tasks(func(id assign.TaskID) {
		if s.Offsets == nil {
			s.Offsets = make(map[assign.TaskID]int64)
		}
		s.Offsets[id] = r.varint()
	})
	s.TransactionalID = r.string()
	if hash := r.bytes(8); hash != nil {
		s.Topology = binary.BigEndian.Uint64(hash)
	}
	s.Shutdown = r.uvarint() == 1
	if r.err != nil {
		return Subscription{}, fmt.Errorf("subscription: %w", r.err)
	}
	return s, nil
}

// ErrorCode says why a member got no tasks.
type ErrorCode uint8

const (
	// ErrorNone is no error.
	ErrorNone ErrorCode = iota
	// ErrorMissingTopics says that source topics do not exist. All members get it.
	ErrorMissingTopics
	// ErrorCopartition says that topics that are joined have different numbers of partitions. All members get it.
	ErrorCopartition
	// ErrorTopology says that the member runs another topology than the leader. The others go on.
	ErrorTopology
	// ErrorVersion says that the leader could not read the member's subscription. The others go on.
	ErrorVersion
	// ErrorAssignment says that the topology itself is not valid. All members get it.
	ErrorAssignment
	// ErrorShutdown says that a member asked the application to stop. All members get it.
	ErrorShutdown
)

func (c ErrorCode) String() string {
	names := [...]string{
		"none", "missing source topics", "topics not co-partitioned", "other topology than the leader",
		"subscription not readable by the leader", "topology not valid", "shutdown requested",
	}
	if int(c) < len(names) {
		return names[c]
	}
	return fmt.Sprintf("error code %d", uint8(c))
}

// detail says what one member can do about its error; errors of all members come with a detail of their own.
func (c ErrorCode) detail() string {
	switch c {
	case ErrorTopology:
		return "this member's topology differs from that of the group's leader; it gets tasks once the leader runs the same"
	case ErrorVersion:
		return "the group's leader is of an older version and cannot read this member's subscription; it gets tasks once the leader is upgraded"
	}
	return ""
}

// Assignment is what the leader tells a member at the end of a rebalance.
type Assignment struct {
	// Active, Standby and Warmup are sorted. A stateful task that is withheld until its owner gave it up is a warm-up of its
	// next owner meanwhile, so that state already there stays open.
	Active, Standby, Warmup []assign.TaskID
	// Error says why there are no tasks, and Detail what is wrong in words.
	Error  ErrorCode
	Detail string
	// FollowUp asks the member to force a rebalance after that time, unless another one came before. Zero asks for none.
	// Only the leader gets it. Milliseconds are kept.
	FollowUp time.Duration
	// Hosts tells where to query which task. Members without endpoint are not in it.
	Hosts []Host
	// Members are the transactional ids of all members of this generation, for the next leader to see who vanished.
	Members []string
	// Vanished are the transactional ids of members that are gone since the last generations, as far as the leader knows. A
	// new owner fences them, so that it need not wait for their transactions to time out. An id may come in several
	// generations in a row.
	Vanished []string
	// Awaits says that tasks of this member's are withheld: as soon as others have given them up there is another rebalance.
	Awaits bool
}

// Host is one member that answers queries.
type Host struct {
	Endpoint        string
	Active, Standby []assign.TaskID
}

// Encode returns the user data of an assignment.
func (a Assignment) Encode() []byte {
	b := appendHeader(nil)
	b = appendTasks(b, a.Active, nil)
	b = appendTasks(b, a.Standby, nil)
	b = appendTasks(b, a.Warmup, nil)
	b = append(b, byte(a.Error))
	b = appendString(b, a.Detail)
	b = binary.AppendUvarint(b, uint64(max(a.FollowUp, 0).Milliseconds()))
	b = binary.AppendUvarint(b, uint64(len(a.Hosts)))
	for _, h := range a.Hosts {
		b = appendString(b, h.Endpoint)
		b = appendTasks(b, h.Active, nil)
		b = appendTasks(b, h.Standby, nil)
	}
	b = appendStrings(b, a.Members)
	b = appendStrings(b, a.Vanished)
	return append(b, flag(a.Awaits))
}

// DecodeAssignment reads user data of an assignment. The error is ErrVersion if a later version wrote it.
func DecodeAssignment(data []byte) (Assignment, error) {
	var a Assignment
	r := newReader(data)
	a.Active = r.tasks(nil)
	a.Standby = r.tasks(nil)
	a.Warmup = r.tasks(nil)
	if code := r.bytes(1); code != nil {
		a.Error = ErrorCode(code[0])
	}
	a.Detail = r.string()
	const longest = uint64(24 * time.Hour / time.Millisecond)
	a.FollowUp = time.Duration(min(r.uvarint(), longest)) * time.Millisecond
	for n := r.count(); n > 0 && r.err == nil; n-- {
		a.Hosts = append(a.Hosts, Host{Endpoint: r.string(), Active: r.tasks(nil), Standby: r.tasks(nil)})
	}
	a.Members = r.strings()
	a.Vanished = r.strings()
	if r.version >= 2 {
		a.Awaits = r.uvarint() == 1
	}
	if r.err != nil {
		return Assignment{}, fmt.Errorf("assignment: %w", r.err)
	}
	return a, nil
}

func flag(b bool) byte {
	if b {
		return 1
	}
	return 0
}
