package avro

import (
	"fmt"
	"strings"
	"testing"
)

func TestOrder(t *testing.T) {
	const ints = `{"type":"map","values":"int"}`
	str := func(s string) string { return long(int64(len(s))) + s }
	tests := []struct{ name, schema, in, want string }{
		{"empty", ints, long(0), long(0)},
		{"one", ints, long(1) + str("a") + long(1) + long(0), long(1) + str("a") + long(1) + long(0)},
		{"two", ints, long(2) + str("b") + long(2) + str("a") + long(1) + long(0), long(2) + str("a") + long(1) + str("b") + long(2) + long(0)},
		{"shorter first", ints, long(2) + str("ab") + long(2) + str("b") + long(1) + long(0), long(2) + str("ab") + long(2) + str("b") + long(1) + long(0)},
		{"blocks", ints, long(-1) + long(3) + str("b") + long(2) + long(1) + str("a") + long(1) + long(0), long(2) + str("a") + long(1) + str("b") + long(2) + long(0)},
		{
			"inside", `{"type":"map","values":` + ints + `}`,
			long(2) + str("y") + long(2) + str("b") + long(2) + str("a") + long(1) + long(0) + str("x") + long(0) + long(0),
			long(2) + str("x") + long(0) + str("y") + long(2) + str("a") + long(1) + str("b") + long(2) + long(0) + long(0),
		},
		{
			"in others", `{"type":"record","name":"R","fields":[{"name":"a","type":{"type":"array","items":["null",` + ints + `]}},{"name":"d","type":"double"}]}`,
			long(-2) + long(9) + long(1) + long(2) + str("b") + long(2) + str("a") + long(1) + long(0) + long(0) + long(0) + "12345678",
			long(2) + long(1) + long(2) + str("a") + long(1) + str("b") + long(2) + long(0) + long(0) + long(0) + "12345678",
		},
	}
	for _, tt := range tests {
		s := mustParse(t, tt.schema)
		got, err := order([]byte("head"+tt.in), 4, s.root)
		if err != nil || string(got) != "head"+tt.want {
			t.Errorf("%s: %x, %v; want %x", tt.name, got, err, tt.want)
		}
		limits := Limits{}.withDefaults()
		if err := check(got[4:], s.root, &limits); err != nil || !s.maps {
			t.Errorf("%s: %v, maps %v", tt.name, err, s.maps)
		}
	}
	if mustParse(t, `{"type":"array","items":"int"}`).maps {
		t.Error("maps where there are none")
	}
	for _, bad := range []string{"", long(1), long(1) + str("a"), long(3)} {
		if _, err := order([]byte(bad), 0, mustParse(t, `["null",`+ints+`]`).root); err == nil {
			t.Errorf("%x: no error", bad)
		}
	}
}

func TestEqualMapsHaveEqualBytes(t *testing.T) {
	s := Plain[map[string]string](`{"type":"map","values":"string"}`)
	m := make(map[string]string)
	for i := range 300 {
		m[fmt.Sprint(i)] = strings.Repeat("x", i%7)
	}
	first, err := s.AppendTo(nil, m)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if b, err := s.AppendTo(nil, m); err != nil || string(b) != string(first) {
			t.Fatalf("other bytes, or %v", err)
		}
	}
	if got, err := s.Decode(first); err != nil || len(got) != 300 {
		t.Errorf("%d entries, %v", len(got), err)
	}
}
