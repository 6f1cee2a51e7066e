package assign

import "testing"

func TestParseTaskID(t *testing.T) {
	for _, id := range []TaskID{{0, 0}, {12, 345}, {1<<31 - 1, 1<<31 - 1}} {
		if got, err := ParseTaskID(id.String()); err != nil || got != id {
			t.Errorf("ParseTaskID(%q) = %v, %v", id.String(), got, err)
		}
	}
	for _, text := range []string{"", "_", "1", "1_", "_1", "1_2_3", "-1_0", "0_-1", "01_0", "0_+1", "0_2147483648", " 0_1"} {
		if got, err := ParseTaskID(text); err == nil {
			t.Errorf("ParseTaskID(%q) = %v, want an error", text, got)
		}
	}
}

func TestCompareTaskIDs(t *testing.T) {
	in := []TaskID{{0, 0}, {0, 1}, {0, 10}, {1, 0}}
	for i, a := range in {
		for j, b := range in {
			if got := a.Compare(b); (got < 0) != (i < j) || (got == 0) != (i == j) {
				t.Errorf("%v.Compare(%v) = %d", a, b, got)
			}
		}
	}
}
