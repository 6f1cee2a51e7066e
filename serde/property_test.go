package serde

import (
	"bytes"
	"math/rand"
	"reflect"
	"testing"
	"testing/quick"

	"github.com/ottla-streams/ottla/window"
)

// Whatever is written is read back, is written behind what was there, and is
// the same in all tries.
func TestRoundTrips(t *testing.T) {
	roundTrips(t, String)
	roundTrips(t, Int16)
	roundTrips(t, Int32)
	roundTrips(t, Int64)
	roundTrips(t, Float32)
	roundTrips(t, Float64)
	roundTrips(t, Bool)
	roundTrips(t, UUIDs)
	roundTrips(t, List(String))
	roundTrips(t, List(Int64))
	roundTrips(t, List(UUIDs))
	roundTrips(t, List(List(Bool)))
	roundTrips(t, List(List(Nullable(Int16))))
	roundTrips(t, List(Nullable(String)))
	roundTrips(t, List(Nullable(Float64)))
	roundTrips(t, timeKeys[string]{TimeWindowedMillis(String, 1000)})
	roundTrips(t, timeKeys[[]int32]{TimeWindowedMillis(List(Int32), 1000)})
	roundTrips(t, sessionKeys[int64]{SessionWindowed(Int64)})
	roundTrips(t, JSON[map[string]float64]())
	roundTrips(t, JSON[struct {
		A []int
		B map[int16]bool
		C *uint8
		D [3]byte
	}]())
}

func roundTrips[T any](t *testing.T, s Serde[T]) {
	t.Helper()
	var dst []byte
	f := func(v T) bool {
		prefix := len(dst)
		before := bytes.Clone(dst)
		b, err := s.AppendTo(dst, v)
		if err != nil || !bytes.Equal(b[:prefix], before) {
			t.Logf("AppendTo: %x, %v", b, err)
			return false
		}
		src := bytes.Clone(b[prefix:])
		got, err := s.Decode(src)
		if err != nil || !bytes.Equal(src, b[prefix:]) {
			t.Logf("Decode: %v", err)
			return false
		}
		again, err := s.AppendTo(nil, got)
		if dst = b; len(dst) > 100_000 {
			dst = dst[:0]
		}
		return err == nil && bytes.Equal(again, src) && same(s, got, v)
	}
	if err := quick.Check(f, &quick.Config{MaxCount: 300, Values: valuesOf[T](s)}); err != nil {
		t.Errorf("%T: %v", s, err)
	}
}

// same compares values. JSON has one form for a nil and an empty
// slice or map, so there equal bytes, which are compared anyway, have to do.
func same[T any](s Serde[T], a, b T) bool {
	if _, ok := s.(*jsonSerde[T]); ok {
		return true
	}
	return reflect.DeepEqual(a, b)
}

// generator is implemented by serdes in tests that take some values only.
type generator[T any] interface {
	generate(r *rand.Rand) T
}

func valuesOf[T any](s Serde[T]) func([]reflect.Value, *rand.Rand) {
	return func(args []reflect.Value, r *rand.Rand) {
		if g, ok := s.(generator[T]); ok {
			args[0] = reflect.ValueOf(g.generate(r))
			return
		}
		args[0] = random[T](r)
	}
}

// random is a value without nil slices, which would be nulls.
func random[T any](r *rand.Rand) reflect.Value {
	for {
		v, ok := quick.Value(reflect.TypeFor[T](), r)
		if ok && !(v.Kind() == reflect.Slice && v.IsNil()) {
			return clearNulls(v)
		}
	}
}

// clearNulls clears the values of nulls, which aren't written.
func clearNulls(v reflect.Value) reflect.Value {
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	var walk func(reflect.Value)
	walk = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Slice:
			for i := range v.Len() {
				walk(v.Index(i))
			}
		case reflect.Struct:
			if valid := v.FieldByName("Valid"); valid.IsValid() && !valid.Bool() {
				v.SetZero()
			}
		}
	}
	walk(c)
	return c
}

type timeKeys[K any] struct{ Serde[window.Key[K]] }

func (timeKeys[K]) generate(r *rand.Rand) window.Key[K] {
	start := r.Int63n(1 << 50)
	return window.Key[K]{Key: random[K](r).Interface().(K), Start: start, End: start + 1000}
}

type sessionKeys[K any] struct{ Serde[window.Key[K]] }

func (sessionKeys[K]) generate(r *rand.Rand) window.Key[K] {
	start := r.Int63() - r.Int63()
	return window.Key[K]{Key: random[K](r).Interface().(K), Start: start, End: start + r.Int63n(1<<50)}
}
