package protobuf

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/typepb"

	"github.com/ottla-streams/ottla/serde"
)

func mustAppend[T any](t testing.TB, s serde.Serde[T], v T) []byte {
	t.Helper()
	b, err := s.AppendTo(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func wantError(t testing.TB, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q lacks %q", err, p)
		}
	}
}

func sample() *typepb.Type {
	return &typepb.Type{Name: "Order", Fields: []*typepb.Field{{Name: "id", Number: 1}, {Name: "note", Number: 2}}, Edition: "e"}
}

func TestPlain(t *testing.T) {
	s := Plain[*typepb.Type]()
	b := mustAppend(t, s, sample())
	want, _ := proto.Marshal(sample())
	if !bytes.Equal(b, want) {
		t.Errorf("bytes %x, want %x", b, want)
	}
	got, err := s.Decode(b)
	if err != nil || !proto.Equal(got, sample()) {
		t.Errorf("got %v, %v", got, err)
	}
	clear(b)
	if !proto.Equal(got, sample()) || !serde.Copies(s) {
		t.Error("the value aliases its bytes")
	}
	if b, err := s.AppendTo([]byte("x"), sample()); err != nil || b[0] != 'x' {
		t.Errorf("append: %q, %v", b, err)
	}
	// No bytes are the empty message.
	if m, err := s.Decode(nil); err != nil || !proto.Equal(m, &typepb.Type{}) {
		t.Errorf("empty: %v, %v", m, err)
	}
}

func TestEqualMessagesHaveEqualBytes(t *testing.T) {
	s := Plain[*structpb.Struct]()
	m, err := structpb.NewStruct(map[string]any{"a": 1, "b": 2, "c": 3, "d": 4, "e": 5})
	if err != nil {
		t.Fatal(err)
	}
	first := mustAppend(t, s, m)
	for range 50 {
		if b := mustAppend(t, s, m); !bytes.Equal(b, first) {
			t.Fatalf("%x and %x", first, b)
		}
	}
}

func TestUnknownFieldsAreKept(t *testing.T) {
	b := mustAppend(t, Plain[*typepb.Type](), sample())
	s := Plain[*timestamppb.Timestamp]()
	m, err := s.Decode([]byte{0x7a, 1, 'x'})
	if err != nil {
		t.Fatal(err)
	}
	if got := mustAppend(t, s, m); string(got) != "\x7a\x01x" {
		t.Errorf("%x of %x", got, b)
	}
}

func TestBadData(t *testing.T) {
	v := structpb.NewNullValue()
	for range maxDepth {
		v = structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{v}})
	}
	nested, err := proto.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Plain[*structpb.Value]().Decode(nested); err == nil {
		t.Error("nested deeply: no error")
	}
	s := Plain[*typepb.Type]()
	for _, b := range []string{"\x0a", "\x0a\x05ab", "\x0a\x02\xff\xfe", "\x07", "\xff\xff\xff"} {
		_, err := s.Decode([]byte(b))
		wantError(t, err, "protobuf *typepb.Type: ")
		if strings.Contains(err.Error(), "\u00a0") {
			t.Errorf("%q", err)
		}
	}
	if _, err := s.Decode(make([]byte, maxBytes+1)); !errors.Is(err, errTooLarge) {
		t.Errorf("too large: %v", err)
	}
}

func TestBadMessages(t *testing.T) {
	s := Plain[*typepb.Type]()
	if b, err := s.AppendTo([]byte("x"), nil); !errors.Is(err, errNil) || string(b) != "x" {
		t.Errorf("nil: %q, %v", b, err)
	}
	const secret = "s3cret\xff"
	b, err := s.AppendTo([]byte("x"), &typepb.Type{Name: secret})
	wantError(t, err, "UTF-8")
	if string(b) != "x" || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("%q, %v", b, err)
	}
	_, err = Plain[*descriptorpb.UninterpretedOption_NamePart]().AppendTo(nil, &descriptorpb.UninterpretedOption_NamePart{})
	wantError(t, err, "required")
}

type hidden struct{ proto.Message }

func TestTypesWithoutSchema(t *testing.T) {
	for name, s := range map[string]any{
		"interface": Plain[proto.Message](), "wrapped": Plain[hidden](), "framed": Framed[proto.Message](nil),
	} {
		if s.(serde.Checker).Err() == nil {
			t.Errorf("%s: Err is nil", name)
		}
	}
	s := Plain[proto.Message]()
	if _, err := s.AppendTo(nil, sample()); err == nil {
		t.Error("AppendTo: no error")
	}
	if _, err := s.Decode(nil); err == nil {
		t.Error("Decode: no error")
	}
}

func TestAllocations(t *testing.T) {
	s := Plain[*typepb.Type]()
	m, buf := sample(), make([]byte, 0, 100)
	if n := testing.AllocsPerRun(100, func() { buf, _ = s.AppendTo(buf[:0], m) }); n != 0 {
		t.Errorf("%v allocations to encode", n)
	}
}

func BenchmarkProtobuf(b *testing.B) {
	s := Plain[*typepb.Type]()
	m := sample()
	data := mustAppend(b, s, m)
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		buf := make([]byte, 0, 100)
		for b.Loop() {
			buf, _ = s.AppendTo(buf[:0], m)
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.Decode(data); err != nil {
				b.Fatal(err)
			}
		}
	})
}
