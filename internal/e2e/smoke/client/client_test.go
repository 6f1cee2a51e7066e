package client

import (
	"testing"
	"time"

	"github.com/ottla-streams/ottla/stream"
)

func TestSettings(t *testing.T) {
	env := map[string]string{
		"SMOKE_BOOTSTRAP": "a:1,b:2", "SMOKE_APPLICATION_ID": "SmokeTest", "SMOKE_GUARANTEE": "exactly_once_v2",
		"SMOKE_STATE_DIR": "/state", "SMOKE_THREADS": "3", "SMOKE_STANDBYS": "2",
	}
	get := func(name string) string { return env[name] }
	c, err := settings(nil, get)
	if err != nil || len(c.Brokers) != 2 || c.ID != "SmokeTest" || c.Guarantee != stream.ExactlyOnce ||
		c.StateDir != "/state" || c.Workers != 3 || c.Standbys != 2 {
		t.Errorf("environment: %+v, %v", c, err)
	}
	if c.CommitInterval != time.Second || c.SessionTimeout != 10*time.Second || c.TransactionTimeout != 10*time.Second {
		t.Errorf("times are %s, %s, %s", c.CommitInterval, c.SessionTimeout, c.TransactionTimeout)
	}
	c, err = settings([]string{
		"--bootstrap", "c:3", "--app", "other", "--guarantee", "at_least_once", "--state", "/else", "--threads", "1", "--standbys", "0",
	}, get)
	if err != nil || len(c.Brokers) != 1 || c.ID != "other" || c.Guarantee != stream.AtLeastOnce ||
		c.StateDir != "/else" || c.Workers != 1 || c.Standbys != 0 {
		t.Errorf("flags: %+v, %v", c, err)
	}
}

func TestMalformedSettings(t *testing.T) {
	for _, args := range [][]string{{"--guarantee", "always"}, {"--threads", "two"}, {"more"}} {
		if _, err := settings(args, func(string) string { return "" }); err == nil {
			t.Errorf("%q passes", args)
		}
	}
	for _, name := range []string{"SMOKE_THREADS", "SMOKE_STANDBYS"} {
		if _, err := settings(nil, func(n string) string { return map[string]string{name: "two"}[n] }); err == nil {
			t.Errorf("%s=two passes", name)
		}
	}
}
