// Sessions finds the visits of users in a stream of clicks: clicks of a user
// that are at most half an hour apart belong to one visit.
//
//	sessions                      finds the visits in a few clicks, on a broker of its own
//	sessions --brokers HOST:PORT  runs on Kafka until it is stopped: clicks in, visits out
//	sessions help                 lists the commands and flags of every ottla program
package main

import (
	"time"

	"github.com/ottla-streams/ottla/examples/demo"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/table"
	"github.com/ottla-streams/ottla/topology"
	"github.com/ottla-streams/ottla/window"
)

// click is a page that a user has opened.
type click struct {
	Page string
}

// visit is what a user did within a session.
type visit struct {
	Clicks, Orders int
}

// The key of a visit is the user with the times of the first and the last click.
var (
	clicks  = topology.NewTopic("clicks", serde.String, serde.JSON[click]())
	visits  = topology.NewTopic("visits", serde.SessionWindowed(serde.String), serde.JSON[visit]())
	running = state.Sessions("running-visits", serde.String, serde.JSON[visit]())
)

// A visit ends after half an hour without a click. Clicks may come up to five
// minutes late.
var session = window.Session(30 * time.Minute).Grace(5 * time.Minute)

// sessions sends each visit once, when it is over. Without Suppress it would
// send a visit with each of its clicks.
func sessions() (*topology.Topology, error) {
	b := stream.NewBuilder()
	b.Stream(clicks).
		GroupByKey().
		WindowedBySession(session).
		Aggregate(func() visit { return visit{} }, add, merge, running).
		Suppress(table.UntilWindowCloses()).Named("until-over").
		To(visits)
	return b.Build()
}

// add adds a click to a visit.
func add(_ string, c click, v visit) visit {
	v.Clicks++
	if c.Page == "/ordered" {
		v.Orders++
	}
	return v
}

// merge makes one visit of two, when a late click fills the gap between them.
func merge(_ string, a, b visit) visit {
	return visit{a.Clicks + b.Clicks, a.Orders + b.Orders}
}

var (
	config = stream.Config{ID: "sessions"}
	topics = []string{clicks.Name(), visits.Name()}
)

func main() { demo.Main(config, sessions, topics, show) }
