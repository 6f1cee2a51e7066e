package topics

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/ottla-streams/ottla/internal/graph"
)

// MismatchError says that an internal topic exists and does not fit.
type MismatchError struct {
	Topic string
	What  string // "partitions", or the name of a setting
	Have  string
	Want  string
	Why   string
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("topic %s: %s: have %s, want %s, %s: go back to what it was made for, "+
		"or reset the app, which deletes its internal topics and state, or give it another application id",
		e.Topic, e.What, e.Have, e.Want, e.Why)
}

// check compares the internal topics that exist with what they should be.
func (e *ensuring) check(ctx context.Context, want, have map[string]int32) error {
	var errs []error
	var names []string
	for _, t := range e.internal {
		name := t.Topic.Full(e.App)
		if have[name] == 0 || want[name] == 0 {
			continue
		}
		names = append(names, name)
		if have[name] != want[name] {
			errs = append(errs, &MismatchError{
				Topic: name, What: "partitions", Have: fmt.Sprint(have[name]), Want: fmt.Sprint(want[name]),
				Why: "since input topics or the topology have changed",
			})
		}
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	if e.checked {
		return nil
	}
	if err := e.checkSettings(ctx, names); err != nil {
		return err
	}
	e.checked = true
	return nil
}

// checkSettings compares settings, as far as the app may read them.
func (e *ensuring) checkSettings(ctx context.Context, names []string) error {
	configs, err := e.adm.DescribeTopicConfigs(ctx, names...)
	if err != nil {
		if notAuthorized("topic", "", "", err) != nil {
			e.Logger.Debug("settings of topics not checked: no right to DESCRIBE_CONFIGS", "error", err)
			return nil
		}
		return fmt.Errorf("settings of topics: %w", err)
	}
	var errs []error
	for _, t := range e.internal {
		name := t.Topic.Full(e.App)
		c, err := configs.On(name, nil)
		switch {
		case err != nil:
		case c.Err != nil && notAuthorized("topic", name, "DESCRIBE_CONFIGS", c.Err) != nil:
			e.Logger.Debug("settings of topic not checked: no right to DESCRIBE_CONFIGS", "topic", name)
		case c.Err != nil:
			errs = append(errs, fmt.Errorf("topic %s: settings: %w", name, c.Err))
		default:
			errs = append(errs, e.compare(t, name, c))
		}
	}
	return errors.Join(errs...)
}

// compare looks for settings that would lose records: a cleanup policy that
// deletes by time what the app keeps, or compacts what it has not yet read. A
// shorter retention is logged only: it may be on purpose.
func (e *ensuring) compare(t graph.InternalTopic, name string, c kadm.ResourceConfig) error {
	have := make(map[string]string)
	for _, config := range c.Configs {
		have[config.Key] = config.MaybeValue()
	}
	is, should := policy(have["cleanup.policy"]), policy(t.Settings["cleanup.policy"])
	mismatch := &MismatchError{Topic: name, What: "cleanup.policy", Have: have["cleanup.policy"], Want: t.Settings["cleanup.policy"]}
	switch {
	case len(is) == 0:
		return nil
	case is["delete"] && !should["delete"]:
		mismatch.Why = "or rows of the store get lost with time"
		return mismatch
	case is["compact"] && t.Kind == graph.RepartitionTopic && !should["compact"]:
		mismatch.Why = "or records get lost before they are read"
		return mismatch
	}
	if is["delete"] && shorter(have["retention.ms"], t.Settings["retention.ms"]) {
		e.Logger.Warn("topic keeps records shorter than the app needs them",
			"topic", name, "retention.ms", have["retention.ms"], "want", t.Settings["retention.ms"])
	}
	return nil
}

func policy(text string) map[string]bool {
	set := make(map[string]bool)
	for p := range strings.SplitSeq(text, ",") {
		if p = strings.TrimSpace(p); p != "" {
			set[p] = true
		}
	}
	return set
}

// shorter compares two retentions in milliseconds, of which -1 is for ever. What
// is no number is not compared.
func shorter(have, want string) bool {
	var h, w int64
	if _, err := fmt.Sscan(have, &h); err != nil || h < 0 {
		return false
	}
	if _, err := fmt.Sscan(want, &w); err != nil {
		return false
	}
	return w < 0 || h < w
}
