package conformance

import (
	"encoding/json/v2"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// AppID is the application id under which all cases run. Internal topics
// start with it and a hyphen.
const AppID = "conformance"

// Case is one conformance case.
type Case struct {
	Name     string   `json:"name"`
	About    string   `json:"about"`
	Tags     []string `json:"tags"`
	API      string   `json:"api"`
	Config   Config   `json:"config"`
	Topology []Step   `json:"topology"`
	Events   []Event  `json:"events"`
	Expected Expected `json:"expected"`
}

// The tags of a case.
const (
	TagJavaDefect = "java-defect" // Java contradicts its documentation
	TagJavaTyping = "java-typing" // refusing to build counts as passing
	TagDriver     = "driver"      // pins the test driver, not Kafka Streams
)

// Tagged reports whether the case has the tag.
func (c *Case) Tagged(tag string) bool {
	for _, t := range c.Tags {
		if t == tag {
			return true
		}
	}
	return false
}

// ProcessorAPI reports whether the topology is built without the DSL.
func (c *Case) ProcessorAPI() bool { return c.API == "processor" }

// Config holds the settings of a case. A nil pointer or an empty string is a
// setting that the case leaves at the default of the test bed.
type Config struct {
	Optimization          string `json:"topology.optimization"`
	CacheMaxBytes         int64  `json:"statestore.cache.max.bytes"`
	Guarantee             string `json:"processing.guarantee"`
	DSLStore              string `json:"default.dsl.store"`
	DSLStoreFormat        string `json:"dsl.store.format"`
	TimestampExtractor    string `json:"default.timestamp.extractor"`
	OnDeserializationFail string `json:"deserialization.exception.handler"`
	OnProcessingFail      string `json:"processing.exception.handler"`
	DeadLetterTopic       string `json:"errors.dead.letter.queue.topic.name"`
	ExplicitNaming        bool   `json:"ensure.explicit.internal.resource.naming"`
	UpgradeFrom           string `json:"upgrade.from"`
	OuterJoinEmitInterval int64  `json:"__emit.interval.ms.kstreams.outer.join.spurious.results.fix__"`
	WindowedEmitInterval  int64  `json:"__emit.interval.ms.kstreams.windowed.aggregation__"`
}

// The optimizations that a case can switch on.
const (
	ReuseSourceTopics     = "reuse.ktable.source.topics"
	MergeRepartitions     = "merge.repartition.topics"
	SingleStoreSelfJoin   = "single.store.self.join"
	optimizationAll       = "all"
	optimizationSeparator = ","
)

// Optimizes reports whether the configuration switches on one optimization.
func (c *Config) Optimizes(name string) bool {
	if c.Optimization == optimizationAll {
		return true
	}
	for o := range strings.SplitSeq(c.Optimization, optimizationSeparator) {
		if strings.TrimSpace(o) == name {
			return true
		}
	}
	return false
}

// Load reads one case. Members that the language does not have are an error,
// and so is a file that is not named for its case.
func Load(path string) (*Case, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("case %s: %w", filepath.Base(path), err)
	}
	if want := strings.TrimSuffix(filepath.Base(path), ".json"); c.Name != want {
		return nil, fmt.Errorf("case %s: its name is %q", filepath.Base(path), c.Name)
	}
	return c, nil
}

// Parse parses one case.
func Parse(data []byte) (*Case, error) {
	c := new(Case)
	if err := json.Unmarshal(data, c, strict); err != nil {
		return nil, err
	}
	if c.API != "" && !c.ProcessorAPI() {
		return nil, fmt.Errorf("api %q is unknown", c.API)
	}
	for i := range c.Events {
		if err := c.Events[i].check(); err != nil {
			return nil, fmt.Errorf("event %d: %w", i, err)
		}
	}
	return c, nil
}

// strict makes members that no field stands for an error.
var strict = json.RejectUnknownMembers(true)

// LoadAll reads all cases of a folder, sorted by name. A folder that does not
// exist gives an error that wraps [fs.ErrNotExist].
func LoadAll(dir string) ([]*Case, error) {
	if _, err := os.Stat(dir); err != nil {
		return nil, err
	}
	paths, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("folder %s has no cases: %w", dir, fs.ErrNotExist)
	}
	cases := make([]*Case, 0, len(paths))
	var errs []error
	for _, p := range paths {
		c, err := Load(p)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		cases = append(cases, c)
	}
	return cases, errors.Join(errs...)
}
