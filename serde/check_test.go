package serde

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/window"
)

var errUnusable = errors.New("unusable")

func TestWrappersOfUnusableSerdes(t *testing.T) {
	for inner, want := range map[Serde[string]]error{nil: errNoInner, broken[string]{errUnusable}: errUnusable} {
		checkBroken(t, List(inner), want)
		checkBroken(t, Nullable(inner), want)
		checkBroken(t, TimeWindowed(inner, time.Second), want)
		checkBroken(t, SessionWindowed(inner), want)
		checkBroken(t, List(Nullable(inner)), want)
	}
}

// checkBroken checks that all ways to use s end in want, and change nothing.
func checkBroken[T any](t *testing.T, s Serde[T], want error) {
	t.Helper()
	c, ok := s.(Checker)
	if !ok || !errors.Is(c.Err(), want) {
		t.Errorf("%T: Err isn't %v", s, want)
		return
	}
	var v T
	if b, err := s.AppendTo([]byte("before"), v); !errors.Is(err, want) || string(b) != "before" {
		t.Errorf("%T: AppendTo = %q, %v", s, b, err)
	}
	if _, err := s.Decode([]byte("secret")); !errors.Is(err, want) {
		t.Errorf("%T: Decode: %v", s, err)
	}
}

// tagged needs the topic, and keeps the length of the text in a header.
type tagged struct{ topic string }

func (g tagged) ForTopic(topic string, key bool) Serde[string] {
	switch {
	case topic == "bad":
		return broken[string]{errUnusable}
	case key:
		return tagged{topic + "-key"}
	}
	return tagged{topic}
}

func (g tagged) AppendTo(dst []byte, v string) ([]byte, error) {
	return append(append(dst, g.topic...), v...), nil
}

func (g tagged) Decode(src []byte) (string, error) {
	v, ok := strings.CutPrefix(string(src), g.topic)
	if !ok {
		return "", errUnusable
	}
	return v, nil
}

func (g tagged) AppendRecord(dst []byte, v string, h *Headers) ([]byte, error) {
	if v == "" {
		return dst, errUnusable
	}
	h.Add("tag", []byte(g.topic))
	return append(dst, v...), nil
}

func (g tagged) DecodeRecord(src []byte, h Headers) (string, error) {
	if tag, ok := h.Last("tag"); !ok || string(tag) != g.topic {
		return "", errUnusable
	}
	return string(src), nil
}

func TestWrappersBindTheTopic(t *testing.T) {
	list := Bind(List[string](tagged{}), "t", true)
	asJava(t, list, []string{"a"}, []byte("\x01\x00\x00\x00\x01\x00\x00\x00\x06t-keya"))
	asJava(t, Bind(Nullable[string](tagged{}), "t", false), Some("a"), []byte("ta"))

	k := window.Key[string]{Key: "a", Start: 1, End: 2}
	asJava(t, Bind(TimeWindowedMillis[string](tagged{}, 1), "t", false), k, []byte("ta\x00\x00\x00\x00\x00\x00\x00\x01"))
	asJava(t, Bind(SessionWindowed[string](tagged{}), "t", false), k,
		[]byte("ta\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x01"))

	if Bind(Int64, "t", true) != Int64 {
		t.Error("binding a serde that needs no topic made another one")
	}
	checkBroken(t, Bind(List[string](tagged{}), "bad", true), errUnusable)
	checkBroken(t, Bind(Nullable[string](tagged{}), "bad", true), errUnusable)
	checkBroken(t, Bind(SessionWindowed[string](tagged{}), "bad", true), errUnusable)
}

func TestWrappersPassHeaders(t *testing.T) {
	k := window.Key[string]{Key: "a", Start: 1, End: 2}
	passesHeaders(t, Nullable[string](tagged{"t"}), Some("a"), Some(""))
	passesHeaders(t, TimeWindowedMillis[string](tagged{"t"}, 1), k, window.Key[string]{})
	passesHeaders(t, SessionWindowed[string](tagged{"t"}), k, window.Key[string]{})

	if _, ok := Nullable(String).(HeaderAware[Null[string]]); ok {
		t.Error("Nullable of a serde without headers has some")
	}
	if _, ok := SessionWindowed(String).(HeaderAware[window.Key[string]]); ok {
		t.Error("SessionWindowed of a serde without headers has some")
	}
}

// passesHeaders checks that v is read with its header, and not without; bad
// has no encoding.
func passesHeaders[T comparable](t *testing.T, s Serde[T], v, bad T) {
	t.Helper()
	aware, ok := s.(HeaderAware[T])
	if !ok {
		t.Fatalf("%T doesn't pass headers", s)
	}
	var h Headers
	b, err := aware.AppendRecord([]byte("before"), v, &h)
	if err != nil || len(h) != 1 || !strings.HasPrefix(string(b), "beforea") {
		t.Fatalf("%T: %q with headers %v, %v", s, b, h, err)
	}
	src := b[len("before"):]
	if got, err := aware.DecodeRecord(src, h); err != nil || got != v {
		t.Errorf("%T: read %v, %v; want %v", s, got, err, v)
	}
	var zero T
	if got, err := aware.DecodeRecord(src, nil); !errors.Is(err, errUnusable) || got != zero {
		t.Errorf("%T: read %v without headers, %v", s, got, err)
	}
	if b, err := aware.AppendRecord([]byte("before"), bad, &h); !errors.Is(err, errUnusable) || string(b) != "before" {
		t.Errorf("%T: wrote %q, %v", s, b, err)
	}
	if _, err := aware.DecodeRecord(nil, nil); err == nil {
		t.Errorf("%T: read nothing", s)
	}
}

func TestNullableHeadersOfNull(t *testing.T) {
	var h Headers
	aware := Nullable[string](tagged{"t"}).(HeaderAware[Null[string]])
	if b, err := aware.AppendRecord([]byte("before"), Null[string]{}, &h); !errors.Is(err, errNullValue) || string(b) != "before" || h != nil {
		t.Errorf("wrote %q with %v, %v", b, h, err)
	}
}

func TestNullablePassesTheInnerKey(t *testing.T) {
	b := []byte("k12345678")
	if got := Nullable(TimeWindowed(String, time.Second)).(InnerKeyer).InnerKey(b); string(got) != "k" {
		t.Errorf("inner key of a windowed key is %q", got)
	}
	if got := Nullable(String).(InnerKeyer).InnerKey(b); string(got) != string(b) {
		t.Errorf("inner key of a plain key is %q", got)
	}
}
