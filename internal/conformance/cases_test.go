package conformance

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// casesDir is the folder of the cases: CONFORMANCE_DIR, or else the folder
// beside the module.
func casesDir() string {
	if dir := os.Getenv("CONFORMANCE_DIR"); dir != "" {
		return dir
	}
	return filepath.Join("..", "..", "..", "shared", "conformance", "cases")
}

var loadOnce = sync.OnceValues(func() ([]*Case, error) { return LoadAll(casesDir()) })

// loadCases loads all cases, or skips the test where there are none.
func loadCases(t testing.TB) []*Case {
	t.Helper()
	cases, err := loadOnce()
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("THE CONFORMANCE CASES ARE NOT TESTED: %v; set CONFORMANCE_DIR to their folder", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return cases
}

func TestLoadAll(t *testing.T) {
	cases := loadCases(t)
	t.Logf("%d cases", len(cases))
	if len(cases) < 600 {
		t.Errorf("only %d cases", len(cases))
	}
}

// Every function of every case is known for the types that it is applied to,
// and every event can be encoded, unless the case pins a build error.
func TestInferCases(t *testing.T) {
	for _, c := range loadCases(t) {
		types, err := Infer(c)
		if err != nil {
			if e := c.Expected.Error; e == nil || e.Phase != PhaseBuild {
				t.Errorf("%s: %v", c.Name, err)
			} else {
				t.Logf("%s: %v (build error as expected)", c.Name, err)
			}
			continue
		}
		for i, e := range c.Events {
			key, value := types.Topic(e.Topic)
			if _, err := e.Record(key, value); err != nil {
				t.Errorf("%s: event %d: %v", c.Name, i, err)
			}
		}
	}
}
