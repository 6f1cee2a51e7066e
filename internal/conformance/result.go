package conformance

import (
	"fmt"
	"slices"
	"strings"
)

// Level is a level of comparison.
type Level int

// The levels, in order of weight.
const (
	Results     Level = iota // outputs, calls, errors, dropped records
	Structure                // sub-topologies, topics and settings, co-partition groups, branch and queryable names
	WireFormats              // repartition topics and changelogs
	State                    // final stores
	Describe                 // the text of the topology; does not decide whether a case passes
	levels
)

func (l Level) String() string {
	return [...]string{"results", "structure", "wire formats", "state", "describe"}[l]
}

// Result is the verdict on one case.
type Result struct {
	Case  string
	Diffs []Diff
	Notes []string // leniencies that were used

	applies [levels]bool
	failed  [levels]bool
}

// Diff is one difference.
type Diff struct {
	Level Level
	Event int // -1: of no event
	Field string
	Want  string
	Got   string
}

func (d Diff) String() string {
	where := d.Level.String()
	if d.Event >= 0 {
		where += fmt.Sprintf(", event %d", d.Event)
	}
	return fmt.Sprintf("%s: %s:\n\twant %s\n\tgot  %s", where, d.Field, d.Want, d.Got)
}

// Passed reports whether all levels passed that decide.
func (res *Result) Passed() bool {
	for l := range Describe {
		if res.failed[l] {
			return false
		}
	}
	return true
}

// Applies reports whether the case pins anything of a level.
func (res *Result) Applies(l Level) bool { return res.applies[l] }

// PassedLevel reports whether nothing differs on a level.
func (res *Result) PassedLevel(l Level) bool { return !res.failed[l] }

// maxDiffs is the number of differences that are shown of a case.
const maxDiffs = 6

// String is the name of the case and its first differences.
func (res *Result) String() string {
	var b strings.Builder
	b.WriteString(res.Case)
	for i, d := range res.Diffs {
		if i == maxDiffs {
			fmt.Fprintf(&b, "\n  and %d more", len(res.Diffs)-i)
			break
		}
		b.WriteString("\n  " + strings.ReplaceAll(d.String(), "\n", "\n  "))
	}
	return b.String()
}

func (res *Result) apply(l Level) { res.applies[l] = true }

func (res *Result) fail(l Level) { res.applies[l], res.failed[l] = true, true }

func (res *Result) differ(l Level, event int, field string, want, got any) {
	res.fail(l)
	res.Diffs = append(res.Diffs, Diff{Level: l, Event: event, Field: field, Want: fmt.Sprint(want), Got: fmt.Sprint(got)})
}

func (res *Result) note(format string, args ...any) {
	res.Notes = append(res.Notes, fmt.Sprintf(format, args...))
}

// Tally adds up results.
type Tally struct {
	Cases   int
	Passed  int
	Applied [levels]int // how often a case pinned a level
	Held    [levels]int // how often a level that applied passed
	Notes   int
	Failed  []string // names of cases
}

// Add adds a result.
func (t *Tally) Add(res *Result) {
	t.Cases++
	t.Notes += len(res.Notes)
	if res.Passed() {
		t.Passed++
	} else {
		t.Failed = append(t.Failed, res.Case)
	}
	for l := range levels {
		if res.applies[l] {
			t.Applied[l]++
			if !res.failed[l] {
				t.Held[l]++
			}
		}
	}
}

// String is one line for all cases, one for each level and one for each area
// with failures.
func (t *Tally) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d of %d cases passed, %d leniencies used\n", t.Passed, t.Cases, t.Notes)
	for l := range levels {
		fmt.Fprintf(&b, "%-12s %d of %d\n", l, t.Held[l], t.Applied[l])
	}
	areas := map[string]int{}
	for _, name := range t.Failed {
		area, _, _ := strings.Cut(name, "-")
		areas[area]++
	}
	for _, area := range sortedKeys(areas, nil) {
		fmt.Fprintf(&b, "failed in %s: %d\n", area, areas[area])
	}
	return b.String()
}

// FailedCases is the sorted names of the failed cases.
func (t *Tally) FailedCases() []string { return slices.Sorted(slices.Values(t.Failed)) }
