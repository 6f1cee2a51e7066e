package main

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/stream/streamtest"
	"github.com/ottla-streams/ottla/topology"
)

// start is the beginning of a window of two days.
var start = time.UnixMilli(2 * day.Milliseconds() * 10_000)

// The values 10 to 19 and 5 to 14 of two keys, a second apart, and what moves time.
func TestSmoke(t *testing.T) {
	top, err := smoke()
	if err != nil {
		t.Fatal(err)
	}
	d := streamtest.New(t, top)
	for i := range int32(10) {
		at := start.Add(time.Duration(i) * time.Second)
		d.SendAt(data, "10-19", 10+i, at)
		d.SendAt(data, "5-14", 5+i, at)
	}
	d.SendAt(data, "flush", 0, start.Add(2*day))

	if n := len(d.Read(echo)); n != 20 {
		t.Errorf("echo has %d records, want 20", n)
	}
	check(t, d, minimum, map[string]int32{"10-19": 10, "5-14": 5})
	check(t, d, maximum, map[string]int32{"10-19": 19, "5-14": 14})
	check(t, d, dif, map[string]int32{"10-19": 9, "5-14": 9})
	check(t, d, sum, map[string]int64{"10-19": 145, "5-14": 95})
	check(t, d, cnt, map[string]int64{"10-19": 10, "5-14": 10})
	check(t, d, avg, map[string]float64{"10-19": 14.5, "5-14": 9.5})
	groups := map[string]int64{"10": 2}
	for i := range 9 {
		groups[fmt.Sprint(i+1)] = 0
	}
	check(t, d, tagg, groups)
	days := func(key string) string {
		return fmt.Sprintf("[%s@%d/%d]", key, start.UnixMilli(), start.Add(day).UnixMilli())
	}
	lowest := map[string]int32{days("10-19"): 10, days("5-14"): 5}
	check(t, d, minRaw, lowest)
	checkOnce(t, d, minSuppressed, lowest)

	sums := make(map[string]int32)
	for key, from := range map[string]int32{"10-19": 10, "5-14": 5} {
		for i := int32(-1); i < 10; i++ { // the first and the last window hold one value, the others two
			begin := start.Add(time.Duration(i) * time.Second).UnixMilli()
			name := fmt.Sprintf("[%s@%d/%d]", key, begin, begin+2000)
			switch i {
			case -1:
				sums[name] = from
			case 9:
				sums[name] = from + 9
			default:
				sums[name] = 2*(from+i) + 1
			}
		}
	}
	check(t, d, swsRaw, sums)
	checkOnce(t, d, swsSuppressed, sums)
}

// check compares the last value of each key.
func check[V comparable](t *testing.T, d *streamtest.Driver, topic topology.Topic[string, V], want map[string]V) {
	t.Helper()
	got := make(map[string]V)
	for _, r := range d.Read(topic) {
		got[r.Key] = r.Value
	}
	if !maps.Equal(got, want) {
		t.Errorf("topic %s has %v, want %v", topic.Name(), got, want)
	}
}

// checkOnce is check of a topic with one record per key.
func checkOnce[V comparable](t *testing.T, d *streamtest.Driver, topic topology.Topic[string, V], want map[string]V) {
	t.Helper()
	got := make(map[string]V)
	for _, r := range d.Read(topic) {
		if _, twice := got[r.Key]; twice {
			t.Errorf("topic %s has %s twice", topic.Name(), r.Key)
		}
		got[r.Key] = r.Value
	}
	if !maps.Equal(got, want) {
		t.Errorf("topic %s has %v, want %v", topic.Name(), got, want)
	}
}
