package serde

import (
	"reflect"
	"testing"
)

func TestHeadersAddAndLast(t *testing.T) {
	var h Headers
	if v, ok := h.Last("a"); ok || v != nil {
		t.Errorf("Last of nothing: %v, %v", v, ok)
	}
	h.Add("a", []byte("1"))
	h.Add("b", nil)
	h.Add("a", []byte{})
	if v, ok := h.Last("a"); !ok || v == nil || len(v) != 0 {
		t.Errorf("Last(a) = %#v, %v; want the empty value", v, ok)
	}
	if v, ok := h.Last("b"); !ok || v != nil {
		t.Errorf("Last(b) = %#v, %v; want a null", v, ok)
	}
	if _, ok := h.Last("A"); ok {
		t.Error("Last(A) found a")
	}
}

func TestHeadersRemove(t *testing.T) {
	h := Headers{{"a", []byte("1")}, {"b", []byte("2")}, {"a", []byte("3")}, {"c", nil}}
	shared := h
	h.Remove("a")
	if want := (Headers{{"b", []byte("2")}, {"c", nil}}); !reflect.DeepEqual(h, want) {
		t.Errorf("left %v, want %v", h, want)
	}
	if want := (Headers{{"a", []byte("1")}, {"b", []byte("2")}, {"a", []byte("3")}, {"c", nil}}); !reflect.DeepEqual(shared, want) {
		t.Errorf("the copy became %v", shared)
	}
	before := h
	h.Remove("none")
	if &h[0] != &before[0] || len(h) != 2 {
		t.Error("removing nothing made a new slice")
	}
}

func TestHeadersClone(t *testing.T) {
	if Headers(nil).Clone() != nil {
		t.Error("the clone of nil isn't nil")
	}
	h := Headers{{"a", []byte("1")}, {"n", nil}, {"e", []byte{}}}
	c := h.Clone()
	if !reflect.DeepEqual(h, c) {
		t.Errorf("clone %v, want %v", c, h)
	}
	c[0].Value[0] = 'x'
	c[1].Key = "x"
	if string(h[0].Value) != "1" || h[1].Key != "n" {
		t.Error("the clone shares with the original")
	}
}
