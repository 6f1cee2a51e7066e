package main

import (
	"testing"
	"time"

	"github.com/ottla-streams/ottla/stream/streamtest"
	"github.com/ottla-streams/ottla/topology"
)

func TestBank(t *testing.T) {
	top, err := bank()
	if err != nil {
		t.Fatal(err)
	}
	d := streamtest.New(t, top, streamtest.Partitions(3))
	at := time.UnixMilli(1000)
	d.SendAt(transfers, "0-1", &transfer{"a1", "a2", 250}, at)
	d.SendAt(transfers, "0-2", &transfer{"a2", "a1", 50}, at)
	d.SendRecord(transfers, topology.Record[string, *transfer]{NoKey: true, Value: &transfer{"a1", "a2", 1}, Time: at})
	d.SendRecord(transfers, topology.Record[string, *transfer]{Key: "0-3", NoValue: true, Time: at})
	want := map[string][]entry{
		"a1": {{posting{"0-1", -250}, 1, -250}, {posting{"0-2", 50}, 2, -200}},
		"a2": {{posting{"0-1", 250}, 1, 250}, {posting{"0-2", -50}, 2, 200}},
	}
	for _, r := range d.Read(applied) {
		if len(want[r.Key]) == 0 || want[r.Key][0] != r.Value {
			t.Errorf("%s has %+v, want the first of %+v", r.Key, r.Value, want[r.Key])
			continue
		}
		want[r.Key] = want[r.Key][1:]
	}
	last := make(map[string]int64)
	for _, r := range d.Read(balances) {
		last[r.Key] = r.Value
	}
	if len(want["a1"])+len(want["a2"]) > 0 || last["a1"] != -200 || last["a2"] != 200 {
		t.Errorf("missing %+v, balances %v", want, last)
	}
}

func TestMalformedTransfers(t *testing.T) {
	for _, bad := range []string{"", "a,b", "a,b,1,2", "a,b,x", "a,b,0", "a,b,-1", "a,b,9223372036854775808", "a\xff,b,1"} {
		if _, err := (transferSerde{}).Decode([]byte(bad)); err == nil {
			t.Errorf("%q decodes", bad)
		}
	}
}

func TestConfig(t *testing.T) {
	env := map[string]string{
		"CHAOS_APPLICATION_ID": "bank", "CHAOS_BOOTSTRAP": "a:1,b:2", "CHAOS_GUARANTEE": "exactly_once_v2",
		"CHAOS_THREADS": "2", "CHAOS_COMMIT_INTERVAL_MS": "100",
	}
	c, err := config(func(name string) string { return env[name] })
	if err != nil || len(c.Brokers) != 2 || c.Workers != 2 || c.CommitInterval != 100*time.Millisecond {
		t.Errorf("config is %+v, %v", c, err)
	}
	env["CHAOS_THREADS"], env["CHAOS_GUARANTEE"] = "two", "always"
	if _, err := config(func(name string) string { return env[name] }); err == nil {
		t.Error("malformed settings pass")
	}
}
