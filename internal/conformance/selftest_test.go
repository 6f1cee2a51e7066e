package conformance

import (
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// expectedRun is the run that does exactly what a case expects.
func expectedRun(c *Case) *Run {
	x := &c.Expected
	r := &Run{
		CopartitionGroups:   cloneLists(x.CopartitionGroups),
		BranchNames:         map[string][]string{},
		QueryableStoreNames: maps.Clone(x.QueryableStoreNames),
		Outputs:             records(x.Outputs),
		Repartitions:        records(x.Repartitions),
		Changelogs:          records(x.Changelogs),
		Calls:               cloneLists(x.Calls),
		Stores:              map[string]Store{},
	}
	for id, names := range x.BranchNames {
		r.BranchNames[id] = slices.Clone(names)
	}
	for _, s := range x.Subtopologies {
		s.SourceTopics, s.SinkTopics = slices.Clone(s.SourceTopics), slices.Clone(s.SinkTopics)
		s.RepartitionTopics, s.ChangelogTopics = cloneTopics(s.RepartitionTopics), cloneTopics(s.ChangelogTopics)
		r.Subtopologies = append(r.Subtopologies, s)
	}
	for name, s := range x.Stores {
		s.Entries = slices.Clone(s.Entries)
		r.Stores[name] = s
	}
	if x.Describe != nil {
		r.Describe = *x.Describe
	}
	if x.Metrics != nil {
		r.Dropped = x.Metrics.Dropped
	}
	if x.Error != nil {
		r.Error = &RunError{Phase: x.Error.Phase, Event: x.Error.Event, Err: errors.New("as expected")}
	}
	return r
}

func records(lists [][]ExpectedRecord) [][]Record {
	out := make([][]Record, len(lists))
	for i, list := range lists {
		for _, x := range list {
			rec := Record{Topic: x.Topic, Key: x.Key, Value: x.Value, Time: -7, Headers: slices.Clone(x.Headers)}
			if x.Time != nil {
				rec.Time = *x.Time
			}
			out[i] = append(out[i], rec)
		}
	}
	return out
}

func cloneLists[T any](lists [][]T) [][]T {
	out := make([][]T, len(lists))
	for i, list := range lists {
		out[i] = slices.Clone(list)
	}
	return out
}

func cloneTopics(topics []InternalTopic) []InternalTopic {
	out := slices.Clone(topics)
	for i := range out {
		out[i].Config = maps.Clone(out[i].Config)
	}
	return out
}

// A run that does what is expected passes on all levels, without any leniency.
func TestExpectedPasses(t *testing.T) {
	var tally Tally
	for _, c := range loadCases(t) {
		res := Compare(c, expectedRun(c))
		if len(res.Diffs) > 0 || !res.Passed() || len(res.Notes) > 0 {
			t.Errorf("%v %v", res, res.Notes)
		}
		tally.Add(res)
	}
	t.Log("\n" + tally.String())
	if tally.Passed != tally.Cases || tally.Notes > 0 {
		t.Errorf("%d of %d passed with %d leniencies", tally.Passed, tally.Cases, tally.Notes)
	}
}

// A run that differs anywhere fails on the level where it differs, and on that
// one only.
func TestMutationsFail(t *testing.T) {
	const rounds = 1
	applied := map[string]int{}
	for n, c := range loadCases(t) {
		for i, m := range mutations {
			for round := range rounds {
				rng := rand.New(rand.NewPCG(uint64(n), uint64(i*rounds+round)))
				r := expectedRun(c)
				if !m.apply(rng, c, r) {
					continue
				}
				applied[m.name]++
				checkMutation(t, c, m, Compare(c, r))
			}
		}
	}
	for _, m := range mutations {
		if applied[m.name] == 0 {
			t.Errorf("mutation %q was never applied", m.name)
		}
		t.Logf("%6d × %s", applied[m.name], m.name)
	}
}

func checkMutation(t *testing.T, c *Case, m mutation, res *Result) {
	t.Helper()
	if res.PassedLevel(m.level) || len(res.Diffs) == 0 {
		t.Errorf("%s: %s: %s passed", c.Name, m.name, m.level)
		return
	}
	if res.Passed() != (m.level == Describe) {
		t.Errorf("%s: %s: passed %v", c.Name, m.name, res.Passed())
	}
	for _, d := range res.Diffs {
		if d.Level != m.level {
			t.Errorf("%s: %s: differs in %v", c.Name, m.name, d)
		}
	}
}
