package conformance

import (
	"path/filepath"
	"testing"
)

// What the cases beside the module leave open was recorded from Kafka Streams
// 4.3.1 too, in their language: outputs, changelogs and dropped records.
func TestRecorded(t *testing.T) {
	cases, err := LoadAll(filepath.Join("testdata", "recorded"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			run, err := runSafely(c, nil)
			if err != nil {
				t.Fatal(err)
			}
			if res := Compare(c, run); !res.Passed() || !res.Applies(WireFormats) {
				t.Error(res)
			}
		})
	}
}
