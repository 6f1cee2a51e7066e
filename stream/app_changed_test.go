package stream

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ottla-streams/ottla/internal/runtime/statedir"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/topology"
)

// countsOf counts records, in a store of that name; repartition counts them by
// something else before.
func countsOf(t *testing.T, store string, repartition bool) *topology.Topology {
	t.Helper()
	b := NewBuilder()
	if repartition {
		b.Stream(topology.NewTopic("other", serde.String, serde.String)).
			GroupBy(func(_, v string) string { return v }).Count(state.KeyValue("others", serde.String, serde.Int64))
	}
	b.Stream(topology.NewTopic("in", serde.String, serde.String)).GroupByKey().Count(state.KeyValue(store, serde.String, serde.Int64))
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return top
}

// An app does not start over state that its topology has no use for, unless told.
func TestOrphanedState(t *testing.T) {
	folder := t.TempDir()
	start := func(top *topology.Topology, orphan bool) (bool, error) {
		t.Helper()
		app, err := NewApp(top, Config{ID: "app", StateDir: folder, OrphanState: orphan, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		dir, err := statedir.Open(folder, "app")
		if err != nil {
			t.Fatal(err)
		}
		defer dir.Close()
		return app.compareTopology(dir)
	}
	for _, tt := range []struct {
		name   string
		store  string
		more   bool
		orphan bool
		drops  bool
		lost   string // in the error
	}{
		{"first start", "counts", false, false, false, ""},
		{"as before", "counts", false, false, true, ""},
		{"moved to another sub-topology", "counts", true, false, true, ""},
		{"another store", "totals", true, false, false, "store counts"},
		{"another store, told", "totals", true, true, true, ""},
		{"not told again", "totals", true, false, true, ""},
		{"repartition is gone", "totals", false, false, false, "repartition topic others-repartition"},
	} {
		drops, err := start(countsOf(t, tt.store, tt.more), tt.orphan)
		if drops != tt.drops || (err != nil) != (tt.lost != "") {
			t.Errorf("%s: %v, %v", tt.name, drops, err)
		}
		if tt.lost != "" && (!errors.Is(err, ErrStateOrphaned) || !strings.Contains(err.Error(), tt.lost)) {
			t.Errorf("%s: got %v, want what is lost: %s", tt.name, err, tt.lost)
		}
	}
	if err := os.WriteFile(filepath.Join(folder, "app", ".topology"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := start(countsOf(t, "counts", false), false); err != nil {
		t.Errorf("a topology that can't be read: %v", err)
	}
}

func TestMainDescribeDiff(t *testing.T) {
	_, old, _ := call(t, nil, "describe", "-o", "json")
	file := filepath.Join(t.TempDir(), "old.json")
	for _, tt := range []struct {
		name, text string
		code       int
		out, errs  string
	}{
		{"the same", old, 0, "kept store counts", ""},
		{"renamed", strings.ReplaceAll(old, `"counts`, `"words`), 1, "renamed store words → counts", "would be lost"},
		{"no JSON", "[]", 1, "", "old.json: topology description"},
	} {
		if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		code, out, errs := call(t, nil, "describe", "-diff", file)
		if code != tt.code || !strings.Contains(out, tt.out) || !strings.Contains(errs, tt.errs) {
			t.Errorf("%s: code %d\n%s%s", tt.name, code, out, errs)
		}
	}
}
