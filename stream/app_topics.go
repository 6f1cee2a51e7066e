package stream

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/runtime/client"
	"github.com/ottla-streams/ottla/internal/runtime/topics"
	"github.com/ottla-streams/ottla/internal/runtime/worker"
)

func (a *App) ensureTopics(ctx context.Context, clients client.Config, checkOnly bool) (*topics.Layout, error) {
	cl, err := clients.New("admin")
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	return topics.Ensure(ctx, kadm.NewClient(cl), topics.Config{
		Topology: a.g, App: a.c.ID, Settings: a.c.topicSettings(),
		ReplicationFactor: a.c.ReplicationFactor, CheckOnly: checkOnly,
		WaitForInputs: a.c.MissingTopicsGrace, Logger: a.log,
	})
}

// watchTopics looks now and then whether the topics are what they were when the
// workers began. stop ends the workers: with [worker.ErrTopicsChanged] they
// start anew, with another error the app ends. A changelog that somebody deleted
// is not made again: it would be an empty one.
func (a *App) watchTopics(ctx context.Context, clients client.Config, l *topics.Layout, stop func(error)) {
	var gone time.Time // since when an internal topic is, zero if none is
	for wait := a.c.TopicCheckInterval; ; {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
		wait = a.c.TopicCheckInterval
		now, err := a.ensureTopics(ctx, clients, true)
		_, missing := errors.AsType[*graph.MissingTopicsError](err)
		_, absent := errors.AsType[*topics.AbsentError](err)
		switch {
		case ctx.Err() != nil:
		case absent && gone.IsZero():
			gone, wait = time.Now(), min(wait, time.Second)
		case absent && time.Since(gone) < a.c.MissingTopicsGrace: // some broker may not know it yet
			wait = min(wait, time.Second)
		case missing, absent:
			stop(err)
		case err != nil:
			gone = time.Time{}
			a.log.Warn("topics could not be checked", "error", err)
		case !a.sameInputs(now.Inputs, l.Inputs):
			stop(worker.ErrTopicsChanged)
		default:
			gone = time.Time{}
		}
	}
}

// topicSettings are those of the internal topics to create.
func (c Config) topicSettings() graph.TopicSettings {
	margin := c.AdditionalRetention.Milliseconds()
	if c.AdditionalRetention < 0 {
		margin = -1
	}
	return graph.TopicSettings{Defaults: c.TopicSettings, AdditionalRetention: margin}
}
