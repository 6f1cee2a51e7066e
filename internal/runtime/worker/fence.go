package worker

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// At least once nothing on the brokers stops a process that was away for longer
// than its session and goes on with tasks that others have by now. Its commit is
// refused, but its changelog records would come first: old values of keys that
// the new owner has written meanwhile, which a later restore took for the last
// ones. So a worker that did not hear of the group for a while asks it first.

// proof is how long a worker may rely on having been a member.
func (w *Worker) proof() time.Duration { return w.c.SessionTimeout / 2 }

// prove makes sure that we are a member of the group, by a heartbeat unless a
// commit told so a moment ago.
func (w *Worker) prove(ctx context.Context) error {
	began := w.now()
	if began.Sub(w.proven) < w.proof() {
		return nil
	}
	member, generation, err := w.membership()
	if err != nil {
		return err
	}
	answer, err := w.heartbeat(ctx, member, generation)
	if err != nil {
		return fmt.Errorf("%w: heartbeat: %w", errNotNow, err)
	}
	switch answer {
	case nil, kerr.RebalanceInProgress: // which goes on with us
		w.proven = began
		return nil
	default:
		return fmt.Errorf("heartbeat: %w", w.judgeCommit(answer, generation))
	}
}

// heartbeat tells the group that a member is there. answer is the group's, nil if
// all is well; err says why there is none. It is safe for concurrent use.
func (w *Worker) heartbeat(ctx context.Context, member string, generation int32) (answer, err error) {
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group, req.InstanceID = w.c.App, kmsg.StringPtr(w.instanceID())
	req.MemberID, req.Generation = member, generation
	resp, err := req.RequestWith(ctx, w.consumer)
	if err != nil {
		return nil, err
	}
	return kerr.ErrorForCode(resp.ErrorCode), nil
}
