package serde

import (
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

type order struct {
	ID     string         `json:"id"`
	Amount int64          `json:"amount"`
	Tags   map[string]int `json:"tags,omitempty"`
	Wait   time.Duration  `json:"wait,omitzero"`
	Parts  []part         `json:"parts,omitempty"`
	Rate   float64        `json:"rate,omitzero"`
}

type part struct {
	Weight float64 `json:"weight"`
}

func TestJSONBytes(t *testing.T) {
	v := order{ID: "<a&b>", Amount: 1, Tags: map[string]int{"c": 3, "a": 1, "b": 2}, Wait: time.Second}
	want := `{"id":"<a&b>","amount":1,"tags":{"a":1,"b":2,"c":3},"wait":1000000000}`
	for range 20 { // map order is random
		asJava(t, JSON[order](), v, []byte(want))
	}
	asJava(t, JSON[*order](), &v, []byte(want))
	asJava(t, JSON[string](), "x", []byte(`"x"`))
	asJava(t, JSON[any](), any(map[string]any{"a": []any{1.5, nil}}), []byte(`{"a":[1.5,null]}`))
	asJava(t, JSON[UUID](), javaID, []byte(`"`+javaText+`"`))
}

func TestJSONDecodeLeavesNothingBehind(t *testing.T) {
	s := JSON[order]()
	if _, err := s.Decode([]byte(`{"id":"a","amount":1,"tags":{"x":1},"parts":[{"weight":1}]}`)); err != nil {
		t.Fatal(err)
	}
	if v, err := s.Decode([]byte(` {} `)); err != nil || !reflect.DeepEqual(v, order{}) {
		t.Errorf("value %+v, %v", v, err)
	}
}

func TestJSONErrors(t *testing.T) {
	deep := strings.Repeat("[", 20_000)
	tests := []struct{ src, want string }{
		{"", "at byte 0: the JSON ends too early"},
		{`{"id":"secret`, "the JSON ends too early"},
		{`{} {}`, "at byte 3: not valid JSON"},
		{`{}secret`, "at byte 2: not valid JSON"},
		{`{"id":secret}`, "at byte 6: not valid JSON"},
		{`{"id":"secret\q"}`, "at byte 13: not valid JSON"},
		{"{\"id\":\"secret\xff\"}", "at byte 13: not valid JSON"},
		{`{"secret":1,"secret":2}`, "at byte 12: an object has the same name twice"},
		{`{"amount":"secret"}`, "a JSON string doesn't fit Go type int64"},
		{`{"amount":7654321.5}`, "a JSON number doesn't fit Go type int64"},
		{`{"amount":76543217654321765432176543217654321}`, "a JSON number doesn't fit Go type int64"},
		{`{"tags":{"secret":true}}`, "a JSON boolean doesn't fit Go type int"},
		{`{"parts":[{"weight":[7654321]}]}`, "a JSON array doesn't fit Go type float64"},
		{`{"parts":[{"weight":{"secret":1}}]}`, "a JSON object doesn't fit Go type float64"},
		{`["secret"]`, "a JSON array doesn't fit Go type serde.order"},
		{`{"other":` + deep + `}`, "not valid JSON"},
	}
	for _, tt := range tests {
		v, err := JSON[order]().Decode([]byte(tt.src))
		if !reflect.DeepEqual(v, order{}) {
			t.Errorf("%.40s: value %+v with an error", tt.src, v)
		}
		checkJSONError(t, tt.src, err, tt.want)
	}
}

func checkJSONError(t *testing.T, src string, err error, want string) {
	t.Helper()
	e, ok := errors.AsType[*JSONError](err)
	if !ok || !strings.HasPrefix(err.Error(), "json serde.") || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("%.40s: error %q, want it to end in %q", src, err, want)
		return
	}
	for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", *e)} {
		if strings.Contains(text, "secret") || strings.Contains(text, "765432") {
			t.Errorf("%.40s: the error tells the data: %s", src, text)
		}
	}
	if errors.Unwrap(err) != nil {
		t.Errorf("%.40s: the error holds another one: %v", src, errors.Unwrap(err))
	}
}

func TestJSONWriteErrors(t *testing.T) {
	dst := append(make([]byte, 0, 1000), "before"...)
	bad := order{ID: "secret", Rate: math.NaN()}
	b, err := JSON[order]().AppendTo(dst, bad)
	checkJSONError(t, "NaN", err, "json serde.order: a value of Go type float64 has no JSON form")
	if string(b) != "before" {
		t.Errorf("bytes %q after an error", b)
	}
	_, err = JSON[order]().AppendTo(nil, order{ID: "secret\xff"})
	checkJSONError(t, "invalid UTF-8", err, "has no JSON form")
	_, err = JSON[refusing]().AppendTo(nil, refusing{})
	checkJSONError(t, "MarshalJSON", err, "a value of Go type serde.refusing has no JSON form")
	_, err = JSON[refusing]().Decode([]byte(`"x"`))
	checkJSONError(t, "UnmarshalJSON", err, "doesn't fit Go type serde.refusing")
}

// refusing has methods whose errors quote data, as many do.
type refusing struct{ n int }

var errSecret = fmt.Errorf("value secret: %w", &jsontext.SyntacticError{ByteOffset: 99, Err: io.ErrUnexpectedEOF})

func (refusing) MarshalJSON() ([]byte, error)    { return nil, errSecret }
func (r *refusing) UnmarshalJSON(b []byte) error { r.n = len(b); return errSecret }

type (
	closed struct{ id string }
	dashed struct {
		ID string `json:"-"`
	}
	embedding struct{ closed }
	promoting struct{ part }
	textual   struct{ id string }
	writeOnly struct{ id string }
	tree      []tree
	knot      struct{ *knot }
)

func (x textual) MarshalText() ([]byte, error)    { return []byte(x.id), nil }
func (x *textual) UnmarshalText(b []byte) error   { x.id = string(b); return nil }
func (x *writeOnly) MarshalJSON() ([]byte, error) { return []byte(`"` + x.id + `"`), nil }

func TestJSONRefusesTypes(t *testing.T) {
	const lost = "no exported field"
	refuses[closed](t, lost)
	refuses[*closed](t, lost)
	refuses[**closed](t, lost)
	refuses[[]closed](t, lost)
	refuses[map[string][2]*closed](t, lost)
	refuses[struct{}](t, lost)
	refuses[dashed](t, lost)
	refuses[embedding](t, lost)
	refuses[knot](t, lost)
	refuses[sync.Mutex](t, lost)
	refuses[chan int](t, "no JSON form")
	refuses[func()](t, "no JSON form")
	refuses[[]complex128](t, "no JSON form")
}

func refuses[T any](t *testing.T, why string) {
	t.Helper()
	s := JSON[T]()
	c, ok := s.(Checker)
	if !ok || c.Err() == nil || !strings.Contains(c.Err().Error(), why) {
		t.Errorf("%v isn't refused for %q", reflect.TypeFor[T](), why)
		return
	}
	checkBroken(t, s, c.Err())
}

func TestJSONNeverLosesData(t *testing.T) {
	b, err := JSON[embedding]().AppendTo(nil, embedding{closed{id: "x"}})
	if err == nil {
		t.Errorf("written as %s", b)
	}
}

func TestJSONTakesTypes(t *testing.T) {
	takes(t, promoting{part{1.5}})
	takes(t, textual{"x"})
	takes(t, &textual{"x"})
	takes(t, []textual{{"x"}})
	takes(t, map[string]struct{}{"x": {}})
	takes(t, tree{{}, {{}}})
	takes(t, time.Unix(1, 0).UTC())
	takes(t, 7)
	takes(t, []byte{1})
	takes(t, struct{ A any }{"x"})
}

func takes[T any](t *testing.T, v T) {
	t.Helper()
	s := JSON[T]()
	b, err := s.AppendTo(nil, v)
	if err != nil {
		t.Errorf("%T: %v", v, err)
		return
	}
	if got, err := s.Decode(b); err != nil || !reflect.DeepEqual(got, v) {
		t.Errorf("%T: %s is read as %v, %v; want %v", v, b, got, err, v)
	}
}

func TestJSONOfTypeThatCanOnlyBeWritten(t *testing.T) {
	s := JSON[writeOnly]()
	if b, err := s.AppendTo(nil, writeOnly{"x"}); err != nil || string(b) != `"x"` {
		t.Errorf("bytes %s, %v", b, err)
	}
	if v, err := s.Decode([]byte(`{}`)); err == nil {
		t.Errorf("read as %v, though nothing can be read", v)
	}
}

func TestJSONIsSafeForConcurrentUse(t *testing.T) {
	s := JSON[order]()
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			for i := range 500 {
				v := order{ID: strings.Repeat("x", i%50), Amount: int64(g), Rate: float64(i%2) * math.Inf(1)}
				b, err := s.AppendTo(nil, v)
				if i%2 == 1 || err != nil {
					continue // NaN: an error between the others
				}
				if got, err := s.Decode(b); err != nil || !reflect.DeepEqual(got, v) {
					t.Errorf("read %v, %v; want %v", got, err, v)
				}
			}
		})
	}
	all.Wait()
}
