package conformance

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// findCase returns the case of a name.
func findCase(t *testing.T, name string) *Case {
	t.Helper()
	for _, c := range loadCases(t) {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("case %s is missing", name)
	return nil
}

func mustPass(t *testing.T, c *Case, r *Run, notes int) {
	t.Helper()
	res := Compare(c, r)
	if !res.Passed() || len(res.Notes) != notes {
		t.Errorf("%v\nnotes %q, want %d", res, res.Notes, notes)
	}
}

func mustDiffer(t *testing.T, c *Case, r *Run, l Level) {
	t.Helper()
	res := Compare(c, r)
	if res.PassedLevel(l) {
		t.Errorf("%s: %s passed", c.Name, l)
	}
}

// The changelogs of a run that logs at the commit pass everywhere: the last
// record of each entry, in another order.
func TestChangelogOfCommits(t *testing.T) {
	shorter := 0
	for _, c := range loadCases(t) {
		versioned := (&comparison{c: c}).versionedChangelogs()
		r := expectedRun(c)
		for i, list := range r.Changelogs {
			last := lastOfEntries(list, versioned, (*Record).entry)
			reduced := []Record{}
			for _, id := range slices.Backward(idsOf(nil, last)) {
				reduced = append(reduced, last[id])
			}
			shorter += len(list) - len(reduced)
			r.Changelogs[i] = reduced
		}
		mustPass(t, c, r, 0)
	}
	if shorter == 0 {
		t.Error("no event logs an entry twice")
	}
	t.Logf("%d records fewer", shorter)
}

// A tombstone of an entry that was absent may be missing and may be there, one
// of an entry that was there may not be missing.
func TestTombstoneOfAbsent(t *testing.T) {
	removed, kept := 0, 0
	for _, c := range loadCases(t) {
		versioned := (&comparison{c: c}).versionedChangelogs()
		live := map[entryID]bool{}
		for e, list := range c.Expected.Changelogs {
			for id, w := range lastOfEntries(list, versioned, (*ExpectedRecord).entry) {
				wasLive := live[id]
				live[id] = w.Value != nil
				if w.Value != nil {
					continue
				}
				r := expectedRun(c)
				r.Changelogs[e] = slices.DeleteFunc(r.Changelogs[e], func(rec Record) bool {
					got := rec.entry()
					if !versioned[got.topic] {
						got.from = 0
					}
					return got == id
				})
				if wasLive {
					kept++
					mustDiffer(t, c, r, WireFormats)
				} else {
					removed++
					mustPass(t, c, r, 1)
				}
			}
		}
	}
	if removed == 0 || kept == 0 {
		t.Errorf("%d tombstones of absent entries, %d of others", removed, kept)
	}

	c := findCase(t, "agg-count")
	r := expectedRun(c)
	extra := r.Changelogs[0][0]
	extra.Key, extra.Value = []byte("never put"), nil
	r.Changelogs[0] = append(r.Changelogs[0], extra)
	mustPass(t, c, r, 1)
	extra.Value = []byte{}
	r.Changelogs[0][len(r.Changelogs[0])-1] = extra
	mustDiffer(t, c, r, WireFormats)
}

// Expired entries may be missing from cached stores, others may not.
func TestExpiredEntriesOfCachedStores(t *testing.T) {
	missing, kept := 0, 0
	for _, c := range loadCases(t) {
		cmp := &comparison{c: c}
		for name, s := range c.Expected.Stores {
			expired := cmp.expiry(name, &s)
			for i := range s.Entries {
				if c.Config.CacheMaxBytes == 0 && s.Kind != KindWindow {
					continue
				}
				r := expectedRun(c)
				got := r.Stores[name]
				got.Entries = slices.Delete(got.Entries, i, i+1)
				r.Stores[name] = got
				if expired(&s.Entries[i]) {
					missing++
					mustPass(t, c, r, 1)
				} else if kept++; kept%10 == 0 {
					mustDiffer(t, c, r, State)
				}
			}
		}
	}
	if missing == 0 || kept == 0 {
		t.Errorf("%d entries expired, %d did not", missing, kept)
	}
	t.Logf("%d entries expired, %d did not", missing, kept)
}

// The retention computed from a step is that of its changelog.
func TestRetentionOfStep(t *testing.T) {
	tested := 0
	for _, c := range loadCases(t) {
		for i := range c.Topology {
			m := c.Topology[i].Materialized
			if m == nil || m.Store == nil {
				continue
			}
			bare := *c
			bare.Expected.Subtopologies = nil
			want, ok := (&comparison{c: c}).retention(*m.Store)
			got, computed := (&comparison{c: &bare}).retention(*m.Store)
			if !ok || !computed {
				continue
			}
			if tested++; want != got {
				t.Errorf("%s: store %s: computed %d, want %d", c.Name, *m.Store, got, want)
			}
		}
	}
	if tested == 0 {
		t.Error("there was nothing to test")
	}
}

func TestLenientErrors(t *testing.T) {
	build := &RunError{Phase: PhaseBuild, Err: errors.New("refused")}
	mustPass(t, findCase(t, "error-partitions-zero"), &Run{Error: build}, 0) // Java refuses at the start
	mustPass(t, findCase(t, "error-serialization"), &Run{Error: build}, 1)   // java-typing
	mustPass(t, findCase(t, "error-two-global"), &Run{Error: build}, 0)
	mustDiffer(t, findCase(t, "error-two-global"), &Run{Error: &RunError{Phase: PhaseStart, Err: errors.New("late")}}, Results)
	mustDiffer(t, findCase(t, "agg-count"), &Run{Error: build}, State)

	c := findCase(t, "error-function") // fails in event 1
	r := expectedRun(c)
	r.Produced(1, Record{Topic: "out"}) // what event 1 produced is not pinned
	mustPass(t, c, r, 0)
	r.Produced(0, Record{Topic: "out"})
	mustDiffer(t, c, r, Results)
}

// What is said not to be compared is not.
func TestNotCompared(t *testing.T) {
	for _, c := range loadCases(t) {
		r := expectedRun(c)
		for name, s := range r.Stores {
			s.Persistent = !s.Persistent
			s.Bytes++
			r.Stores[name] = s
		}
		for i := range r.Outputs {
			for j := range r.Outputs[i] {
				for k, h := range r.Outputs[i][j].Headers {
					if h.Any {
						r.Outputs[i][j].Headers[k].Value = []byte("Go's own")
					}
				}
			}
		}
		slices.Reverse(r.Subtopologies)
		slices.Reverse(r.CopartitionGroups)
		mustPass(t, c, r, 0)
	}
}

// Differences are readable: they name the level, the event and the field.
func TestDiffText(t *testing.T) {
	c := findCase(t, "agg-count")
	r := expectedRun(c)
	r.Outputs[0][0].Value = nil
	text := Compare(c, r).String()
	for _, want := range []string{"agg-count", "results, event 0: output 0 value:", "want ", "got  ", "=null @"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q lacks %q", text, want)
		}
	}
	var tally Tally
	tally.Add(Compare(c, r))
	for _, want := range []string{"0 of 1 cases passed", "results      0 of 1", "failed in agg: 1"} {
		if !strings.Contains(tally.String(), want) {
			t.Errorf("%q lacks %q", tally.String(), want)
		}
	}
}
