package e2e

import "testing"

func TestZZ(t *testing.T) {
	judged{"smoke", "exactly_once_v2", "broker", nil}.excuse(t, "/tmp/me/ex")
	t.Error("not excused")
}
