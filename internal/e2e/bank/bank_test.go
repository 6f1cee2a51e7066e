package main

import (
	"testing"
	"time"
)

func TestConfig(t *testing.T) {
	env := map[string]string{
		"CHAOS_APPLICATION_ID": "bank", "CHAOS_BOOTSTRAP": "a:1,b:2", "CHAOS_GUARANTEE": "exactly_once_v2",
		"CHAOS_THREADS": "2", "CHAOS_STANDBYS": "1", "CHAOS_COMMIT_INTERVAL_MS": "100",
	}
	c, err := config(func(name string) string { return env[name] })
	if err != nil || len(c.Brokers) != 2 || c.Workers != 2 || c.Standbys != 1 || c.CommitInterval != 100*time.Millisecond {
		t.Errorf("config is %+v, %v", c, err)
	}
	env["CHAOS_THREADS"], env["CHAOS_GUARANTEE"] = "two", "always"
	if _, err := config(func(name string) string { return env[name] }); err == nil {
		t.Error("malformed settings pass")
	}
}
