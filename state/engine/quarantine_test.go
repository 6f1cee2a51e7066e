package engine_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/state/engine"
)

func damaged(t *testing.T, dir, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "sub", "file"), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func TestQuarantine(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "0_1")
	// What only looks like an older copy stays.
	for _, other := range []string{"0_1.corrupt-", "0_1.corrupt-x", "0_1.corrupt-01", "0_1.corrupt-1x", "0_10.corrupt-5", "0_2"} {
		damaged(t, filepath.Join(parent, other), "")
	}
	others := names(t, parent)
	for i, tt := range []struct {
		second int64
		keep   int
		moved  string
		copies []string
	}{
		{999, 2, "0_1.corrupt-999", []string{"0_1.corrupt-999"}},
		{1000, 2, "0_1.corrupt-1000", []string{"0_1.corrupt-1000", "0_1.corrupt-999"}},
		{1000, 2, "0_1.corrupt-1001", []string{"0_1.corrupt-1000", "0_1.corrupt-1001"}}, // two in a second
		{5000, 2, "0_1.corrupt-5000", []string{"0_1.corrupt-1001", "0_1.corrupt-5000"}},
		{6000, 1, "0_1.corrupt-6000", []string{"0_1.corrupt-6000"}},
		{7000, 0, "", nil},
		{8000, -1, "", nil},
	} {
		damaged(t, dir, "content")
		moved, err := engine.Quarantine(dir+string(filepath.Separator), time.Unix(tt.second, 5), tt.keep)
		if err != nil {
			t.Fatal(i, err)
		}
		if want := filepath.Join(parent, tt.moved); tt.moved != "" && moved != want || tt.moved == "" && moved != "" {
			t.Errorf("%d: moved to %q, want %q", i, moved, tt.moved)
		}
		want := slices.Sorted(slices.Values(append(slices.Clone(others), tt.copies...)))
		if got := names(t, parent); !slices.Equal(got, want) {
			t.Errorf("%d: %q, want %q", i, got, want)
		}
		if moved != "" {
			if got, err := os.ReadFile(filepath.Join(moved, "sub", "file")); string(got) != "content" {
				t.Errorf("%d: %q, %v", i, got, err)
			}
		}
	}
	if _, err := engine.Quarantine(dir, time.Now(), 1); err == nil {
		t.Error("no error for a folder that is not there")
	}
	if _, err := engine.Quarantine(filepath.Join(parent, "none", "0_1"), time.Now(), 1); err == nil {
		t.Error("no error without a parent")
	}
}

// Links lead out of the state folder: what they point to stays.
func TestQuarantineLinks(t *testing.T) {
	parent, outside := t.TempDir(), t.TempDir()
	damaged(t, outside, "keep")
	dir := filepath.Join(parent, "0_1")
	damaged(t, dir, "x")
	for _, link := range []string{filepath.Join(dir, "link"), filepath.Join(parent, "0_1.corrupt-1")} {
		if err := os.Symlink(outside, link); err != nil {
			t.Skip(err)
		}
	}
	if _, err := engine.Quarantine(dir, time.Unix(2, 0), 0); err != nil {
		t.Fatal(err)
	}
	if got := names(t, parent); len(got) != 0 {
		t.Errorf("left: %q", got)
	}
	if got, err := os.ReadFile(filepath.Join(outside, "sub", "file")); string(got) != "keep" {
		t.Errorf("behind the link: %q, %v", got, err)
	}
}
