package protobuf

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/typepb"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/serde/registry"
)

func fake(t testing.TB) (*srfake.Registry, *registry.Registry) {
	f := srfake.New()
	t.Cleanup(f.Close)
	r := registry.New(registry.Config{URLs: []string{f.URL()}, Wait: -1})
	t.Cleanup(r.Close)
	return f, r
}

func TestFramed(t *testing.T) {
	f, r := fake(t)
	s := serde.Bind(Framed[*typepb.Type](r), "types", false)
	b := mustAppend(t, s, sample())
	if !bytes.HasPrefix(b, []byte{0, 0, 0, 0, 1, 0}) {
		t.Errorf("frame %x: want the short form of the first message", b[:6])
	}
	got, err := s.Decode(b)
	if err != nil || !proto.Equal(got, sample()) {
		t.Errorf("got %v, %v", got, err)
	}
	// The long form of [0] is the same place.
	long := append([]byte{0, 0, 0, 0, 1, 2, 0}, b[6:]...)
	if got, err := s.Decode(long); err != nil || !proto.Equal(got, sample()) {
		t.Errorf("long form: %v, %v", got, err)
	}
	schema, _ := f.GetSchema("types-value", 1)
	raw, err := base64.StdEncoding.DecodeString(schema.Schema.Schema)
	if err != nil || schema.Type != sr.TypeProtobuf {
		t.Fatalf("registered %+v", schema)
	}
	var fd descriptorpb.FileDescriptorProto
	if err := proto.Unmarshal(raw, &fd); err != nil || fd.GetPackage() != "google.protobuf" {
		t.Errorf("descriptor %v, %v", fd.GetPackage(), err)
	}
}

func TestFramedNested(t *testing.T) {
	_, r := fake(t)
	s := serde.Bind(Framed[*descriptorpb.DescriptorProto_ReservedRange](r), "ranges", true)
	m := &descriptorpb.DescriptorProto_ReservedRange{Start: proto.Int32(1), End: proto.Int32(5)}
	b := mustAppend(t, s, m)
	// DescriptorProto is the third message of its file, the range its second.
	if want := []byte{0, 0, 0, 0, 1, 4, 4, 2}; !bytes.HasPrefix(b, want) {
		t.Errorf("frame %x, want %x", b, want)
	}
	if got, err := s.Decode(b); err != nil || !proto.Equal(got, m) {
		t.Errorf("got %v, %v", got, err)
	}
	for _, index := range []string{"\x00", "\x02\x04", "\x04\x04\x00"} {
		_, err := s.Decode(append([]byte("\x00\x00\x00\x00\x01"+index), b[8:]...))
		wantError(t, err, "another message", "DescriptorProto.ReservedRange")
	}
	for _, index := range []string{"", "\x01", "\x04\x04", "\x02\x01", "\x80", "\x7e"} {
		_, err := s.Decode([]byte("\x00\x00\x00\x00\x01" + index))
		wantError(t, err, "message indexes")
	}
}

func TestFramedInHeader(t *testing.T) {
	_, r := fake(t)
	s := serde.Bind(Framed[*typepb.Field](r.With(registry.InHeaders())), "fields", false).(serde.HeaderAware[*typepb.Field])
	var h serde.Headers
	m := &typepb.Field{Name: "a"}
	b, err := s.AppendRecord(nil, m, &h)
	if err != nil {
		t.Fatal(err)
	}
	v, _ := h.Last(registry.ValueHeader)
	if len(v) != 19 || v[17] != 2 || v[18] != 2 {
		t.Errorf("header %x: want the guid and the index [1]", v)
	}
	if got, err := s.DecodeRecord(b, h); err != nil || !proto.Equal(got, m) {
		t.Errorf("got %v, %v", got, err)
	}
}

// Schemas of others are .proto texts, with the messages at other places.
func TestFramedProtoText(t *testing.T) {
	f, r := fake(t)
	f.SeedSchema("types-value", 1, 7, sr.Schema{Type: sr.TypeProtobuf, Schema: `syntax = "proto3";
		package google.protobuf;
		message Other { message Inner {} }
		message Type { string name = 1; }`})
	s := serde.Bind(Framed[*typepb.Type](r.With(registry.UseLatest())), "types", false)
	b := mustAppend(t, s, sample())
	if want := []byte{0, 0, 0, 0, 7, 2, 2}; !bytes.HasPrefix(b, want) {
		t.Errorf("frame %x, want %x", b, want)
	}
	if got, err := s.Decode(b); err != nil || !proto.Equal(got, sample()) {
		t.Errorf("got %v, %v", got, err)
	}
	_, err := Framed[*structpb.Struct](r).Decode(b)
	wantError(t, err, "schema id 7", "no message google.protobuf.Struct")
}

func TestDefineImports(t *testing.T) {
	file := func(name string, imports ...string) *descriptorpb.FileDescriptorProto {
		return &descriptorpb.FileDescriptorProto{
			Name: &name, Package: proto.String("x"), Dependency: imports, Syntax: proto.String("proto3"),
			MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("M" + strings.TrimSuffix(name, ".proto"))}},
		}
	}
	any := protodesc.ToFileDescriptorProto((&typepb.Type{}).ProtoReflect().Descriptor().ParentFile())
	any.Name, any.Dependency = proto.String("google/protobuf/type.proto"), nil
	any.MessageType, any.EnumType = nil, nil
	files, err := protodesc.NewFiles(&descriptorpb.FileDescriptorSet{File: []*descriptorpb.FileDescriptorProto{
		any, file("a.proto"), file("b.proto", "a.proto", "google/protobuf/type.proto"), file("c.proto", "a.proto", "b.proto"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := files.FindFileByPath("c.proto")
	if err != nil {
		t.Fatal(err)
	}
	d, err := define(c)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Imports) != 2 || d.Imports[0].Name != "a.proto" || len(d.Imports[1].Definition.Imports) != 1 {
		t.Fatalf("imports %+v", d.Imports)
	}
	f, r := fake(t)
	if _, err := r.Register(t.Context(), "c-value", d); err != nil {
		t.Fatal(err)
	}
	got, _ := f.GetSchema("c-value", 1)
	if len(got.References) != 2 || !f.SubjectExists("a.proto") || f.SubjectExists("google/protobuf/type.proto") {
		t.Errorf("references %v", got.References)
	}
}
