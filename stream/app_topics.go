package stream

import (
	"context"
	"maps"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/runtime/client"
	"github.com/ottla-streams/ottla/internal/runtime/topics"
	"github.com/ottla-streams/ottla/internal/runtime/worker"
)

// patternsEvery is how often the app looks for topics that match its patterns.
const patternsEvery = 30 * time.Second

func (a *App) ensureTopics(ctx context.Context, clients client.Config) (*topics.Layout, error) {
	cl, err := clients.New("admin")
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	return topics.Ensure(ctx, kadm.NewClient(cl), a.topicsConfig())
}

func (a *App) topicsConfig() topics.Config {
	return topics.Config{
		Topology: a.g, App: a.c.ID, Settings: graph.TopicSettings{Defaults: a.c.TopicSettings},
		ReplicationFactor: a.c.ReplicationFactor, CheckOnly: a.c.CheckTopicsOnly,
		WaitForInputs: a.c.MissingTopicsGrace, Logger: a.log,
	}
}

// watchTopics looks now and then whether other topics match the patterns that
// the topology reads, and calls changed if so.
func (a *App) watchTopics(ctx context.Context, clients client.Config, l *topics.Layout, changed func(error)) {
	patterns := false
	for _, n := range a.g.Nodes {
		patterns = patterns || n.Source != nil && n.Source.Pattern != nil
	}
	if !patterns {
		return
	}
	for tick := time.NewTicker(patternsEvery); ; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			tick.Stop()
			return
		}
		now, err := a.ensureTopics(ctx, clients)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			a.log.Warn("topics that match a pattern are not followed", "error", err)
		case !maps.Equal(now.Inputs, l.Inputs):
			changed(worker.ErrTopicsChanged)
		}
	}
}
