package topics

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/ottla-streams/ottla/internal/graph"
)

// create creates topics. Those that another instance created meanwhile are left
// for the next round to check.
func (e *ensuring) create(ctx context.Context, missing []graph.InternalTopic, want map[string]int32) error {
	if e.CheckOnly {
		return e.absent(missing, want)
	}
	factor := e.ReplicationFactor
	if factor == 0 {
		factor = -1
	}
	var errs []error
	for _, t := range missing {
		name := t.Topic.Full(e.App)
		r, err := e.adm.CreateTopic(ctx, want[name], factor, settingValues(withAnyTime(t.Settings)), name)
		if errors.Is(err, kerr.InvalidConfig) { // brokers before 3.6 have no such limit, and don't know its name
			r, err = e.adm.CreateTopic(ctx, want[name], factor, settingValues(t.Settings), name)
		}
		switch {
		case err == nil:
			e.created[name] = true
			e.Logger.Info("topic created", "topic", name, "partitions", want[name])
		case errors.Is(err, kerr.TopicAlreadyExists):
			e.Logger.Debug("topic created by another instance", "topic", name)
		default:
			if auth := notAuthorized("topic", name, "CREATE", err); auth != nil {
				err = auth
			} else if r.ErrMessage != "" {
				err = fmt.Errorf("topic %s with %d partitions: %w: %s", name, want[name], err, r.ErrMessage)
			} else {
				err = fmt.Errorf("topic %s with %d partitions: %w", name, want[name], err)
			}
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Limits of the times of a topic's records (KIP-937).
const (
	aheadLimit = "message.timestamp.after.max.ms"
	eitherWay  = "message.timestamp.difference.max.ms" // what it was called before
)

// withAnyTime adds to the settings of an internal topic that it takes records of
// any time, unless they say otherwise. By default brokers refuse those that are
// more than an hour ahead of their clocks: the app could not go on behind a
// record that an input took, or whose time is in its value.
func withAnyTime(settings map[string]string) map[string]string {
	_, limited := settings[aheadLimit]
	if _, older := settings[eitherWay]; limited || older {
		return settings
	}
	all := map[string]string{aheadLimit: strconv.FormatInt(math.MaxInt64, 10)}
	maps.Copy(all, settings)
	return all
}

func settingValues(settings map[string]string) map[string]*string {
	values := make(map[string]*string, len(settings))
	for k, v := range settings {
		values[k] = kadm.StringPtr(v)
	}
	return values
}

func (e *ensuring) absent(missing []graph.InternalTopic, want map[string]int32) error {
	err := &AbsentError{}
	for _, t := range missing {
		name := t.Topic.Full(e.App)
		err.Topics = append(err.Topics, Absent{Name: name, Partitions: want[name], Settings: t.Settings})
	}
	return err
}

// Absent is an internal topic that does not exist.
type Absent struct {
	Name       string
	Partitions int32
	Settings   map[string]string
}

// AbsentError names the internal topics that do not exist and may not be created.
type AbsentError struct{ Topics []Absent }

func (e *AbsentError) Error() string {
	var b strings.Builder
	b.WriteString("internal topics do not exist, and the app is set to create none: create them:")
	for _, t := range e.Topics {
		fmt.Fprintf(&b, "\n%s with %d partitions", t.Name, t.Partitions)
		for _, k := range slices.Sorted(maps.Keys(t.Settings)) {
			fmt.Fprintf(&b, ", %s=%s", k, t.Settings[k])
		}
	}
	return b.String()
}

// AuthorizationError says that the app's principal lacks a right.
type AuthorizationError struct {
	Resource  string // "topic" or "group"
	Name      string
	Operation string // by its Kafka name, such as CREATE
	Err       error
}

func (e *AuthorizationError) Error() string {
	return fmt.Sprintf("%s %s: the app's user may not %s it: %v", e.Resource, e.Name, e.Operation, e.Err)
}

func (e *AuthorizationError) Unwrap() error { return e.Err }

// notAuthorized returns an AuthorizationError if err is about authorization, else nil.
func notAuthorized(resource, name, operation string, err error) error {
	for _, denied := range []*kerr.Error{kerr.TopicAuthorizationFailed, kerr.GroupAuthorizationFailed, kerr.ClusterAuthorizationFailed} {
		if errors.Is(err, denied) {
			return &AuthorizationError{resource, name, operation, err}
		}
	}
	return nil
}
