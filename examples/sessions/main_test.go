package main

import (
	"strings"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/examples/demo"
	"github.com/ottla-streams/ottla/stream/streamtest"
	"github.com/ottla-streams/ottla/window"
)

// The topology by itself, without a broker.
func TestSessions(t *testing.T) {
	top, err := sessions()
	if err != nil {
		t.Fatal(err)
	}
	d := streamtest.New(t, top)
	nine := clock("09:00")
	minute := func(n int) time.Time { return nine.Add(time.Duration(n) * time.Minute) }
	d.SendAt(clicks, "ann", click{"/"}, minute(0))
	d.SendAt(clicks, "ann", click{"/ordered"}, minute(31)) // a visit of its own, until a late click comes
	d.SendAt(clicks, "ann", click{"/books"}, minute(15))
	d.SendAt(clicks, "bob", click{"/"}, minute(40))
	if got := d.Read(visits); len(got) > 0 {
		t.Errorf("visits before they are over: %+v", got)
	}
	// A visit is over when the gap and the time for late clicks have passed.
	d.SendAt(clicks, "eve", click{"/"}, minute(31+30+5).Add(-time.Millisecond))
	if got := d.Read(visits); len(got) > 0 {
		t.Errorf("visits too early: %+v", got)
	}
	d.SendAt(clicks, "eve", click{"/"}, minute(31+30+5))
	got := d.Read(visits)
	if len(got) != 1 || got[0].Value != (visit{3, 1}) ||
		got[0].Key != (window.Key[string]{Key: "ann", Start: minute(0).UnixMilli(), End: minute(31).UnixMilli()}) {
		t.Errorf("visits are %+v", got)
	}
	before := d.Dropped()
	d.SendAt(clicks, "ann", click{"/"}, minute(1))
	if d.Dropped() != before+1 || len(d.Read(visits)) > 0 {
		t.Error("a click of a visit that is over was taken")
	}
}

// The whole program, as it runs without brokers.
func TestDemo(t *testing.T) {
	var out strings.Builder
	if err := demo.Run(t.Context(), &out, topics, show); err != nil {
		t.Fatal(err)
	}
	const want = `
visits:
bob from 09:05 to 09:05: clicks 1, orders 0
ann from 09:00 to 09:45: clicks 3, orders 1
bob from 10:10 to 10:40: clicks 2, orders 1
`
	if !strings.HasSuffix(out.String(), want) {
		t.Errorf("output is\n%s", &out)
	}
}
