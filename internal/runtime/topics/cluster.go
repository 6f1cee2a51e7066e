package topics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/graph"
)

// read returns the numbers of partitions of the topics that the topology reads
// and keeps, and of all topics if it reads a pattern. Topics that do not exist are
// left out.
func (e *ensuring) read(ctx context.Context) (map[string]int32, error) {
	names, patterns := topicNames(e.Topology, e.App)
	have := make(map[string]int32)
	if patterns {
		all, err := e.adm.ListTopics(uncached(ctx))
		if err != nil {
			return nil, fmt.Errorf("list of topics: %w", err)
		}
		for name, t := range all {
			if len(t.Partitions) > 0 {
				have[name] = int32(len(t.Partitions))
			}
		}
	}
	topics, err := describe(ctx, e.adm, names)
	if err != nil {
		return nil, err
	}
	for name, t := range topics {
		switch {
		case errors.Is(t.Err, kerr.UnknownTopicOrPartition):
			delete(have, name)
		case t.Err != nil:
			return nil, fmt.Errorf("topic %s: %w", name, t.Err)
		default:
			have[name] = int32(len(t.Partitions))
		}
	}
	return have, nil
}

// topicNames returns the full names of the topics that the topology reads and
// keeps, and whether it reads a pattern.
func topicNames(t *graph.Topology, app string) (names []string, patterns bool) {
	for _, n := range t.Nodes {
		if n.Kind != graph.SourceNode {
			continue
		}
		patterns = patterns || n.Source.Pattern != nil
		for _, topic := range n.Source.Topics {
			names = append(names, topic.Full(app))
		}
	}
	for _, it := range t.InternalTopics(graph.TopicSettings{}) {
		names = append(names, it.Topic.Full(app))
	}
	slices.Sort(names)
	return slices.Compact(names), patterns
}

// warnOfOutputs logs which topics the topology writes and that do not exist. The
// broker may be set to create them, so that it is no error.
func (e *ensuring) warnOfOutputs(ctx context.Context) {
	nodes := make(map[string]*graph.Node)
	for _, n := range e.Topology.Nodes {
		if n.Kind == graph.SinkNode && n.Sink.Dynamic == "" && !n.Sink.Topic.Internal {
			nodes[n.Sink.Topic.Name] = n
		}
	}
	topics, err := describe(ctx, e.adm, slices.Collect(maps.Keys(nodes)))
	if err != nil {
		e.Logger.Warn("output topics not checked", "error", err)
	}
	for name, t := range topics {
		if errors.Is(t.Err, kerr.UnknownTopicOrPartition) {
			e.Logger.Warn("output topic does not exist", "topic", name, "place", nodes[name].Place, "operator", nodes[name].Op)
		}
	}
}

// uncached asks the admin client for metadata that is not from its cache: it
// asks for the authorized operations, which are not cached.
func uncached(ctx context.Context) context.Context { return kadm.WithAuthorizedOps(ctx) }

// describe returns the metadata of topics. An authorization error names the topic.
func describe(ctx context.Context, adm *kadm.Client, names []string) (kadm.TopicDetails, error) {
	if len(names) == 0 {
		return nil, nil
	}
	m, err := adm.Metadata(uncached(ctx), names...)
	if err == nil {
		return m.Topics, nil
	}
	if _, ok := errors.AsType[*kadm.AuthError](err); !ok {
		return nil, fmt.Errorf("topics: %w", err)
	}
	var errs []error
	for _, name := range names {
		if _, err := adm.Metadata(uncached(ctx), name); err != nil {
			if auth := notAuthorized("topic", name, "DESCRIBE", err); auth != nil {
				errs = append(errs, auth)
			}
		}
	}
	if len(errs) == 0 {
		return nil, fmt.Errorf("topics: %w", err)
	}
	return nil, errors.Join(errs...)
}

const (
	firstWait = 50 * time.Millisecond
	lastWait  = 2 * time.Second
	logEvery  = 10 * time.Second
)

// retry calls f until it succeeds, fails for good, or ctx ends. The wait between
// two tries doubles up to lastWait. What fails is logged at once and then every
// logEvery, what only takes its time is logged when it takes that long.
func retry(ctx context.Context, log *slog.Logger, what string, f func(context.Context) error) error {
	var logged time.Time
	started := time.Now()
	for wait := firstWait; ; wait = min(2*wait, lastWait) {
		err := f(ctx)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("%s: %w", what, errors.Join(context.Cause(ctx), err))
		case !errors.Is(err, errAgain) && !transient(err):
			return err
		}
		late := !errors.Is(err, errAgain) || time.Since(started) > logEvery
		if late && time.Since(logged) > logEvery {
			log.Warn(what+": trying again", "error", err)
			logged = time.Now()
		}
		select {
		case <-time.After(wait/2 + rand.N(wait/2)):
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", what, errors.Join(context.Cause(ctx), err))
		}
	}
}

// transient says whether another try may help: a broker is away or not ready. An
// address that does not exist and refused credentials stay what they are.
func transient(err error) bool {
	if code, ok := errors.AsType[*kerr.Error](err); ok {
		return code.Retriable
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return !dns.IsNotFound
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return true
	}
	// A broker that ends closes what it has just accepted. So does one that wants
	// to be talked to otherwise: the log says what may be missing.
	if _, ok := errors.AsType[*kgo.ErrFirstReadEOF](err); ok {
		return true
	}
	return kgo.IsRetryableBrokerErr(err) || errors.Is(err, context.DeadlineExceeded)
}
