package main

import (
	"strings"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/examples/demo"
	"github.com/ottla-streams/ottla/stream/streamtest"
)

// The topology by itself, without a broker.
func TestOrders(t *testing.T) {
	top, err := complete()
	if err != nil {
		t.Fatal(err)
	}
	d := streamtest.New(t, top, streamtest.Partitions(3))
	at := func(n int64) time.Time { return time.UnixMilli(n) }
	check := func(want ...completed) {
		t.Helper()
		var got []completed
		for _, r := range d.Read(completeds) {
			if r.NoValue {
				t.Errorf("order %s is deleted", r.Key)
			}
			got = append(got, r.Value)
		}
		if len(got) != len(want) {
			t.Fatalf("orders are %+v, want %+v", got, want)
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("order is %+v, want %+v", got[i], want[i])
			}
		}
	}
	d.SendAt(products, "p1", product{"tea", 450}, at(1))
	d.SendAt(orders, "o1", order{"c1", "p1", 2}, at(2))
	check() // the customer is not known yet
	d.SendAt(customers, "c1", customer{"Ada", "London"}, at(3))
	check(completed{"Ada", "London", "tea", 2, 900})
	d.SendAt(products, "p1", product{"tea", 500}, at(4))
	check() // what was completed stays as it was
	d.SendAt(customers, "c1", customer{"Ada", "Paris"}, at(5))
	check(completed{"Ada", "Paris", "tea", 2, 1000})
	d.SendAt(orders, "o2", order{"c1", "p9", 1}, at(6))
	d.SendAt(orders, "o3", order{"", "p1", 1}, at(7))
	check() // no such product, no customer
}

// The whole program, as it runs without brokers.
func TestDemo(t *testing.T) {
	var out strings.Builder
	if err := demo.Run(t.Context(), &out, topics, show); err != nil {
		t.Fatal(err)
	}
	const want = `order o1: 2 of p1 for c1
order o2: 1 of p2 for c2
order o3: 3 of p1 for c2
o1 to Ada in London: 2 tea, 9.00 in all
o2 to Bo in Oslo: 1 honey, 8.00 in all
o3 to Bo in Oslo: 3 tea, 13.50 in all

Bo moves to Bergen:
o2 to Bo in Bergen: 1 honey, 8.00 in all
o3 to Bo in Bergen: 3 tea, 13.50 in all
`
	if out.String() != want {
		t.Errorf("output is\n%s", &out)
	}
}
