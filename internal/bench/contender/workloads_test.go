package main

import "testing"

// TestWorkloads checks that every workload builds, and says what it lacks.
func TestWorkloads(t *testing.T) {
	for name := range workloads {
		for _, cached := range []bool{false, true} {
			if _, err := build(name, "app", cached); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if _, err := build("unheard-of", "app", false); err == nil {
		t.Error("an unknown workload builds")
	}
}
