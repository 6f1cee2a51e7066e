package simulate

import (
	"context"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// sessions ends what Kafka would end and the fake cluster does not. It has no timer
// for a member whose connection broke while it waited for the answer to a join:
// the member stays for ever, and keeps its partitions. And who is replaced while it
// waits for a sync makes the group wait for a join more than there will be, anew
// with each that comes.
type sessions struct {
	client *kgo.Client
	waits  time.Time // since when the group waits for joins, zero if it does not

	mu   sync.Mutex
	seen map[string]time.Time // by member, the last sign of life
}

// silence is for how long a member that lives may say nothing: while it waits for
// the answer to a join, which it gives up after its rebalance timeout and 10 s.
const silence = rebalanceTimeout + 12*time.Second

func newSessions(c *kfake.Cluster, client *kgo.Client) *sessions {
	s := &sessions{client: client, seen: make(map[string]time.Time)}
	c.ControlKey(int16(kmsg.Heartbeat), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.seen[req.(*kmsg.HeartbeatRequest).MemberID] = time.Now()
		return nil, nil, false
	})
	return s
}

// run looks after the group until ctx ends.
func (s *sessions) run(ctx context.Context) {
	for tick := time.NewTicker(time.Second); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
			s.expire(ctx)
		}
	}
}

func (s *sessions) expire(ctx context.Context) {
	ask := kmsg.NewPtrDescribeGroupsRequest()
	ask.Groups = []string{app}
	resp, err := ask.RequestWith(ctx, s.client)
	if err != nil {
		return // it is asked again
	}
	leave := kmsg.NewPtrLeaveGroupRequest()
	leave.Group = app
	for _, g := range resp.Groups {
		stuck := s.waitsTooLong(g.State)
		for _, m := range g.Members {
			if s.silent(m.MemberID) || stuck {
				one := kmsg.NewLeaveGroupRequestMember()
				one.MemberID, one.InstanceID = m.MemberID, m.InstanceID
				leave.Members = append(leave.Members, one)
			}
		}
	}
	if len(leave.Members) > 0 {
		_, _ = leave.RequestWith(ctx, s.client) // who is still there is asked for again
	}
}

// waitsTooLong says whether the group has waited for joins for far longer than the
// rebalance timeout. All its members join again then.
func (s *sessions) waitsTooLong(state string) bool {
	switch {
	case state != "PreparingRebalance":
		s.waits = time.Time{}
	case s.waits.IsZero():
		s.waits = time.Now()
	case time.Since(s.waits) > silence:
		s.waits = time.Time{}
		return true
	}
	return false
}

// silent says whether a member has not been heard of for too long. A new one has time.
func (s *sessions) silent(member string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.seen[member]
	if !ok {
		s.seen[member] = time.Now()
	}
	return ok && time.Since(at) > silence
}
