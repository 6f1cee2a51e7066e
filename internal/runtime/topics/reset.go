package topics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/ottla-streams/ottla/internal/graph"
)

// Position is where the input topics are read from after a reset. The zero
// value is the beginning.
type Position struct {
	End bool
	At  time.Time // the first record at or after it, unless zero
}

// ParsePosition reads "earliest", "latest", a time as in 2006-01-02T15:04:05Z, or
// a duration before now, such as 36h.
func ParsePosition(text string, now time.Time) (Position, error) {
	switch text {
	case "earliest":
		return Position{}, nil
	case "latest":
		return Position{End: true}, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return Position{At: at}, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return Position{At: now.Add(-d)}, nil
	}
	return Position{}, fmt.Errorf("position %q: want earliest, latest, a time such as 2006-01-02T15:04:05Z, or a duration before now such as 36h", text)
}

// Reset is what it takes to start an app over: what [PlanReset] found and
// [Reset.Execute] does.
type Reset struct {
	Group   string
	Offsets kadm.Offsets // to commit for the input topics
	Delete  []string     // the app's internal topics that exist
	// Others are topics that look like internal ones of the app, and the
	// topology does not have. They may belong to an app with a longer name, so
	// that they are not deleted.
	Others []string
}

// PlanReset finds out what a reset of the app would do. more are internal
// topics to delete beside those of the topology; their names must begin with the
// app's. It changes nothing. A group with members is a [GroupInUseError].
func PlanReset(ctx context.Context, adm *kadm.Client, c Config, to Position, more ...string) (*Reset, error) {
	for _, name := range more {
		if !strings.HasPrefix(name, c.App+"-") {
			return nil, fmt.Errorf("topic %s: not an internal topic of app %s: their names begin with %s-", name, c.App, c.App)
		}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	r := &Reset{Group: c.App}
	err := retry(ctx, c.Logger, "reset of app "+c.App, func(ctx context.Context) error {
		if err := checkUnused(ctx, adm, c.App); err != nil {
			return err
		}
		return r.plan(ctx, adm, c, to, more)
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (r *Reset) plan(ctx context.Context, adm *kadm.Client, c Config, to Position, more []string) error {
	all, err := adm.ListTopics(uncached(ctx))
	if err != nil {
		return fmt.Errorf("list of topics: %w", err)
	}
	r.Delete, r.Others = nil, nil
	own := make(map[string]bool)
	for _, it := range c.Topology.InternalTopics(c.Settings) {
		if it.Topic.Internal {
			own[it.Topic.Full(c.App)] = true
		}
	}
	for _, name := range all.Names() {
		switch {
		case own[name] || slices.Contains(more, name):
			r.Delete = append(r.Delete, name)
		case looksInternal(c.App, name):
			r.Others = append(r.Others, name)
		}
	}
	for _, name := range more {
		if !all.Has(name) {
			return fmt.Errorf("topic %s does not exist", name)
		}
	}
	inputs := inputTopics(c, all)
	if len(inputs) == 0 {
		r.Offsets = nil
		return nil
	}
	listed, err := list(ctx, adm, to, inputs)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return fmt.Errorf("offsets of input topics: %w", err)
	}
	r.Offsets = listed.Offsets()
	return nil
}

func list(ctx context.Context, adm *kadm.Client, to Position, topics []string) (kadm.ListedOffsets, error) {
	switch {
	case to.End:
		return adm.ListEndOffsets(ctx, topics...)
	case !to.At.IsZero():
		return adm.ListOffsetsAfterMilli(ctx, to.At.UnixMilli(), topics...)
	}
	return adm.ListStartOffsets(ctx, topics...)
}

// inputTopics returns the topics that the app's tasks read from outside, as far
// as they exist.
func inputTopics(c Config, all kadm.TopicDetails) []string {
	exist := make(map[string]int32)
	for name := range all {
		exist[name] = 1
	}
	matched := graph.MatchPatterns(c.Topology, c.App, exist)
	var inputs []string
	for _, sub := range c.Topology.Subtopologies {
		if sub.Global {
			continue
		}
		for _, n := range sub.Sources() {
			inputs = append(inputs, matched[n]...)
			for _, t := range n.Source.Topics {
				if !t.Internal && exist[t.Name] > 0 {
					inputs = append(inputs, t.Name)
				}
			}
		}
	}
	return inputs
}

func looksInternal(app, topic string) bool {
	if !strings.HasPrefix(topic, app+"-") {
		return false
	}
	for _, suffix := range []string{"-changelog", "-repartition", "-topic"} {
		if strings.HasSuffix(topic, suffix) {
			return true
		}
	}
	return false
}

// Execute deletes the internal topics and commits the offsets. If it fails it may
// be half done: it has to be done again before the app starts.
func (r *Reset) Execute(ctx context.Context, adm *kadm.Client, log *slog.Logger) error {
	steps := []func(context.Context, *kadm.Client) error{
		func(ctx context.Context, adm *kadm.Client) error { return checkUnused(ctx, adm, r.Group) },
		r.forget, r.deleteTopics, r.commit,
	}
	for _, step := range steps {
		err := retry(ctx, log, "reset of app "+r.Group, func(ctx context.Context) error { return step(ctx, adm) })
		if err != nil {
			return err
		}
	}
	return nil
}

// forget deletes the group's offsets of internal topics, which begin anew.
func (r *Reset) forget(ctx context.Context, adm *kadm.Client) error {
	committed, err := adm.FetchOffsets(ctx, r.Group)
	if errors.Is(err, kerr.GroupIDNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("group %s: %w", r.Group, err)
	}
	stale := make(kadm.TopicsSet)
	for _, name := range r.Delete {
		for p := range committed[name] {
			stale.Add(name, p)
		}
	}
	responses, err := adm.DeleteOffsets(ctx, r.Group, stale)
	if err == nil {
		err = responses.Error()
	}
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) && !errors.Is(err, kerr.UnknownTopicOrPartition) {
		return fmt.Errorf("group %s: offsets of internal topics: %w", r.Group, err)
	}
	return nil
}

// deleteTopics deletes the internal topics, and asks for another try until they
// are gone.
func (r *Reset) deleteTopics(ctx context.Context, adm *kadm.Client) error {
	if len(r.Delete) == 0 {
		return nil
	}
	responses, err := adm.DeleteTopics(ctx, r.Delete...)
	if err != nil {
		return fmt.Errorf("internal topics: %w", err)
	}
	var errs []error
	for _, d := range responses.Sorted() {
		switch {
		case d.Err == nil, errors.Is(d.Err, kerr.UnknownTopicOrPartition):
		case notAuthorized("topic", d.Topic, "DELETE", d.Err) != nil:
			errs = append(errs, notAuthorized("topic", d.Topic, "DELETE", d.Err))
		default:
			errs = append(errs, fmt.Errorf("topic %s: %w", d.Topic, d.Err))
		}
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	left, err := describe(ctx, adm, r.Delete)
	if err != nil {
		return err
	}
	for _, name := range r.Delete {
		if left.Has(name) {
			return errAgain
		}
	}
	return nil
}

func (r *Reset) commit(ctx context.Context, adm *kadm.Client) error {
	if len(r.Offsets) == 0 {
		return nil
	}
	if err := adm.CommitAllOffsets(ctx, r.Group, r.Offsets); err != nil {
		if auth := notAuthorized("group", r.Group, "READ", err); auth != nil {
			return auth
		}
		return fmt.Errorf("group %s: %w", r.Group, err)
	}
	return nil
}

// GroupInUseError says that instances of the app are running.
type GroupInUseError struct {
	Group   string
	State   string
	Members []string // client ids with their hosts, as far as known
}

func (e *GroupInUseError) Error() string {
	text := fmt.Sprintf("group %s is in use (%s)", e.Group, e.State)
	if len(e.Members) > 0 {
		text += " by " + strings.Join(e.Members, ", ")
	}
	return text + ": stop all instances of the app first; the group of an instance that crashed is free after its session timeout"
}

// checkUnused returns a GroupInUseError if the group has members, of whatever
// group protocol.
func checkUnused(ctx context.Context, adm *kadm.Client, group string) error {
	groups, err := adm.ListGroups(ctx)
	if err != nil {
		return fmt.Errorf("list of groups: %w", err)
	}
	g, ok := groups[group]
	if !ok || g.State == "Empty" || g.State == "Dead" {
		return nil
	}
	inUse := &GroupInUseError{Group: group, State: g.State}
	if d, err := adm.DescribeGroups(ctx, group); err == nil {
		for _, m := range d[group].Members {
			inUse.Members = append(inUse.Members, m.ClientID+" at "+m.ClientHost)
		}
	}
	return inUse
}
