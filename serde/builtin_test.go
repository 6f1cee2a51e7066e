package serde

import "testing"

func TestFor(t *testing.T) {
	hasBuiltin(t, String)
	hasBuiltin(t, Bytes)
	hasBuiltin(t, Int16)
	hasBuiltin(t, Int32)
	hasBuiltin(t, Int64)
	hasBuiltin(t, Float32)
	hasBuiltin(t, Float64)
	hasBuiltin(t, Bool)
	hasBuiltin(t, UUIDs)
	hasBuiltin(t, Nullable(String))
	hasBuiltin(t, Nullable(Bytes))
	hasBuiltin(t, Nullable(UUIDs))
	hasBuiltin(t, Nullable(Nullable(Int64)))
}

func hasBuiltin[T any](t *testing.T, want Serde[T]) {
	t.Helper()
	if got, ok := For[T](); !ok || any(got) != any(want) {
		t.Errorf("For gives %T, %v; want %T", got, ok, want)
	}
}

func TestForOthers(t *testing.T) {
	type name string
	type wrapped struct{ Null[string] }
	type pointing struct{ *Null[string] }
	hasNone[int](t)
	hasNone[uint64](t)
	hasNone[name](t)
	hasNone[*string](t)
	hasNone[any](t)
	hasNone[error](t)
	hasNone[struct{}](t)
	hasNone[[]string](t)
	hasNone[Null[int]](t)
	hasNone[wrapped](t)
	hasNone[pointing](t)
}

func hasNone[T any](t *testing.T) {
	t.Helper()
	if got, ok := For[T](); ok || got != nil {
		t.Errorf("For gives %T, %v; want none", got, ok)
	}
}
