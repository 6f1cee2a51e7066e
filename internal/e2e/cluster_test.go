package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/ottla-streams/ottla/internal/e2e/broker"
	"github.com/ottla-streams/ottla/stream"
)

// Two of three brokers are killed and stopped in turn, under load: leaders of
// partitions and coordinators of the group and of transactions move to the
// others (fault 39). The cluster keeps what it acknowledged, so that nothing is
// lost, nor comes twice under exactly once.
func TestSoakCluster(t *testing.T) {
	soak(t)
	settings := []string{
		"default.replication.factor=3", "min.insync.replicas=2", "offsets.topic.replication.factor=3",
		"transaction.state.log.replication.factor=3", "transaction.state.log.min.isr=2", "broker.session.timeout.ms=4000",
	}
	first := broker.StartOwn(t, settings...)
	others := []*broker.Broker{first.Join(2, settings...), first.Join(3, settings...)}
	for _, g := range []stream.Guarantee{stream.AtLeastOnce, stream.ExactlyOnce} {
		t.Run(g.String(), func(t *testing.T) {
			s := names(t, first.Addr(), 6)
			s.In, s.Out, s.Replicas, s.Guarantee = s.In+"-3", s.Out+"-3", 3, g
			admin(t, first.Addr(), func(ctx context.Context, adm *kadm.Client) error {
				_, err := adm.CreateTopics(ctx, 6, 3, nil, s.In, s.Out)
				return err
			})
			l := newLoad(t, first.Addr(), s.In)
			l.run(300)
			all := startTwo(t, s)
			for i, down := range []func(){others[0].Kill, others[1].Stop} {
				time.Sleep(2 * time.Second)
				down()
				time.Sleep(7 * time.Second) // longer than the cluster waits for a broker
				others[i].Restart()
			}
			time.Sleep(2 * time.Second)
			n := l.halt()
			got := collectUntil(t, first.Addr(), s.Out, 90*time.Second, func(c *counted) bool { return len(c.ids) >= n })
			for _, i := range all {
				i.alive()
				i.stop()
			}
			got.check(t, g, n)
		})
	}
}
