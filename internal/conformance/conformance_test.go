package conformance

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/ottla-streams/ottla/internal/runtime/drive"
)

// tally counts the outcomes of an area of cases.
type outcomes struct {
	passed, failed, absent int
	reasons                map[string]int
}

// TestConformance runs every case that the DSL can express and compares it
// with what Kafka Streams did, or with what this library does instead on purpose.
// A case that says itself that Java is wrong then passes; others count as not
// expressed.
//
// It writes its summary to the file that CONFORMANCE_SUMMARY names. With
// CONFORMANCE_VERBOSE it tells the counts of each area.
func TestConformance(t *testing.T) {
	cases := loadCases(t)
	total, areas := &outcomes{reasons: map[string]int{}}, map[string]*outcomes{}
	described, equal := 0, 0
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			area := areaOf(areas, c.Name)
			run, err := runSafely(c, nil)
			var no notExpressed
			if errors.As(err, &no) {
				total.skip(no)
				area.skip(no)
				t.Skip(no)
			}
			if err != nil {
				total.failed++
				area.failed++
				t.Fatal(err)
			}
			d, err := differenceOf(c)
			if err != nil {
				t.Fatal(err)
			}
			res := d.compare(c, run)
			if res.Applies(Describe) {
				described++
				if res.PassedLevel(Describe) {
					equal++
				}
			}
			if res.Passed() && d != nil && !c.Tagged(TagJavaDefect) {
				no := notExpressed("differs on purpose: " + d.Why)
				total.skip(no)
				area.skip(no)
				t.Skip(no)
			}
			if !res.Passed() {
				total.failed++
				area.failed++
				t.Error(res)
				return
			}
			total.passed++
			area.passed++
			if !res.PassedLevel(Describe) {
				t.Log(res)
			}
		})
	}
	summary := fmt.Sprintf("conformance: %d passed, %d failed, %d not expressed\ndescribe: %d of %d equal\n",
		total.passed, total.failed, total.absent, equal, described)
	if os.Getenv("CONFORMANCE_VERBOSE") != "" {
		t.Log("\n" + report(areas, total))
	}
	t.Log("\n" + summary)
	if path := os.Getenv("CONFORMANCE_SUMMARY"); path != "" {
		if err := os.WriteFile(path, []byte(summary), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// runSafely runs a case; a panic of the library is an error.
func runSafely(c *Case, configure func(*drive.Config)) (r *Run, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return runCase(c, configure)
}

func (o *outcomes) skip(why notExpressed) {
	o.absent++
	o.reasons[string(why)]++
}

// areaOf is the outcomes of the area of a case.
func areaOf(areas map[string]*outcomes, name string) *outcomes {
	area, _, _ := strings.Cut(name, "-")
	if areas[area] == nil {
		areas[area] = &outcomes{reasons: map[string]int{}}
	}
	return areas[area]
}

// report is one line for each area and for each reason why cases are not
// expressed.
func report(areas map[string]*outcomes, total *outcomes) string {
	var b strings.Builder
	for _, name := range sortedKeys(areas, nil) {
		a := areas[name]
		fmt.Fprintf(&b, "%-12s %4d passed, %4d failed, %4d not expressed\n", name, a.passed, a.failed, a.absent)
	}
	for _, why := range sortedKeys(total.reasons, nil) {
		fmt.Fprintf(&b, "%4d not expressed: %s\n", total.reasons[why], why)
	}
	return b.String()
}
