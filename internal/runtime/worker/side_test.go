package worker

import (
	"testing"

	"github.com/ottla-streams/ottla/internal/runtime/statedir"
)

func TestStrange(t *testing.T) {
	dir, err := statedir.Open(t.TempDir(), "app")
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	w := &Worker{c: Config{App: "app", Dir: dir}}
	const process = "01234567-89ab-4cde-8f01-23456789abcd"
	for id, want := range map[string]bool{
		"app-" + process + "-1":              true,
		"app-" + process + "-12":             true,
		"app-" + dir.ProcessName() + "-1":    false, // our own
		"app-other-" + process + "-1":        false, // of app-other
		"other-app-" + process + "-1":        false,
		"app2-" + process + "-1":             false,
		"app-" + process:                     false,
		"app-" + process + "-":               false,
		"app-" + process + "-x":              false,
		"app-" + process + "-1-1":            false,
		"app-payments":                       false,
		"app":                                false,
		"":                                   false,
		"app-01234567-89AB-4CDE-8F01-012345": false,
	} {
		if got := w.strange(id); got != want {
			t.Errorf("%s: %v, want %v", id, got, want)
		}
	}
}
