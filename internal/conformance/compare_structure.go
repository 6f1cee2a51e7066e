package conformance

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// structure compares sub-topologies with their topics and settings,
// co-partition groups, branch names and queryable store names.
func (cmp *comparison) structure() {
	x := &cmp.c.Expected
	if x.Describe == nil {
		return
	}
	cmp.res.apply(Structure)
	cmp.compareSubtopologies(x.Subtopologies, cmp.r.Subtopologies)
	cmp.differTexts("copartition_groups", groupTexts(x.CopartitionGroups), groupTexts(cmp.r.CopartitionGroups))
	for _, id := range sortedKeys(x.BranchNames, cmp.r.BranchNames) {
		// The keys of the branch map are in the order of declaration.
		want, got := x.BranchNames[id], cmp.r.BranchNames[id]
		if !slices.Equal(want, got) {
			cmp.res.differ(Structure, -1, "branch_names of "+id, want, got)
		}
	}
	for _, id := range sortedKeys(x.QueryableStoreNames, cmp.r.QueryableStoreNames) {
		want, got := nameText(x.QueryableStoreNames, id), nameText(cmp.r.QueryableStoreNames, id)
		if want != got {
			cmp.res.differ(Structure, -1, "queryable_store_names of "+id, want, got)
		}
	}
}

func (cmp *comparison) compareSubtopologies(want, got []Subtopology) {
	if len(want) != len(got) {
		cmp.res.differ(Structure, -1, "number of subtopologies", len(want), len(got))
		return
	}
	byID := func(a, b Subtopology) int { return a.ID - b.ID }
	want, got = slices.SortedFunc(slices.Values(want), byID), slices.SortedFunc(slices.Values(got), byID)
	for i := range want {
		w, g := &want[i], &got[i]
		name := fmt.Sprintf("subtopology %d ", w.ID)
		if w.ID != g.ID {
			cmp.res.differ(Structure, -1, name+"id", w.ID, g.ID)
			continue
		}
		cmp.differTexts(name+"source_topics", w.SourceTopics, g.SourceTopics)
		cmp.differTexts(name+"sink_topics", w.SinkTopics, g.SinkTopics)
		cmp.differTexts(name+"repartition_topics", topicTexts(w.RepartitionTopics), topicTexts(g.RepartitionTopics))
		cmp.differTexts(name+"changelog_topics", topicTexts(w.ChangelogTopics), topicTexts(g.ChangelogTopics))
	}
}

// differTexts compares two lists without order and reports what only one of
// them has.
func (cmp *comparison) differTexts(field string, want, got []string) {
	want, got = slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(got))
	if slices.Equal(want, got) {
		return
	}
	missing, extra := without(want, got), without(got, want)
	cmp.res.differ(Structure, -1, field, missing, extra)
}

// without is the elements of a list that another does not have as often.
func without(list, other []string) []string {
	left := slices.Clone(other)
	var rest []string
	for _, s := range list {
		if i := slices.Index(left, s); i >= 0 {
			left = slices.Delete(left, i, i+1)
		} else {
			rest = append(rest, s)
		}
	}
	return rest
}

// topicTexts writes internal topics with their settings.
func topicTexts(topics []InternalTopic) []string {
	texts := make([]string, len(topics))
	for i, t := range topics {
		var b strings.Builder
		b.WriteString(t.Name)
		if t.Partitions != nil {
			fmt.Fprintf(&b, " partitions=%d", *t.Partitions)
		}
		for _, name := range slices.Sorted(maps.Keys(t.Config)) {
			fmt.Fprintf(&b, " %s=%s", name, t.Config[name])
		}
		texts[i] = b.String()
	}
	return texts
}

// groupTexts writes groups of topics; their order does not matter.
func groupTexts(groups [][]string) []string {
	texts := make([]string, len(groups))
	for i, g := range groups {
		texts[i] = strings.Join(slices.Sorted(slices.Values(g)), "+")
	}
	return texts
}

// nameText tells a null name from one that is absent.
func nameText(names map[string]*string, id string) string {
	name, ok := names[id]
	switch {
	case !ok:
		return "absent"
	case name == nil:
		return "null"
	}
	return fmt.Sprintf("%q", *name)
}

// sortedKeys is the keys of both maps.
func sortedKeys[V any](a, b map[string]V) []string {
	keys := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(keys)
	return slices.Compact(keys)
}
