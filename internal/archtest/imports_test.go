package archtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// goPackage is what go list says about a package. Imports leaves out those of
// its tests, which are free.
type goPackage struct {
	ImportPath string
	Standard   bool
	Imports    []string
}

func TestImports(t *testing.T) {
	packages := listPackages(t)
	if !slices.ContainsFunc(packages, func(p goPackage) bool { return p.ImportPath == module+"/serde" }) {
		t.Fatal("go list named none of the module's packages")
	}
	for _, problem := range checkImports(layers, packages) {
		t.Error(problem)
	}
}

// listPackages returns the packages of the module and all that they depend on.
// Packages that don't compile are listed too: that is for the compiler to say.
func listPackages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-deps", "-json=ImportPath,Standard,Imports", "./...")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			t.Fatalf("go list: %v: %s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	var packages []goPackage
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

// checkImports returns what breaks the rules, one line each.
func checkImports(rules []layer, packages []goPackage) []string {
	standard := make(map[string]bool)
	for _, p := range packages {
		standard[p.ImportPath] = p.Standard
	}
	var problems []string
	for _, p := range packages {
		name, ours := strings.CutPrefix(p.ImportPath, module+"/")
		if !ours {
			if p.ImportPath == module {
				problems = append(problems, "package in the module's root: move it to a folder of its own")
			}
			continue
		}
		rule, ok := findLayer(rules, name)
		if !ok {
			problems = append(problems, fmt.Sprintf(
				"package %s: not in the table of layers: add it to internal/archtest/layers_test.go with what it may import", name))
			continue
		}
		for _, path := range p.Imports {
			if !rule.allows(name, path, standard[path]) {
				problems = append(problems, fmt.Sprintf(
					"package %s: must not import %s: see layers in internal/archtest/layers_test.go", name, strings.TrimPrefix(path, module+"/")))
			}
		}
	}
	return problems
}

// findLayer returns the row with the longest path that covers the package.
func findLayer(rules []layer, pkg string) (layer, bool) {
	var found layer
	for _, r := range rules {
		if covers(r.pkg, pkg) && len(r.pkg) > len(found.pkg) {
			found = r
		}
	}
	return found, found.pkg != ""
}

// allows tells whether the package named pkg, of this row, may import path.
func (l layer) allows(pkg, path string, standard bool) bool {
	if standard {
		users, ok := guarded[path]
		return !ok || slices.ContainsFunc(users, func(u string) bool { return covers(u, pkg) })
	}
	if name, ours := strings.CutPrefix(path, module+"/"); ours {
		return slices.ContainsFunc(l.may, func(m string) bool { return covers(m, name) }) ||
			strings.HasSuffix(l.pkg, "/...") && covers(l.pkg, name)
	}
	return slices.ContainsFunc(l.third, func(m string) bool { return covers(m+"/...", path) })
}

// covers tells whether the pattern, a path or a path and /..., fits path.
func covers(pattern, path string) bool {
	if pattern == "..." {
		return true
	}
	parent, below := strings.CutSuffix(pattern, "/...")
	return path == parent || below && strings.HasPrefix(path, parent+"/")
}

// The table itself: rows name only rows above them, so it has no cycles and
// what a lower layer can't reach directly it can't reach at all.
func TestLayersAscend(t *testing.T) {
	for i, l := range layers {
		for _, m := range l.may {
			if m == "..." {
				continue
			}
			known := slices.ContainsFunc(layers[:i], func(below layer) bool { return below.pkg == m || covers(m, below.pkg) })
			if !known {
				t.Errorf("row %s: %s is not a row above it", l.pkg, m)
			}
		}
		if slices.ContainsFunc(layers[:i], func(o layer) bool { return o.pkg == l.pkg }) {
			t.Errorf("row %s: stands twice", l.pkg)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(guarded)) {
		for _, user := range guarded[path] {
			if !slices.ContainsFunc(layers, func(l layer) bool { return l.pkg == user }) {
				t.Errorf("guarded %s: %s is not a row of layers", path, user)
			}
		}
	}
}

func TestCheckImports(t *testing.T) {
	known := []goPackage{
		{ImportPath: "fmt", Standard: true},
		{ImportPath: "testing", Standard: true},
		{ImportPath: "log/slog", Standard: true},
		{ImportPath: "log", Standard: true},
	}
	tests := []struct {
		pkg, path string
		ok        bool
	}{
		{"serde", "fmt", true},
		{"serde", "log/slog", true},
		{"serde", "log", false},
		{"serde", "testing", false},
		{"state/storetest", "testing", true},
		{"serde", module + "/window", true},
		{"window", module + "/serde", false},
		{"serde", "github.com/twmb/avro", false},
		{"serde/avro", "github.com/twmb/avro", true},
		{"serde/avro", "github.com/twmb/avrox", false},
		{"serde/avro", "github.com/hamba/avro/v2", false},
		{"serde/avro/hamba", "github.com/hamba/avro/v2", true},
		{"serde/unknown", module + "/serde", false},
		{"state/engine", "github.com/cockroachdb/pebble/v2", false},
		{"state/engine/pebble", "github.com/cockroachdb/pebble/v2/vfs", true},
		{"table", module + "/stream", false},
		{"stream", module + "/table", true},
		{"stream", module + "/internal/runtime/worker", true},
		{"internal/runtime/worker", module + "/stream", false},
		{"internal/runtime/task", module + "/table", false},
		{"internal/runtime/task", "github.com/twmb/franz-go/pkg/kgo", false},
		{"internal/runtime/collect", "github.com/twmb/franz-go/pkg/kgo", true},
		{"internal/runtime/worker", kfake, false},
		{"internal/runtime/worker", "github.com/prometheus/client_golang/prometheus", false},
		{"internal/metrics", "github.com/prometheus/client_golang/prometheus", true},
		{"examples/wordcount", kfake, true},
		{"examples/wordcount", module + "/stream", true},
		{"examples/wordcount", module + "/examples/internal/run", true},
		{"examples/wordcount", module + "/internal/graph", false},
		{"internal/e2e/chaos", module + "/internal/e2e/broker", true},
		{"internal/conformance", module + "/internal/graph", true},
		{"internal/unknown", "fmt", false},
	}
	for _, tt := range tests {
		p := goPackage{ImportPath: module + "/" + tt.pkg, Imports: []string{tt.path}}
		problems := checkImports(layers, append(known, p))
		if ok := len(problems) == 0; ok != tt.ok {
			t.Errorf("%s imports %s: allowed %v, want %v: %v", tt.pkg, tt.path, ok, tt.ok, problems)
		}
	}
	inRoot := checkImports(layers, []goPackage{{ImportPath: module}})
	if len(inRoot) != 1 {
		t.Errorf("package in the root: %v, want one problem", inRoot)
	}
}
