package main

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/examples/demo"
	"github.com/ottla-streams/ottla/stream/streamtest"
	"github.com/ottla-streams/ottla/topology"
)

// The topology by itself, without a broker.
func TestLedger(t *testing.T) {
	top, err := ledger()
	if err != nil {
		t.Fatal(err)
	}
	d := streamtest.New(t, top, streamtest.Partitions(3))
	at := time.UnixMilli(1000)
	d.SendAt(commands, "ada", command{"deposit", 500}, at)
	d.SendAt(commands, "ada", command{"deposit", 200}, at)
	d.SendAt(commands, "bob", command{"withdraw", 1}, at)
	d.SendAt(commands, "ada", command{"withdraw", 300}, at)
	d.SendRecord(commands, topology.Record[string, command]{Key: "ada", NoValue: true, Time: at})
	d.SendRecord(commands, topology.Record[string, command]{NoKey: true, Value: command{"deposit", 1}, Time: at})

	happened := d.Read(events)
	if len(happened) != 3 {
		t.Errorf("events are %+v", happened)
	}
	if got := d.Read(rejections); len(got) != 1 || got[0].Key != "bob" || got[0].Value.Reason != "insufficient funds" {
		t.Errorf("rejections are %+v", got)
	}
	checkBalances(t, d.Read(balances), 500, 700, 400)

	// The events alone make the same balances.
	if top, err = replay(); err != nil {
		t.Fatal(err)
	}
	d = streamtest.New(t, top)
	for _, r := range happened {
		d.SendRecord(events, r)
	}
	checkBalances(t, d.Read(balances), 500, 700, 400)
}

func checkBalances(t *testing.T, got []topology.Record[string, int64], want ...int64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("balances are %+v, want %v", got, want)
	}
	for i, r := range got {
		if r.Key != "ada" || r.Value != want[i] {
			t.Errorf("balance %d is %d of %s, want %d", i, r.Value, r.Key, want[i])
		}
	}
}

func TestDecide(t *testing.T) {
	tests := []struct {
		balance int64
		command command
		change  int64
		reason  string
	}{
		{0, command{"deposit", 5}, 5, ""},
		{5, command{"withdraw", 5}, -5, ""},
		{5, command{"withdraw", 6}, 0, "insufficient funds"},
		{5, command{"deposit", 0}, 0, "the amount is not above 0"},
		{5, command{"withdraw", -1}, 0, "the amount is not above 0"},
		{5, command{"deposit", math.MaxInt64 - 5}, math.MaxInt64 - 5, ""},
		{5, command{"deposit", math.MaxInt64 - 4}, 0, "the account can't hold that much"},
		{5, command{"borrow", 1}, 0, "the command is unknown"},
	}
	for _, tt := range tests {
		if e, reason := decide(tt.balance, tt.command); e.Change != tt.change || reason != tt.reason {
			t.Errorf("%d, %+v: %+v, %q", tt.balance, tt.command, e, reason)
		}
	}
}

// The whole program, as it runs without brokers.
func TestDemo(t *testing.T) {
	var out strings.Builder
	if err := demo.Run(t.Context(), &out, topics, show); err != nil {
		t.Fatal(err)
	}
	const want = `command    deposit 500
command    deposit 200
command    withdraw 900
command    withdraw 300
event      +500
event      +200
event      -300
rejected   withdraw 900: insufficient funds
balance    ada has 500
balance    ada has 700
balance    ada has 400

the state folder is wiped, and the events are replayed:
balance    ada has 500
balance    ada has 700
balance    ada has 400

the ledger starts again, and still knows what the account holds:
command    withdraw 500
rejected   withdraw 500: insufficient funds
`
	if out.String() != want {
		t.Errorf("output is\n%s", &out)
	}
}
