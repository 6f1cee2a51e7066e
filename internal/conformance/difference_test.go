package conformance

import (
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"testing"
)

// differencesDir holds a file for each case whose result differs from Java's
// on purpose.
var differencesDir = filepath.Join("testdata", "differences")

// difference says what this library does with a case instead of what Java did.
type difference struct {
	Why string `json:"why"`
	// Expected are the members of the case's expectation that are others here,
	// null for those that are not there.
	Expected map[string]jsontext.Value `json:"expected"`
}

// differenceOf is the difference of a case, nil if it has none.
func differenceOf(c *Case) (*difference, error) {
	text, err := os.ReadFile(filepath.Join(differencesDir, c.Name+".json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	d := new(difference)
	if err := json.Unmarshal(text, d, strict); err != nil {
		return nil, fmt.Errorf("difference of %s: %w", c.Name, err)
	}
	return d, nil
}

// compare compares a run with what is expected of the library. One that does
// what Java does has to be taken off the list.
func (d *difference) compare(c *Case, r *Run) *Result {
	if d == nil {
		return Compare(c, r)
	}
	java := Compare(c, r)
	ours, err := d.apply(c)
	if err != nil {
		java.differ(Results, -1, "difference", "a readable file", err)
		return java
	}
	res := Compare(ours, r)
	if java.Passed() {
		res.differ(Results, -1, "difference", d.Why, "what Java does")
	}
	return res
}

// apply is the case with what is expected of the library.
func (d *difference) apply(c *Case) (*Case, error) {
	text, err := os.ReadFile(filepath.Join(casesDir(), c.Name+".json"))
	if err != nil {
		return nil, err
	}
	var members, expected map[string]jsontext.Value
	if err := json.Unmarshal(text, &members); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(members["expected"], &expected); err != nil {
		return nil, err
	}
	maps.Copy(expected, d.Expected)
	if expected["error"].Kind() == 'n' {
		delete(expected, "error")
	}
	if members["expected"], err = json.Marshal(expected); err != nil {
		return nil, err
	}
	if text, err = json.Marshal(members); err != nil {
		return nil, err
	}
	return Parse(text)
}

// Every difference belongs to a case and says why.
func TestDifferences(t *testing.T) {
	names := map[string]bool{}
	for _, c := range loadCases(t) {
		names[c.Name+".json"] = true
	}
	files, err := os.ReadDir(differencesDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		d, err := differenceOf(&Case{Name: f.Name()[:len(f.Name())-len(".json")]})
		switch {
		case err != nil:
			t.Error(err)
		case !names[f.Name()]:
			t.Errorf("difference %s: there is no such case", f.Name())
		case d.Why == "" || len(d.Expected) == 0:
			t.Errorf("difference %s: it says nothing", f.Name())
		}
	}
}
