package worker

import (
	"errors"
	"testing"
)

// Only the member that was given the tasks may commit for them: another id is
// that of a member that the group had forgotten.
func TestMembership(t *testing.T) {
	w, _ := member(t)
	id, generation := w.consumer.GroupMetadata()
	for _, test := range []struct {
		name, given string
		want        error
	}{
		{"nothing was given yet", "", nil},
		{"the same member", id, nil},
		{"forgotten and taken in anew", "another", errFenced},
	} {
		w.member = test.given
		gotID, gotGeneration, err := w.membership()
		if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
		if gotID != id || gotGeneration != generation {
			t.Errorf("%s: member %s of generation %d, want %s of %d", test.name, gotID, gotGeneration, id, generation)
		}
	}
}
