package serde_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/window"
)

// show prints the bytes of v and what they are read as.
func show[T any](s serde.Serde[T], v T) {
	b, err := s.AppendTo(nil, v)
	if err != nil {
		fmt.Println(err)
		return
	}
	back, err := s.Decode(b)
	fmt.Printf("%x %v %v\n", b, back, err)
}

func Example() {
	show(serde.String, "ottla")
	show(serde.Bytes, []byte{1, 2})
	show(serde.Int16, 1)
	show(serde.Int32, 1)
	show(serde.Int64, 1)
	show(serde.Float32, 1.5)
	show(serde.Float64, math.Inf(1))
	show(serde.Bool, true)
	// Output:
	// 6f74746c61 ottla <nil>
	// 0102 [1 2] <nil>
	// 0001 1 <nil>
	// 00000001 1 <nil>
	// 0000000000000001 1 <nil>
	// 3fc00000 1.5 <nil>
	// 7ff0000000000000 +Inf <nil>
	// 01 true <nil>
}

// point is a type with a format of its own.
type point struct{ X, Y float32 }

// points is its Serde: 8 bytes.
type points struct{}

func (points) AppendTo(dst []byte, p point) ([]byte, error) {
	dst = binary.BigEndian.AppendUint32(dst, math.Float32bits(p.X))
	return binary.BigEndian.AppendUint32(dst, math.Float32bits(p.Y)), nil
}

func (points) Decode(src []byte) (point, error) {
	if len(src) != 8 {
		return point{}, &serde.SizeError{Type: "point", Want: 8, Got: len(src)}
	}
	return point{
		X: math.Float32frombits(binary.BigEndian.Uint32(src)),
		Y: math.Float32frombits(binary.BigEndian.Uint32(src[4:])),
	}, nil
}

func (points) FixedSize() int { return 8 }

func ExampleSerde() {
	show(points{}, point{1.5, -1})
	_, err := points{}.Decode([]byte("other"))
	fmt.Println(err)
	// Output:
	// 3fc00000bf800000 {1.5 -1} <nil>
	// point: want 8 bytes, got 5
}

// Points have a fixed size, so that a list of them needs no lengths.
func ExampleFixedSizer() {
	show(serde.List[point](points{}), []point{{1.5, -1}})
	// Output:
	// 0000000000000000013fc00000bf800000 [{1.5 -1}] <nil>
}

func ExampleSizeError() {
	_, err := serde.Int64.Decode([]byte{1, 2, 3, 4})
	if e, ok := errors.AsType[*serde.SizeError](err); ok {
		fmt.Println(e.Got, "bytes:", err)
	}
	// Output:
	// 4 bytes: int64: want 8 bytes, got 4
}

func ExampleParseUUID() {
	id, err := serde.ParseUUID("10203040-5060-7080-90A0-B0C0D0E0F010")
	fmt.Println(id, err)
	_, err = serde.ParseUUID("10203040-5060-7080-90A0-B0C0D0E0F01X")
	fmt.Println(err)
	// Output:
	// 10203040-5060-7080-90a0-b0c0d0e0f010 <nil>
	// uuid: want 32 hexadecimal digits in groups of 8-4-4-4-12
}

func ExampleUUID() {
	id := serde.UUID{15: 7}
	b, _ := serde.UUIDs.AppendTo(nil, id)
	fmt.Println(string(b))
	// Output:
	// 00000000-0000-0000-0000-000000000007
}

func ExampleNullable() {
	ints := serde.Nullable(serde.Int16)
	show(ints, serde.Some(int16(7)))
	show(ints, serde.Null[int16]{})
	// Output:
	// 0007 {7 true} <nil>
	// nullable: a null has no bytes
}

func ExampleNull() {
	limit := serde.Some(int64(10))
	if !limit.IsNull() {
		fmt.Println(limit.V)
	}
	limit = serde.Null[int64]{}
	fmt.Println(limit.IsNull())
	// Output:
	// 10
	// true
}

func ExampleList() {
	show(serde.List(serde.String), []string{"a", "bc"})
	show(serde.List(serde.Int16), []int16{1, 2})
	show(serde.List(serde.Nullable(serde.Int16)), []serde.Null[int16]{serde.Some(int16(1)), {}})
	// Output:
	// 01000000020000000161000000026263 [a bc] <nil>
	// 00000000000000000200010002 [1 2] <nil>
	// 000000000100000001000000020001 [{1 true} {0 false}] <nil>
}

func ExampleTimeWindowed() {
	minutes := serde.TimeWindowed(serde.String, time.Minute)
	show(minutes, window.Key[string]{Key: "k", Start: 60_000, End: 120_000})
	// Output:
	// 6b000000000000ea60 {k 60000 120000} <nil>
}

func ExampleSessionWindowed() {
	show(serde.SessionWindowed(serde.String), window.Key[string]{Key: "k", Start: 1, End: 2})
	// Output:
	// 6b00000000000000020000000000000001 {k 1 2} <nil>
}

func ExampleInnerKeyer() {
	sessions := serde.SessionWindowed(serde.String)
	b, _ := sessions.AppendTo(nil, window.Key[string]{Key: "k", Start: 1, End: 2})
	if s, ok := sessions.(serde.InnerKeyer); ok {
		fmt.Printf("%s\n", s.InnerKey(b))
	}
	// Output:
	// k
}

func ExampleJSON() {
	type order struct {
		ID    string         `json:"id"`
		Cents int64          `json:"cents"`
		Parts map[string]int `json:"parts"`
	}
	orders := serde.JSON[order]()
	b, err := orders.AppendTo(nil, order{"o-1", 1999, map[string]int{"wheel": 2, "bell": 1}})
	fmt.Println(string(b), err)
	v, err := orders.Decode([]byte(`{"id":"o-2","cents":5,"since":2020}`))
	fmt.Println(v, err)
	// Output:
	// {"id":"o-1","cents":1999,"parts":{"bell":1,"wheel":2}} <nil>
	// {o-2 5 map[]} <nil>
}

func ExampleJSONError() {
	_, err := serde.JSON[map[string]int64]().Decode([]byte(`{"card": "4111 1111 1111 1111"}`))
	fmt.Println(err)
	if e, ok := errors.AsType[*serde.JSONError](err); ok {
		fmt.Println(e.Type, e.Field, e.Offset)
	}
	// Output:
	// json map[string]int64: at byte 9: a JSON string doesn't fit Go type int64
	// map[string]int64 int64 9
}

// A type with no exported field would be written as {}.
func ExampleChecker() {
	type order struct{ id string }
	orders := serde.JSON[order]()
	if s, ok := orders.(serde.Checker); ok {
		fmt.Println(s.Err())
	}
	_, err := orders.AppendTo(nil, order{id: "o-1"})
	fmt.Println(err != nil)
	// Output:
	// json serde_test.order: no exported field, so its data would be lost: export its fields or give it a MarshalJSON method
	// true
}

func ExampleFor() {
	s, ok := serde.For[int64]()
	fmt.Println(s == serde.Int64, ok)
	_, ok = serde.For[point]()
	fmt.Println(ok)
	// Output:
	// true true
	// false
}

func ExampleHeaders() {
	var h serde.Headers
	h.Add("source", []byte("web"))
	h.Add("trace", []byte("1"))
	h.Add("trace", []byte("2"))
	v, ok := h.Last("trace")
	fmt.Println(string(v), ok)
	kept := h.Clone()
	h.Remove("trace")
	fmt.Println(len(h), len(kept))
	// Output:
	// 2 true
	// 1 3
}

// versioned is text whose version is in a header. A record without it, or a
// value in a store, is of version 1.
type versioned struct{ serde.Serde[string] }

func (versioned) AppendRecord(dst []byte, v string, h *serde.Headers) ([]byte, error) {
	h.Remove("version")
	h.Add("version", []byte("2"))
	return append(dst, v...), nil
}

func (v versioned) DecodeRecord(src []byte, h serde.Headers) (string, error) {
	switch version, ok := h.Last("version"); {
	case !ok:
		return v.Decode(src)
	case string(version) == "2":
		return string(src), nil
	}
	return "", errors.New("versioned: neither version 1 nor 2")
}

func ExampleHeaderAware() {
	var texts serde.HeaderAware[string] = versioned{serde.String}
	var h serde.Headers
	b, err := texts.AppendRecord(nil, "hello", &h)
	fmt.Printf("%s %s %v\n", b, h[0].Value, err)
	v, err := texts.DecodeRecord(b, h)
	fmt.Println(v, err)
	// Output:
	// hello 2 <nil>
	// hello <nil>
}

// perTopic starts each text with its topic.
type perTopic struct{ topic string }

func (p perTopic) ForTopic(topic string, key bool) serde.Serde[string] { return perTopic{topic} }

func (p perTopic) AppendTo(dst []byte, v string) ([]byte, error) {
	return append(append(append(dst, p.topic...), ':'), v...), nil
}

func (p perTopic) Decode(src []byte) (string, error) {
	if len(src) <= len(p.topic) {
		return "", &serde.SizeError{Type: "text", Want: len(p.topic) + 1, Got: len(src), AtLeast: true}
	}
	return string(src[len(p.topic)+1:]), nil
}

func ExampleTopicBinder() {
	s := serde.Bind[string](perTopic{}, "orders", false)
	b, err := s.AppendTo(nil, "x")
	fmt.Println(string(b), err)
	// Output:
	// orders:x <nil>
}

// A list binds its elements.
func ExampleBind() {
	s := serde.Bind(serde.List[string](perTopic{}), "orders", false)
	b, err := s.AppendTo(nil, []string{"x"})
	fmt.Printf("%q %v\n", b, err)
	// Output:
	// "\x01\x00\x00\x00\x01\x00\x00\x00\borders:x" <nil>
}
