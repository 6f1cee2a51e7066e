package main

import (
	"strings"
	"testing"

	"github.com/ottla-streams/ottla/examples/demo"
	"github.com/ottla-streams/ottla/stream/streamtest"
)

func newDriver(t *testing.T) *streamtest.Driver {
	t.Helper()
	top, err := fraud()
	if err != nil {
		t.Fatal(err)
	}
	return streamtest.New(t, top, streamtest.Partitions(2))
}

// check reads the alerts of a customer: their rules.
func check(t *testing.T, d *streamtest.Driver, key, want string) {
	t.Helper()
	var rules []string
	for _, r := range d.Read(alerts) {
		if r.Key != key {
			t.Errorf("alert of %s", r.Key)
		}
		rules = append(rules, r.Value.Rule)
	}
	if got := strings.Join(rules, ", "); got != want {
		t.Errorf("alerts are %q, want %q", got, want)
	}
}

func TestTooMany(t *testing.T) {
	d := newDriver(t)
	for i := range many - 1 {
		d.SendAt(payments, "ann", payment{1, "FI"}, minute(5+i))
	}
	check(t, d, "ann", "")
	d.SendAt(payments, "ann", payment{1, "FI"}, minute(14)) // in the window from 09:05, not in that from 09:00
	check(t, d, "ann", "too many")
	d.SendAt(payments, "ann", payment{1, "FI"}, minute(14))
	check(t, d, "ann", "") // once in a window
}

func TestTooHigh(t *testing.T) {
	d := newDriver(t)
	d.SendAt(payments, "bob", payment{501, "DE"}, minute(1)) // not a customer yet
	d.SendAt(customers, "bob", customer{500}, minute(2))
	d.SendAt(payments, "bob", payment{500, "DE"}, minute(3))
	check(t, d, "bob", "")
	d.SendAt(payments, "bob", payment{501, "DE"}, minute(4))
	check(t, d, "bob", "too high")
}

func TestElsewhere(t *testing.T) {
	d := newDriver(t)
	d.SendAt(payments, "eve", payment{1, "BR"}, minute(1)) // before the login
	d.SendAt(logins, "eve", login{"IN"}, minute(2))
	d.SendAt(payments, "eve", payment{1, "IN"}, minute(20))
	check(t, d, "eve", "")
	d.SendAt(payments, "eve", payment{1, "BR"}, minute(32))
	check(t, d, "eve", "elsewhere")
	d.SendAt(payments, "eve", payment{1, "BR"}, minute(33)) // half an hour has passed
	check(t, d, "eve", "")
}

// The whole program, as it runs without brokers.
func TestDemo(t *testing.T) {
	var out strings.Builder
	if err := demo.Run(t.Context(), &out, topics, show); err != nil {
		t.Fatal(err)
	}
	const want = `09:08 bob too high: paid 501 with a limit of 500
09:11 ann too many: 4 payments from 09:05 to 09:15
09:12 eve elsewhere: paid from BR after a login from IN
`
	if out.String() != want {
		t.Errorf("output is\n%s", &out)
	}
}
