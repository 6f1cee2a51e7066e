// Package topology is what streams, tables and processors are built on: typed
// topics, records and processors, and the topology that they form.
//
// There are only a few types: [Topic] is the handle of a topic, [Record] what
// travels, [Processor] what a user writes, [Builder] puts nodes together by
// hand, and a [Topology] is the result, read-only and ready to run or describe.
package topology

import (
	"slices"
	"strings"

	"github.com/ottla-streams/ottla/internal/describe"
	"github.com/ottla-streams/ottla/internal/graph"
)

// Topology is a checked topology. It is read-only and safe for concurrent use.
type Topology struct{ g *graph.Topology }

// New wraps a built graph. It is for builders: user code has no graph.
func New(g *graph.Topology) *Topology { return &Topology{g} }

// Graph returns the topology's graph. It is for the packages that run it.
func (t *Topology) Graph() *graph.Topology { return t.g }

// Describe returns the topology as text, in the format of Kafka Streams'
// Topology.describe.
func (t *Topology) Describe() string { return describe.Text(t.g.Describe()) }

// String is Describe.
func (t *Topology) String() string { return t.Describe() }

// JSON describes the topology as JSON, with places and internal topics.
func (t *Topology) JSON() ([]byte, error) { return describe.JSON(t.g.Describe()) }

// BuildError holds all mistakes of a topology, each with the place in the
// user's program.
type BuildError struct{ Mistakes []string }

func (e *BuildError) Error() string {
	if len(e.Mistakes) == 1 {
		return e.Mistakes[0]
	}
	return "topology has mistakes:\n" + strings.Join(e.Mistakes, "\n")
}

// Build finishes a graph. It is for builders.
func Build(b *graph.Builder) (*Topology, error) {
	g, mistakes := b.Build()
	if len(mistakes) == 0 {
		return New(g), nil
	}
	err := &BuildError{}
	for _, m := range mistakes {
		if text := m.String(); !slices.Contains(err.Mistakes, text) {
			err.Mistakes = append(err.Mistakes, text)
		}
	}
	return nil, err
}
