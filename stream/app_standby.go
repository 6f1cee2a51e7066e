package stream

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// standbyDefaults fills in what standbys and warm-ups leave to defaults.
func (c *Config) standbyDefaults() {
	c.MaxWarmups = max(cmp.Or(c.MaxWarmups, 2), 0)
	c.ProbingInterval = cmp.Or(c.ProbingInterval, 10*time.Minute)
	c.WarmupLag = max(cmp.Or(c.WarmupLag, 10_000), 0)
	c.Tags, c.RackTags = maps.Clone(c.Tags), slices.Clone(c.RackTags)
}

// The limits of Kafka Streams: tags go to the group with each rebalance.
const (
	maxTags     = 5
	maxTagKey   = 20
	maxTagValue = 30
)

// checkStandbys returns what is wrong with the settings of standbys.
func (c *Config) checkStandbys() []error {
	var errs []error
	bad := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf("config: "+format, args...))
		}
	}
	bad(c.Standbys < 0, "Standbys: %d is negative", c.Standbys)
	bad(c.Standbys > 100, "Standbys: %d are too many", c.Standbys)
	bad(len(c.Tags) > maxTags, "Tags: %d are more than %d", len(c.Tags), maxTags)
	for _, tag := range slices.Sorted(maps.Keys(c.Tags)) {
		value := c.Tags[tag]
		bad(tag == "" || len(tag) > maxTagKey, "Tags: key %q: want 1 to %d bytes", tag, maxTagKey)
		bad(value == "" || len(value) > maxTagValue, "Tags: value %q of %q: want 1 to %d bytes", value, tag, maxTagValue)
	}
	for i, tag := range c.RackTags {
		_, ok := c.Tags[tag]
		bad(!ok, "RackTags: %q is not a key of Tags", tag)
		bad(slices.Contains(c.RackTags[:i], tag), "RackTags: %q is there twice", tag)
	}
	return errs
}
