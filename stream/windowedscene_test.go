package stream_test

import (
	"strings"
	"testing"
)

func compareScene(t *testing.T, sc scene, j *job, want *outcome, cache int) {
	t.Helper()
	var updates []string
	rows := map[string]string{}
	for _, o := range j.out {
		row, update := windowedText(t, sc.key, o)
		updates = append(updates, update)
		rows[row] = update
	}
	if cache == 0 || sc.emit {
		for i := range max(len(updates), len(want.updates)) {
			got, expected := "none", "none"
			if i < len(updates) {
				got = updates[i]
			}
			if i < len(want.updates) {
				expected = want.updates[i]
			}
			if got != expected {
				t.Fatalf("update %d of %d: %s, want %s of %d", i, len(updates), got, expected, len(want.updates))
			}
		}
	}
	for row, update := range want.rows {
		// A cache says nothing of rows that came and went between two commits.
		if got := rows[row]; got != update && !(cache > 0 && got == "" && strings.HasPrefix(update, row+"=null")) {
			t.Fatalf("row %s: %q, want %q", row, got, update)
		}
	}
	for row, update := range rows {
		if want.rows[row] == "" {
			t.Fatalf("%q is not expected", update)
		}
	}
	if j.dropped != want.dropped || want.dropped == 0 {
		t.Errorf("%d dropped, want %d", j.dropped, want.dropped)
	}
	if len(want.updates) < 100 {
		t.Errorf("%d updates: a weak run", len(want.updates))
	}
}
