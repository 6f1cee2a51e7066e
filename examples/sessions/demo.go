package main

import (
	"time"

	"github.com/ottla-streams/ottla/examples/demo"
)

// sample is the clicks of a morning, in the order in which they come.
var sample = []struct{ at, user, page string }{
	{"09:00", "ann", "/"},
	{"09:05", "bob", "/"},
	{"09:20", "ann", "/books"},
	{"09:45", "ann", "/ordered"},
	{"10:10", "bob", "/books"},   // 65 minutes after the click before: a new visit
	{"10:40", "bob", "/ordered"}, // 30 minutes after it: the same visit
	{"12:00", "eve", "/"},        // time has passed the end of all visits but this one
}

// show sends the sample and prints the visits that are over.
func show(d *demo.Demo) error {
	stop, err := d.Start(config, sessions)
	if err != nil {
		return err
	}
	defer stop()
	for _, s := range sample {
		d.Printf("%s %s opens %s\n", s.at, s.user, s.page)
		if err := d.Send(clicks, demo.Record[string, click]{Key: s.user, Value: click{s.page}, At: clock(s.at)}); err != nil {
			return err
		}
	}
	over, err := d.Read(visits, 3)
	if err != nil {
		return err
	}
	d.Printf("\nvisits:\n")
	for _, r := range over {
		from, to := r.Key.StartTime().UTC(), r.Key.EndTime().UTC()
		d.Printf("%s from %s to %s: clicks %d, orders %d\n",
			r.Key.Key, from.Format("15:04"), to.Format("15:04"), r.Value.Clicks, r.Value.Orders)
	}
	return nil
}

// clock returns a time of the day of the sample.
func clock(text string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", "2026-11-02 "+text)
	if err != nil {
		panic(err) // the texts are those above
	}
	return t
}
