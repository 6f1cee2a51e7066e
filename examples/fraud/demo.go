package main

import (
	"time"

	"github.com/ottla-streams/ottla/examples/demo"
)

// minute returns a time of the sample's morning.
func minute(n int) time.Time {
	return time.Date(2026, time.November, 2, 9, n, 0, 0, time.UTC)
}

// The sample: ann pays often, bob much, and eve from far away.
var (
	sampleCustomers = []demo.Record[string, customer]{
		{Key: "ann", Value: customer{1000}, At: minute(0)},
		{Key: "bob", Value: customer{500}, At: minute(0)},
		{Key: "eve", Value: customer{500}, At: minute(0)},
	}
	sampleLogins = []demo.Record[string, login]{
		{Key: "ann", Value: login{"FI"}, At: minute(1)},
		{Key: "eve", Value: login{"IN"}, At: minute(2)},
	}
	samplePayments = []demo.Record[string, payment]{
		{Key: "ann", Value: payment{10, "FI"}, At: minute(6)},
		{Key: "ann", Value: payment{10, "FI"}, At: minute(7)},
		{Key: "bob", Value: payment{501, "DE"}, At: minute(8)},
		{Key: "ann", Value: payment{10, "FI"}, At: minute(9)},
		{Key: "ann", Value: payment{10, "FI"}, At: minute(11)}, // the fourth from 09:05 on
		{Key: "eve", Value: payment{20, "BR"}, At: minute(12)},
		{Key: "eve", Value: payment{20, "BR"}, At: minute(40)}, // too long after the login to tell
	}
)

// show sends the sample, and prints the alerts. The times of the records decide
// what comes first, not the order in which they were sent.
func show(d *demo.Demo) error {
	if err := d.Send(payments, samplePayments...); err != nil {
		return err
	}
	if err := d.Send(logins, sampleLogins...); err != nil {
		return err
	}
	if err := d.Send(customers, sampleCustomers...); err != nil {
		return err
	}
	stop, err := d.Start(config, fraud)
	if err != nil {
		return err
	}
	defer stop()
	raised, err := d.Read(alerts, 3)
	if err != nil {
		return err
	}
	for _, r := range raised {
		d.Printf("%s %s %s: %s\n", r.Time.UTC().Format("15:04"), r.Key, r.Value.Rule, r.Value.Text)
	}
	return nil
}
