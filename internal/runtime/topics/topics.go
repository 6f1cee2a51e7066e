// Package topics readies the topics of an app and cleans up behind it.
//
// There are only a few types: a [Config] says which topology is to run as which
// app; [Ensure] turns it into a [Layout], after it created what was missing and
// checked what was there; [Purge] deletes what the app consumed of its
// repartition topics; a [Reset] takes an app back to its beginning.
//
// All is done through the admin client of the caller. Nothing here keeps state
// between calls, so that all functions are safe for concurrent use.
package topics

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/ottla-streams/ottla/internal/graph"
)

// Config is what to ready topics for.
type Config struct {
	Topology *graph.Topology
	App      string // the application id
	Settings graph.TopicSettings

	// ReplicationFactor is that of the topics to create. 0 and -1 leave it to
	// the broker.
	ReplicationFactor int16

	// CheckOnly creates nothing: missing internal topics are an error. It is
	// for apps without the right to create topics.
	CheckOnly bool

	// WaitForInputs is how long to wait for input topics to appear. The default
	// is not to wait.
	WaitForInputs time.Duration

	Logger *slog.Logger // nil discards
}

// Layout is the topics of an app as they are.
type Layout struct {
	Internal map[string]int32 // number of partitions of each internal topic, by full name
	Inputs   map[string]int32 // likewise of each topic read that is not internal
	Tasks    []graph.TaskID
	Created  []string // internal topics that did not exist before
}

// Partitions returns the number of partitions of each topic of the layout.
func (l *Layout) Partitions() map[string]int32 {
	all := maps.Clone(l.Internal)
	maps.Copy(all, l.Inputs)
	return all
}

// Ensure reads which input topics there are, works out the app's internal topics,
// creates those that are missing and checks the others. Another instance may do
// the same at the same time. It tries again while brokers can't be reached, until
// ctx ends.
//
// The error may be a [graph.MissingTopicsError], a [graph.CopartitionError], a
// [MismatchError], an [AbsentError] or an [AuthorizationError].
func Ensure(ctx context.Context, adm *kadm.Client, c Config) (*Layout, error) {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	e := &ensuring{Config: c, adm: adm, started: time.Now(), created: make(map[string]bool)}
	for _, t := range c.Topology.InternalTopics(c.Settings) {
		if t.Topic.Internal {
			e.internal = append(e.internal, t)
		}
	}
	if err := c.Topology.WritesOwn(c.App, e.internal); err != nil {
		return nil, err
	}
	var l *Layout
	err := retry(ctx, c.Logger, "topics of app "+c.App, func(ctx context.Context) (err error) {
		l, err = e.attempt(ctx)
		return err
	})
	return l, err
}

// ensuring is one run of Ensure.
type ensuring struct {
	Config
	adm      *kadm.Client
	internal []graph.InternalTopic
	started  time.Time
	created  map[string]bool
	checked  bool // settings were compared
}

// errAgain asks for another attempt: the cluster is not yet where it should be.
var errAgain = errors.New("the cluster is still working on it")

// attempt does one round: read, check, create. It returns errAgain after it
// created topics, to see what came of it.
func (e *ensuring) attempt(ctx context.Context) (*Layout, error) {
	have, err := e.read(ctx)
	if err != nil {
		return nil, err
	}
	want, tasks, err := graph.Partitions(e.Topology, e.App, have)
	if err != nil {
		if _, ok := errors.AsType[*graph.MissingTopicsError](err); ok && time.Since(e.started) < e.WaitForInputs {
			return nil, errors.Join(errAgain, err)
		}
		return nil, err
	}
	if err := e.check(ctx, want, have); err != nil {
		return nil, err
	}
	missing := slices.DeleteFunc(slices.Clone(e.internal), func(t graph.InternalTopic) bool {
		name := t.Topic.Full(e.App)
		return have[name] > 0 || want[name] == 0
	})
	if len(missing) > 0 {
		if err := e.create(ctx, missing, want); err != nil {
			return nil, err
		}
		return nil, errAgain
	}
	e.warnOfOutputs(ctx)
	l := &Layout{Internal: want, Inputs: make(map[string]int32), Tasks: tasks, Created: slices.Sorted(maps.Keys(e.created))}
	matched := graph.MatchPatterns(e.Topology, e.App, have)
	for _, n := range e.Topology.Nodes {
		if n.Kind != graph.SourceNode {
			continue
		}
		for _, t := range n.Source.Topics {
			if !t.Internal {
				l.Inputs[t.Name] = have[t.Name]
			}
		}
		for _, name := range matched[n] {
			l.Inputs[name] = have[name]
		}
	}
	return l, nil
}
