package protobuf

import (
	"encoding/base64"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/ottla-streams/ottla/serde"
)

// outline writes messages as A(B C(D)).
func outline(all []*message) string {
	var parts []string
	for _, m := range all {
		s := m.name
		if len(m.inside) > 0 {
			s += "(" + outline(m.inside) + ")"
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, " ")
}

func TestScan(t *testing.T) {
	tests := []struct{ text, pkg, want string }{
		{`message A{}`, "", "A"},
		{`syntax="proto3";package a.b;message A{message B{}message C{message D{}}}message E{}`, "a.b", "A(B C(D)) E"},
		{"// message X {\n/* message Y { */ message A { string s = 1; // }\n }", "", "A"},
		{`message A { option (o) = "message { \" }"; string message = 1 [default='}']; }`, "", "A"},
		{`option (x) = { message: "A" list: { a: 1 } }; message A {}`, "", "A"},
		{`enum E { X = 0; } service S { rpc R (A) returns (B) { option o = 1; } } message A {}`, "", "A"},
		{`message A { oneof o { string s = 1; group G = 2 { message H {} } } map<string, int32> m = 3; message B {} }`, "", "A(G(H) B)"},
		{`message A { optional group G = 1 { } extensions 5 to 9; } extend A { optional group X = 5 { } } message B {}`, "", "A(G) X B"},
		{`edition = "2024"; export message A {} local message B {}`, "", "A B"},
		{"package/**/a;message\tA{}", "a", "A"},
	}
	for _, tt := range tests {
		pkg, all, err := messages(tt.text)
		if err != nil || pkg != tt.pkg || outline(all) != tt.want {
			t.Errorf("%s: package %q, %s, %v; want %q, %s", tt.text, pkg, outline(all), err, tt.pkg, tt.want)
		}
	}
	for _, bad := range []string{"", "message A {", "message A }", `message A { "`, "/*", "message A {} }", strings.Repeat("message A {", 5000), "AAAA"} {
		if _, all, err := messages(bad); err == nil && len(all) > 0 {
			t.Errorf("%.40s: %s, want an error", bad, outline(all))
		}
	}
}

// Java counts messages as they stand in the text, where map fields make none.
func TestMapEntriesDontCount(t *testing.T) {
	raw, _ := proto.Marshal(&descriptorpb.FileDescriptorProto{MessageType: []*descriptorpb.DescriptorProto{{
		Name: proto.String("A"),
		NestedType: []*descriptorpb.DescriptorProto{
			{Name: proto.String("MEntry"), Options: &descriptorpb.MessageOptions{MapEntry: proto.Bool(true)}}, {Name: proto.String("B")},
		},
	}}})
	_, all, err := messages(base64.StdEncoding.EncodeToString(raw))
	if err != nil || outline(all) != "A(B)" {
		t.Errorf("%s, %v", outline(all), err)
	}
	if path, ok := find("", all, "A.B"); !ok || len(path) != 2 || path[1] != 0 {
		t.Errorf("path %v", path)
	}
}

func TestIndex(t *testing.T) {
	for _, tt := range []struct {
		path []int
		wire string
	}{{[]int{0}, "\x00"}, {[]int{1}, "\x02\x02"}, {[]int{0, 0}, "\x04\x00\x00"}, {[]int{2, 300}, "\x04\x04\xd8\x04"}} {
		got := appendIndex(nil, tt.path)
		if string(got) != tt.wire {
			t.Errorf("%v: %x, want %x", tt.path, got, tt.wire)
		}
		index, rest, err := splitIndex(append(got, "rest"...))
		if err != nil || string(index) != tt.wire || string(rest) != "rest" {
			t.Errorf("%v: %x, %q, %v", tt.path, index, rest, err)
		}
	}
}

func FuzzScan(f *testing.F) {
	f.Add(`syntax="proto3";package a.b;message A{message B{}message C{oneof o{group G=1{}}}}`)
	f.Add(`option (x) = { a: "b" }; // c`)
	f.Fuzz(func(t *testing.T, text string) {
		if _, all, err := messages(text); err == nil && strings.Count(text, "{") < len(all) && len(text)%4 != 0 {
			t.Errorf("%d messages of %q", len(all), text)
		}
	})
}

func FuzzDecode(f *testing.F) {
	_, r := fake(f)
	s := serde.Bind(Framed[*descriptorpb.DescriptorProto](r), "d", false)
	f.Add(mustAppend(f, s, &descriptorpb.DescriptorProto{Name: proto.String("x")}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 5 {
			copy(b, "\x00\x00\x00\x00\x01")
		}
		m, err := s.Decode(b)
		if err != nil {
			return
		}
		again, err := Plain[*descriptorpb.DescriptorProto]().AppendTo(nil, m)
		if err != nil {
			t.Fatalf("%v can't be written: %v", m, err)
		}
		if got, err := Plain[*descriptorpb.DescriptorProto]().Decode(again); err != nil || !proto.Equal(got, m) {
			t.Errorf("%v became %v, %v", m, got, err)
		}
	})
}
