package conformance

import (
	"fmt"
	"strings"
)

// Compare compares a run with what its case expects. See [Level] for what is
// compared; the leniencies stand with the functions that grant them.
func Compare(c *Case, r *Run) *Result {
	res := &Result{Case: c.Name}
	cmp := &comparison{c: c, r: r, res: res}
	if c.Tagged(TagJavaTyping) && r.Error != nil && r.Error.Phase == PhaseBuild {
		// The case language says so: a topology with a type error may be refused.
		res.apply(Results)
		res.note("refused to build, which the case allows: %v", r.Error.Err)
		return res
	}
	if !cmp.errors() {
		cmp.unreached()
		return res
	}
	if r.Error != nil && r.Error.Phase == PhaseBuild {
		return res // there is no topology to compare
	}
	cmp.results()
	cmp.structure()
	cmp.describe()
	cmp.wireFormats()
	cmp.state()
	return res
}

// comparison is one comparison under way.
type comparison struct {
	c   *Case
	r   *Run
	res *Result
}

// events is the number of events that are compared: after an error in event i
// Java's lists hold the events before i only, and what i produced before it
// failed is not pinned.
func (cmp *comparison) events() int {
	if e := cmp.c.Expected.Error; e != nil {
		if e.Phase == PhaseEvent {
			return e.Event
		}
		return 0
	}
	return len(cmp.c.Events)
}

// errors compares the ends of the runs and reports whether they are the same.
// Texts are Java's, the step of a build error is a matter of when a library
// looks, and a library may find at build what Java finds at the start.
func (cmp *comparison) errors() bool {
	cmp.res.apply(Results)
	want, got := cmp.c.Expected.Error, cmp.r.Error
	switch {
	case want == nil && got == nil:
		return true
	case want == nil:
		cmp.res.differ(Results, got.at(), "error", "none", got)
	case got == nil:
		cmp.res.differ(Results, want.at(), "error", want.text(), "none")
	case want.Phase == PhaseStart && got.Phase == PhaseBuild:
		return true
	case want.Phase != got.Phase:
		cmp.res.differ(Results, got.at(), "error phase", want.text(), got)
	case want.Phase == PhaseEvent && want.Event != got.Event:
		cmp.res.differ(Results, got.at(), "error event", want.text(), got)
	default:
		return true
	}
	return false
}

func (e *ExpectedError) text() string {
	return fmt.Sprintf("%s %s: %s: %s", e.Phase, e.Step, e.Exception, e.Message)
}

// at is the event of an error, -1 outside of events.
func (e *ExpectedError) at() int {
	if e.Phase == PhaseEvent {
		return e.Event
	}
	return -1
}

func (e *RunError) at() int {
	if e.Phase == PhaseEvent {
		return e.Event
	}
	return -1
}

// unreached fails the levels of a run that ended otherwise than expected:
// their comparison would only repeat that.
func (cmp *comparison) unreached() {
	x := &cmp.c.Expected
	for level, applies := range map[Level]bool{
		Structure: x.Describe != nil, Describe: x.Describe != nil,
		WireFormats: x.Outputs != nil, State: x.Stores != nil,
	} {
		if applies {
			cmp.res.fail(level)
		}
	}
}

// results compares outputs, calls and the dropped records.
func (cmp *comparison) results() {
	x := &cmp.c.Expected
	for i := range cmp.events() {
		cmp.res.compareRecords(Results, i, "output", at(x.Outputs, i), at(cmp.r.Outputs, i))
		cmp.compareCalls(i, at(x.Calls, i), at(cmp.r.Calls, i))
	}
	cmp.noMoreEvents(Results, max(len(cmp.r.Outputs), len(cmp.r.Calls)))
	if x.Metrics != nil && x.Metrics.Dropped != cmp.r.Dropped {
		cmp.res.differ(Results, -1, "dropped-records-total", x.Metrics.Dropped, cmp.r.Dropped)
	}
}

// noMoreEvents refuses what a run ascribes to events that there are not.
func (cmp *comparison) noMoreEvents(l Level, n int) {
	if n > len(cmp.c.Events) {
		cmp.res.differ(l, n-1, "number of events", len(cmp.c.Events), n)
	}
}

func (cmp *comparison) compareCalls(event int, want, got []Call) {
	if len(want) != len(got) {
		cmp.res.differ(Results, event, "number of calls", len(want), len(got))
		return
	}
	for i := range want {
		if w, g := want[i].text(), got[i].text(); w != g {
			cmp.res.differ(Results, event, fmt.Sprintf("call %d", i), w, g)
			return
		}
	}
}

func (c *Call) text() string {
	return c.Step + "(" + canonical(c.Key) + ", " + canonical(c.Value) + ")"
}

// wireFormats compares repartition topics per event and topic, in order, and
// changelogs.
func (cmp *comparison) wireFormats() {
	if cmp.c.Expected.Outputs == nil {
		return
	}
	cmp.res.apply(WireFormats)
	for i := range cmp.events() {
		want, got := at(cmp.c.Expected.Repartitions, i), at(cmp.r.Repartitions, i)
		for _, topic := range topicsOf(want, got) {
			cmp.res.compareRecords(WireFormats, i, "record of "+topic, ofTopic(want, topic), ofTopic(got, topic))
		}
	}
	cmp.changelogs()
	cmp.noMoreEvents(WireFormats, max(len(cmp.r.Repartitions), len(cmp.r.Changelogs)))
}

// describe compares the text of the topology, which no program reads: it is
// counted by itself and does not decide whether a case passes.
func (cmp *comparison) describe() {
	want := cmp.c.Expected.Describe
	if want == nil {
		return
	}
	cmp.res.apply(Describe)
	if *want == cmp.r.Describe {
		return
	}
	w, g := strings.Split(*want, "\n"), strings.Split(cmp.r.Describe, "\n")
	for i := range max(len(w), len(g)) {
		if a, b := lineAt(w, i), lineAt(g, i); a != b {
			cmp.res.differ(Describe, -1, fmt.Sprintf("describe line %d", i+1), a, b)
			return
		}
	}
}

func lineAt(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(end)"
}
