package archtest

import (
	"slices"
	"strings"
	"testing"
)

// closures are the modules of others that come along with an import of a
// package, directly or not. Whoever imports package serde gets none.
var closures = map[string][]string{
	"serde":             nil,
	"serde/registry":    {"github.com/twmb/franz-go/pkg/sr"},
	"serde/avro":        {"github.com/twmb/avro", "github.com/twmb/franz-go/pkg/sr"},
	"serde/protobuf":    {"github.com/twmb/franz-go/pkg/sr", "google.golang.org/protobuf"},
	"serde/jsonschema":  {"github.com/santhosh-tekuri/jsonschema", "github.com/twmb/franz-go/pkg/sr", "golang.org/x/text"},
	"serde/cloudevents": nil,
	"serde/debezium":    nil,
	"serde/avro/hamba": {
		"github.com/go-viper/mapstructure", "github.com/hamba/avro", "github.com/json-iterator/go", "github.com/modern-go/concurrent",
		"github.com/modern-go/reflect2", "github.com/twmb/avro", "github.com/twmb/franz-go/pkg/sr",
	},
}

func TestClosures(t *testing.T) {
	packages := make(map[string]goPackage)
	for _, p := range listPackages(t) {
		packages[p.ImportPath] = p
	}
	for name, want := range closures {
		if _, ok := packages[module+"/"+name]; !ok {
			t.Errorf("no package %s", name)
		}
		for _, path := range below(packages, module+"/"+name) {
			if !slices.ContainsFunc(want, func(m string) bool { return covers(m+"/...", path) }) {
				t.Errorf("package %s: %s comes along: is it worth that, see closures", name, path)
			}
		}
	}
}

// below returns the packages of other modules that the package leads to.
func below(packages map[string]goPackage, from string) []string {
	seen := map[string]bool{from: true}
	var found []string
	for next := []string{from}; len(next) > 0; next = next[1:] {
		for _, path := range packages[next[0]].Imports {
			if seen[path] || packages[path].Standard {
				continue
			}
			seen[path] = true
			next = append(next, path)
			if !strings.HasPrefix(path, module+"/") {
				found = append(found, path)
			}
		}
	}
	return found
}
