package serde

import (
	"encoding/json/jsontext"
	"reflect"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/window"
)

func TestCopies(t *testing.T) {
	copies(t, String, "abc")
	copies(t, Int16, 1)
	copies(t, Int32, 1)
	copies(t, Int64, 1)
	copies(t, Float32, 1)
	copies(t, Float64, 1)
	copies(t, Bool, true)
	copies(t, UUIDs, javaID)
	copies(t, List(String), []string{"a", ""})
	copies(t, Nullable(String), Some("a"))
	copies(t, TimeWindowed(String, time.Second), window.Key[string]{Key: "a", End: 1000})
	copies(t, SessionWindowed(String), window.Key[string]{Key: "a", End: 1000})
	copies(t, JSON[order](), order{ID: "abc", Tags: map[string]int{"d": 1}})
	copies(t, JSON[jsontext.Value](), jsontext.Value(`{"a":1}`))
	copies(t, JSON[any](), any([]any{"abc", true}))
}

// copies checks that s says so and that it's true.
func copies[T any](t *testing.T, s Serde[T], v T) {
	t.Helper()
	if !Copies(s) {
		t.Errorf("%T doesn't say that it copies", s)
	}
	src, err := s.AppendTo(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Decode(src)
	if err != nil {
		t.Fatal(err)
	}
	for i := range src {
		src[i] = 0xff
	}
	if !reflect.DeepEqual(got, v) {
		t.Errorf("%T: the value became %v with its bytes, was %v", s, got, v)
	}
}

func TestCopiesNot(t *testing.T) {
	if Copies(Bytes) || Copies(List(Bytes)) || Copies(Nullable(Bytes)) || Copies(SessionWindowed(Bytes)) {
		t.Error("something made of Bytes says that it copies")
	}
	if Copies(Serde[struct{}](nothing{})) {
		t.Error("a serde that doesn't say so copies")
	}
}
