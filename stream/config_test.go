package stream

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/topology"
)

func TestConfigDefaults(t *testing.T) {
	given := Config{ID: "app"}
	c := given.withDefaults()
	if err := c.validate(); err != nil {
		t.Fatal(err)
	}
	if given.Workers != 0 || given.Brokers != nil {
		t.Error("withDefaults changed its receiver")
	}
	if c.CommitInterval != time.Second || c.Workers < 1 || c.Reset != topology.Earliest || c.CacheBytes != 10<<20 || c.Brokers[0] != "localhost:9092" {
		t.Errorf("defaults %+v", c)
	}
	if eos := (Config{ID: "app", Guarantee: ExactlyOnce}).withDefaults(); eos.CommitInterval != 100*time.Millisecond {
		t.Errorf("commit interval %s exactly once", eos.CommitInterval)
	}
	if none := (Config{ID: "app", CacheBytes: -1, MissingTopicsGrace: -1}).withDefaults(); none.CacheBytes != 0 || none.MissingTopicsGrace != 0 {
		t.Errorf("negative values: %d, %s", none.CacheBytes, none.MissingTopicsGrace)
	}
	if cache, err := os.UserCacheDir(); err == nil && c.StateDir != filepath.Join(cache, "ottla") {
		t.Errorf("state dir %s", c.StateDir)
	}
}

func TestConfigProblems(t *testing.T) {
	for _, c := range []struct {
		config Config
		want   []string // of each problem
	}{
		{Config{}, []string{"ID"}},
		{Config{ID: "a/b"}, []string{"ID"}},
		{Config{ID: ".."}, []string{"ID"}},
		{Config{ID: strings.Repeat("a", 250)}, []string{"ID"}},
		{Config{ID: "a", Workers: -1, Brokers: []string{""}}, []string{"Workers", "Brokers"}},
		{Config{ID: "a", Guarantee: 7}, []string{"Guarantee"}},
		{Config{ID: "a", Guarantee: ExactlyOnce, CommitInterval: time.Minute}, []string{"TransactionTimeout"}},
		{Config{ID: "a", CommitInterval: -1, SessionTimeout: time.Microsecond}, []string{"CommitInterval", "SessionTimeout"}},
		{Config{ID: "a", DeadLetterTopic: "a b"}, []string{"DeadLetterTopic"}},
		{Config{ID: "a", ReplicationFactor: -2, LayerBytes: -1, MaxBuffered: -1}, []string{"ReplicationFactor", "LayerBytes", "MaxBuffered"}},
	} {
		err := c.config.withDefaults().validate()
		if err == nil {
			t.Errorf("%+v is in order", c.config)
			continue
		}
		if n := len(strings.Split(err.Error(), "\n")); n != len(c.want) {
			t.Errorf("%d problems, want %v: %v", n, c.want, err)
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("no word of %s: %v", want, err)
			}
		}
	}
}

func TestNewAppRefuses(t *testing.T) {
	if _, err := NewApp(nil, Config{ID: "a"}); err == nil {
		t.Error("an app without topology")
	}
	if _, err := NewApp(nil, Config{}); err == nil || !strings.Contains(err.Error(), "ID") {
		t.Errorf("an app without id: %v", err)
	}
}

func TestStatesGoForward(t *testing.T) {
	var told []string
	s := newStates(2, func(from, to State) { told = append(told, from.String()+" to "+to.String()) })
	for _, step := range []func(){
		func() { s.set(Rebalancing) },
		func() { s.worker(1, 2) }, // running
		func() { s.worker(2, 2) },
		func() { s.worker(1, 1) }, // rebalancing
		func() { s.worker(1, 2) },
		func() { s.set(PendingShutdown) },
		func() { s.worker(1, 1) },
		func() { s.set(Running) },
		func() { s.set(NotRunning) },
	} {
		step()
	}
	want := "created to rebalancing, rebalancing to running, running to rebalancing, rebalancing to running, running to pending shutdown, pending shutdown to not running"
	if got := strings.Join(told, ", "); got != want {
		t.Errorf("told %s", got)
	}
}
