package e2e

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/e2e/broker"
	"github.com/ottla-streams/ottla/stream"
)

const aheadLimit = "message.timestamp.after.max.ms"

// anyTime is the setting of a topic that takes records of any time.
var anyTime = map[string]*string{aheadLimit: kadm.StringPtr(fmt.Sprint(int64(math.MaxInt64)))}

// aheadTopics are the topics of an app whose input, or all of which, take
// records that are ahead of the brokers' clock.
func aheadTopics(t *testing.T, addr string, all bool) spec {
	s := names(t, addr, 1)
	s.StateDir = t.TempDir()
	topics := []*string{&s.In, &s.Out}
	if !all {
		topics = topics[:1]
	}
	for _, name := range topics {
		*name += "-ahead"
		admin(t, addr, func(ctx context.Context, adm *kadm.Client) error {
			_, err := adm.CreateTopic(ctx, 1, 1, anyTime, *name)
			return err
		})
	}
	return s
}

// Times far ahead go through repartition topics and changelogs, which brokers
// would refuse by their defaults (fault 35).
func TestAhead(t *testing.T) {
	addr := broker.Start(t)
	for _, g := range []stream.Guarantee{stream.AtLeastOnce, stream.ExactlyOnce} {
		t.Run(g.String(), func(t *testing.T) {
			t.Parallel()
			s := aheadTopics(t, addr, true)
			s.Guarantee, s.OnError, s.Dead = g, "dead", s.In+"-dead"
			createTopic(t, addr, s.Dead, 1) // which does not take them
			ahead := time.Now().AddDate(1, 0, 0).UnixMilli()
			var records []*kgo.Record
			for i := range 40 {
				records = append(records, at(ahead+int64(i), fmt.Sprintf("a%d %d", i%accounts, i)))
			}
			put(t, addr, s.In, append(records, at(ahead, "panic"))...)
			stop := run(t, s)
			s.until(t, 40).check(t, g, 40)
			stop()
			s.Out = s.Dead
			if got := s.values(t, 1); got[0] != "panic" {
				t.Errorf("dead letter is %q", got)
			}
		})
	}
}

// A changelog that others made does not take what is far ahead: the error says
// which topic and setting it is about, and nothing is lost when that is mended
// (fault 35).
func TestAheadOfChangelog(t *testing.T) {
	s := aheadTopics(t, broker.Start(t), true)
	s.Guarantee = stream.ExactlyOnce
	changelog := s.App + "-counts-changelog"
	admin(t, s.Brokers, func(ctx context.Context, adm *kadm.Client) error {
		_, err := adm.CreateTopic(ctx, 1, 1, map[string]*string{"cleanup.policy": kadm.StringPtr("compact")}, changelog)
		return err
	})
	put(t, s.Brokers, s.In, at(time.Now().AddDate(0, 0, 2).UnixMilli(), "a0 0"))
	app := newApp(t, s, nil)
	if err := app.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "topic "+changelog) || !strings.Contains(err.Error(), aheadLimit) {
		t.Errorf("ended with %v", err)
	}
	admin(t, s.Brokers, func(ctx context.Context, adm *kadm.Client) error {
		_, err := adm.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: aheadLimit, Value: anyTime[aheadLimit]}}, changelog)
		return err
	})
	time.Sleep(time.Second) // the setting is known a little later
	stop := run(t, s)
	s.until(t, 1).check(t, s.Guarantee, 1)
	stop()
}

// An output that is refused for its time is the policy's matter, and takes no
// other record with it: not those that were in a batch with it (fault 35).
func TestRefusedTime(t *testing.T) {
	addr := broker.Start(t)
	for _, g := range []stream.Guarantee{stream.AtLeastOnce, stream.ExactlyOnce} {
		for _, policy := range []string{"fail", "dead"} {
			t.Run(g.String()+"/"+policy, func(t *testing.T) {
				t.Parallel()
				s := aheadTopics(t, addr, false)
				s.Guarantee, s.Dead = g, s.In+"-dead"
				createTopic(t, addr, s.Dead, 1)
				refusedTime(t, s, policy)
			})
		}
	}
}

func refusedTime(t *testing.T, s spec, policy string) {
	now, ahead := time.Now().UnixMilli(), time.Now().AddDate(0, 0, 2).UnixMilli()
	var records []*kgo.Record
	var want []string
	for i := range 60 {
		if r := at(now+int64(i), fmt.Sprint(i)); i%20 == 7 {
			records = append(records, at(ahead, fmt.Sprint(i)))
		} else {
			records, want = append(records, r), append(want, fmt.Sprint(i))
		}
	}
	put(t, s.Brokers, s.In, records...)
	app := newApp(t, s, func(b *stream.Builder) { b.Stream(in(s.In)).To(in(s.Out)) }, func(c *stream.Config) {
		if policy == "dead" {
			c.OnError.Produce = stream.DeadLetterOnError
		}
	})
	ended := goRun(t, app)
	if policy == "fail" {
		err := <-ended
		for _, part := range []string{"topic " + s.Out, aheadLimit, "offset 7:"} {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("ended with %v, want %s in it", err, part)
			}
		}
		return
	}
	got := slices.Sorted(slices.Values(s.values(t, len(want))))
	if s.Guarantee == stream.AtLeastOnce { // some come again
		got = slices.Compact(got)
		for n := len(want) + 1; len(got) < len(want); n++ {
			got = slices.Compact(slices.Sorted(slices.Values(s.values(t, n))))
		}
	}
	if slices.Sort(want); !slices.Equal(got, want) {
		t.Errorf("output is %q, want %q", got, want)
	}
	s.Out = s.Dead
	if got := s.values(t, 3); fmt.Sprint(got) != "[7 27 47]" {
		t.Errorf("dead letters are %q", got)
	}
}

// Records of 60 days ago go through repartition topic and changelog of a broker
// that deletes what is older than an hour, and the changelog has all that the
// state needs to be restored (fault 34).
func TestOldRecords(t *testing.T) {
	b := broker.StartOwn(t, "log.retention.ms=3600000", "log.retention.check.interval.ms=500", "log.initial.task.delay.ms=500")
	s := names(t, b.Addr(), 1)
	s.Guarantee, s.StateDir = stream.ExactlyOnce, t.TempDir()
	kept := map[string]*string{"retention.ms": kadm.StringPtr("-1")}
	admin(t, b.Addr(), func(ctx context.Context, adm *kadm.Client) error {
		s.In, s.Out = s.In+"-old", s.Out+"-old"
		_, err := adm.CreateTopics(ctx, 1, 1, kept, s.In, s.Out)
		if err == nil {
			_, err = adm.CreateTopic(ctx, 1, 1, nil, s.In+"-short")
		}
		return err
	})
	old := time.Now().AddDate(0, 0, -60).UnixMilli()
	send := func(from int) {
		var records []*kgo.Record
		for i := from; i < from+100; i++ {
			records = append(records, at(old+int64(i), fmt.Sprintf("a%d %d", i%accounts, i)))
		}
		put(t, b.Addr(), s.In, records...)
	}
	put(t, b.Addr(), s.In+"-short", at(old, "gone soon"))
	send(0)
	i := start(t, s)
	s.until(t, 100)
	eventually(t, "the broker deletes old records", 60*time.Second, func() bool { return begins(t, b.Addr(), s.In+"-short") == 1 })
	time.Sleep(2 * time.Second) // and all that it would
	if at := begins(t, b.Addr(), s.App+"-counts-changelog"); at != 0 {
		t.Errorf("the changelog begins at %d", at)
	}
	i.kill()
	s.StateDir = t.TempDir()
	send(100)
	i = start(t, s)
	s.until(t, 200).check(t, s.Guarantee, 200)
	if i.restored() == 0 {
		t.Error("nothing was restored")
	}
	i.stop()
}

// begins returns the first offset of a topic's only partition.
func begins(t *testing.T, addr, topic string) (at int64) {
	admin(t, addr, func(ctx context.Context, adm *kadm.Client) error {
		starts, err := adm.ListStartOffsets(ctx, topic)
		o, _ := starts.Lookup(topic, 0)
		at = o.Offset
		return err
	})
	return at
}
