package global

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/runtime/task"
)

// What is loaded is followed, and found again: after a clean end nothing is read
// twice, after a crash only what came behind the last flush.
func TestFollow(t *testing.T) {
	for _, memory := range []int{1 << 20, 0, 200} {
		t.Run(fmt.Sprint(memory, " bytes of memory"), func(t *testing.T) {
			r := setup(t, 3)
			r.c.MemoryBytes = memory
			for p := range int32(3) {
				r.produce("facts", p, 1, "a", "b", "a", "c")
			}
			stop := r.start()
			if n := r.records(); n != 12 {
				t.Errorf("loaded %d records", n)
			}
			r.await("a", 6)
			r.produce("facts", 1, 1, "a", "d")
			r.await("d", 1)
			r.await("a", 7)
			if ps := r.g.Positions(); len(ps) != 3 || ps[1].Offset != 6 || ps[1].Lag() != 0 || ps[1].Store != "counts" {
				t.Errorf("positions %+v", ps)
			}
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			r.produce("facts", 2, 1, "e")
			stop = r.start()
			if n := r.records(); n != 1 || r.count("a") != 7 || r.count("e") != 1 {
				t.Errorf("after a clean end: %d records, a %d, e %d", n, r.count("a"), r.count("e"))
			}
			if err := stop(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// A topic that grows is followed into its new partitions.
func TestMorePartitions(t *testing.T) {
	r := setup(t, 1)
	r.produce("facts", 0, 1, "a")
	stop := r.start()
	if _, err := kadm.NewClient(r.cl).CreatePartitions(t.Context(), 2, "facts"); err != nil {
		t.Fatal(err)
	}
	r.cl.ForceMetadataRefresh()
	time.Sleep(300 * time.Millisecond)
	r.produce("facts", 2, 1, "a", "a")
	r.await("a", 3)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	stop = r.start()
	if n := r.records(); n != 0 || len(r.g.Positions()) != 3 {
		t.Errorf("restored %d records of %d partitions", n, len(r.g.Positions()))
	}
	stop()
}

// Errors follow the policy: a record is left out, goes to the dead letters, or
// ends it all.
func TestErrors(t *testing.T) {
	r := setup(t, 1)
	r.produce("facts", 0, 1, "a")
	r.produce("facts", 0, -1, "a")
	r.produce("facts", 0, 1, "a")
	var judged []string
	verdict := task.Skip
	r.c.OnError = func(f *task.Failure) task.Verdict {
		judged = append(judged, f.Error())
		return verdict
	}
	stop := r.start()
	r.await("a", 2)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if len(judged) != 1 || !strings.Contains(judged[0], "task global: topic facts partition 0 offset 1") {
		t.Errorf("judged %q", judged)
	}

	verdict, r.c.DeadLetter = task.DeadLetter, "dead"
	r.produce("facts", 0, -1, "b")
	if err := r.cl.ProduceSync(t.Context(), &kgo.Record{Topic: "facts", Key: []byte("c"), Value: []byte("short")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	stop = r.start()
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	ends, err := kadm.NewClient(r.cl).ListEndOffsets(t.Context(), "dead")
	if err != nil {
		t.Fatal(err)
	}
	if e, _ := ends.Lookup("dead", 0); e.Offset != 2 {
		t.Errorf("%d dead letters", e.Offset)
	}

	verdict = task.Fail
	stop = r.start()
	r.produce("facts", 0, -1, "a")
	if err := <-r.ended; err == nil || errors.Is(err, ErrAgain) || !strings.Contains(err.Error(), "negative") {
		t.Errorf("ended with %v", err)
	}
	r.ended <- nil
	stop()
	if err := r.load(); err == nil || !strings.Contains(err.Error(), "negative") {
		t.Errorf("load ended with %v", err)
	}
}

// State that does not fit is built anew, and says so.
func TestRebuild(t *testing.T) {
	for _, c := range []struct {
		name    string
		between func(r *rig)
		want    int64
		says    string
	}{
		{"damaged", func(r *rig) {
			if err := os.WriteFile(filepath.Join(r.c.Dir, "CURRENT"), []byte("nonsense"), 0o600); err != nil {
				r.Fatal(err)
			}
			files, _ := filepath.Glob(filepath.Join(r.c.Dir, "marker.*"))
			for _, f := range files {
				os.Remove(f)
			}
		}, 3, "damaged"},
		{"another topic", func(r *rig) {
			r.produce("others", 0, 1, "a")
			r.c.Topology = graphOf(r.T, "others")
		}, 1, "another topic"},
		{"the topic is new", func(r *rig) {
			adm := kadm.NewClient(r.cl)
			if _, err := adm.DeleteTopics(r.Context(), "facts"); err != nil {
				r.Fatal(err)
			}
			if _, err := adm.CreateTopic(r.Context(), 1, 1, nil, "facts"); err != nil {
				r.Fatal(err)
			}
		}, 0, "built anew"},
		{"out of range", func(r *rig) {
			r.produce("facts", 0, 1, "a", "a", "a")
			var to kadm.Offsets
			to.Add(kadm.Offset{Topic: "facts", At: 4})
			if _, err := kadm.NewClient(r.cl).DeleteRecords(r.Context(), to); err != nil {
				r.Fatal(err)
			}
		}, 2, "begins at offset 4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := setup(t, 1)
			r.produce("facts", 0, 1, "a", "a", "a")
			stop := r.start()
			r.await("a", 3)
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			c.between(r)
			stop = r.start()
			if n := r.count("a"); n != c.want || !r.logged(c.says) {
				t.Errorf("count %d, want %d; logged %t", n, c.want, r.logged(c.says))
			}
			if err := stop(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// A topic that is made anew while it is followed asks for another load.
func TestTopicMadeAnew(t *testing.T) {
	r := setup(t, 1)
	r.produce("facts", 0, 1, "a", "a")
	r.start()
	adm := kadm.NewClient(r.cl)
	if _, err := adm.DeleteTopics(t.Context(), "facts"); err != nil {
		t.Fatal(err)
	}
	if _, err := adm.CreateTopic(t.Context(), 1, 1, nil, "facts"); err != nil {
		t.Fatal(err)
	}
	err := <-r.ended
	r.ended <- nil
	if _, missing := errors.AsType[*graph.MissingTopicsError](err); missing {
		return // it was looked at in between
	}
	if !errors.Is(err, ErrAgain) {
		t.Fatalf("ended with %v", err)
	}
	if err := r.g.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := r.count("a"); n != 0 {
		t.Errorf("count %d of the topic before", n)
	}
}

// A topic may be missing for the grace, at the load and later: what one broker
// does not know the next may.
func TestMissingWithinGrace(t *testing.T) {
	r := setup(t, 1)
	r.c.MissingGrace = 10 * time.Second
	unknown := kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Topic: "facts", Err: kerr.UnknownTopicOrPartition, Count: 2}
	load := r.cluster.Fault(unknown)
	stop := r.start()
	run := r.cluster.Fault(unknown)
	if err := run.Wait(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	r.produce("facts", 0, 1, "a")
	r.await("a", 1)
	if load.Hits() == 0 {
		t.Error("the load met no error")
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// A topic that is missing for longer is an error for good.
func TestMissingForLonger(t *testing.T) {
	r := setup(t, 1)
	r.c.MissingGrace = 300 * time.Millisecond
	stop := r.start()
	r.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Topic: "facts", Err: kerr.UnknownTopicOrPartition, Count: -1})
	began := time.Now()
	err := <-r.ended
	if _, ok := errors.AsType[*graph.MissingTopicsError](err); !ok || errors.Is(err, ErrAgain) || time.Since(began) < r.c.MissingGrace {
		t.Errorf("ended after %v with %v", time.Since(began), err)
	}
	r.ended <- nil
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestMissingTopic(t *testing.T) {
	r := setup(t, 1)
	r.c.Topology = graphOf(t, "nowhere")
	err := r.load()
	if _, ok := errors.AsType[*graph.MissingTopicsError](err); !ok || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("got %v", err)
	}
	if err := r.g.Close(); err != nil {
		t.Error(err)
	}
}
