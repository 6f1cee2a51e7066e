package ledger

import (
	"testing"
	"time"

	"github.com/ottla-streams/ottla/stream/streamtest"
	"github.com/ottla-streams/ottla/topology"
)

func TestTopology(t *testing.T) {
	top, err := Topology()
	if err != nil {
		t.Fatal(err)
	}
	d := streamtest.New(t, top, streamtest.Partitions(3))
	at := time.UnixMilli(1000)
	d.SendAt(Transfers, "0-1", &Transfer{"a1", "a2", 250}, at)
	d.SendAt(Transfers, "0-2", &Transfer{"a2", "a1", 50}, at)
	d.SendRecord(Transfers, topology.Record[string, *Transfer]{NoKey: true, Value: &Transfer{"a1", "a2", 1}, Time: at})
	d.SendRecord(Transfers, topology.Record[string, *Transfer]{Key: "0-3", NoValue: true, Time: at})
	want := map[string][]Entry{
		"a1": {{Posting{"0-1", -250}, 1, -250}, {Posting{"0-2", 50}, 2, -200}},
		"a2": {{Posting{"0-1", 250}, 1, 250}, {Posting{"0-2", -50}, 2, 200}},
	}
	for _, r := range d.Read(Applied) {
		if len(want[r.Key]) == 0 || want[r.Key][0] != r.Value {
			t.Errorf("%s has %+v, want the first of %+v", r.Key, r.Value, want[r.Key])
			continue
		}
		want[r.Key] = want[r.Key][1:]
	}
	last := make(map[string]int64)
	for _, r := range d.Read(Balances) {
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
