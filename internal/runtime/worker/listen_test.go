package worker

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Who hears that the group is balanced again joins, unless the client is at it
// already: it would join once more behind that, and a leader who does has the
// group balanced again for nothing.
func TestListenJoinsOnce(t *testing.T) {
	for _, joining := range []bool{false, true} {
		w, cluster := member(t)
		w.life, w.stop = context.WithCancel(t.Context())
		joins := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.JoinGroup}, Observe: true, Count: -1})
		var asked atomic.Bool
		cluster.ControlKey(int16(kmsg.Heartbeat), func(req kmsg.Request) (kmsg.Response, error, bool) {
			cluster.KeepControl()
			if asked.Swap(true) {
				return nil, nil, false
			}
			resp := req.ResponseKind().(*kmsg.HeartbeatResponse)
			resp.ErrorCode = kerr.RebalanceInProgress.Code
			return resp, nil, true
		})
		w.joining.Store(joining)
		w.listen()
		w.side.Wait()
		for until := time.Now().Add(5 * time.Second); joins.Hits() == 0 && !joining && time.Now().Before(until); {
			time.Sleep(10 * time.Millisecond)
		}
		if joining {
			time.Sleep(200 * time.Millisecond)
		}
		if joined := joins.Hits() > 0; !asked.Load() || joined == joining {
			t.Errorf("joining %v: asked %v, joined %v", joining, asked.Load(), joined)
		}
		w.stop()
	}
}
