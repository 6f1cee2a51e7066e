package flow_test

import (
	"testing"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/serde"
)

func check[T any](t *testing.T, possible bool, null, other T) {
	t.Helper()
	n := flow.NullsOf[T]()
	if n.Possible() != possible {
		t.Errorf("%T: Possible is %v", null, n.Possible())
	}
	if n.Is(&null) != possible {
		t.Errorf("%T: the null is not told: %v", null, null)
	}
	if n.Is(&other) {
		t.Errorf("%T: %v is taken for a null", null, other)
	}
	if allocs := testing.AllocsPerRun(100, func() { v := other; n.Is(&v) }); allocs != 0 {
		t.Errorf("%T: %v allocations", null, allocs)
	}
}

type embedding struct{ *serde.Null[int] }

func TestNulls(t *testing.T) {
	one := 1
	check(t, true, nil, &one)
	check(t, true, nil, []byte{})
	check(t, true, nil, map[string]int{})
	check[any](t, true, nil, 0)
	check[error](t, true, nil, errNone{})
	check(t, true, serde.Null[string]{}, serde.Some(""))
	check(t, true, serde.Null[serde.Null[int64]]{}, serde.Some(serde.Null[int64]{}))
	check(t, false, 0, 0)
	check(t, false, "", "")
	check(t, false, struct{ Valid bool }{}, struct{ Valid bool }{})
	check(t, false, embedding{}, embedding{})
}

type errNone struct{}

func (errNone) Error() string { return "" }
