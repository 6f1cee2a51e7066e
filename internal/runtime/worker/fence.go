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
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group, req.InstanceID = w.c.App, kmsg.StringPtr(w.instanceID())
	var err error
	if req.MemberID, req.Generation, err = w.membership(); err != nil {
		return err
	}
	resp, err := req.RequestWith(ctx, w.consumer)
	if err != nil {
		return fmt.Errorf("%w: heartbeat: %w", errNotNow, err)
	}
	switch err := kerr.ErrorForCode(resp.ErrorCode); err {
	case nil, kerr.RebalanceInProgress: // which goes on with us
		w.proven = began
		return nil
	default:
		return fmt.Errorf("heartbeat: %w", w.judgeCommit(err, req.Generation))
	}
}
