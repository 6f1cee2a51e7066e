package serde

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestListRefusesDamage(t *testing.T) {
	tests := []struct {
		name string
		src  string // hex
		want error
	}{
		{"no bytes", "", errListShort},
		{"unknown layout", "02", errListLayout},
		{"fixed: no count of nulls", "00000000", errListShort},
		{"fixed: negative count of nulls", "00ffffffff00000000", errListShort},
		{"fixed: more nulls than bytes", "007fffffff00000000", errListShort},
		{"fixed: no count", "0000000001000000000000", errListShort},
		{"fixed: negative count", "0000000000ffffffff", errListCount},
		{"fixed: huge count", "00000000007fffffff", errListCount},
		{"fixed: fewer elements than nulls", "0000000001" + "00000000" + "00000000", errListCount},
		{"fixed: part of an element", "0000000000" + "00000001" + "0001", errListCount},
		{"fixed: one element too many", "0000000000" + "00000001" + "0000000100000002", errListCount},
		{"fixed: null after the end", "0000000001" + "00000001" + "00000001", errListNulls},
		{"fixed: negative null", "0000000001" + "ffffffff" + "00000001", errListNulls},
		{"fixed: null twice", "0000000002" + "0000000000000000" + "00000002", errListNulls},
		{"fixed: nulls descend", "0000000002" + "0000000100000000" + "00000003" + "00000007", errListNulls},
		{"variable: no count", "01000000", errListShort},
		{"variable: negative count", "01ffffffff", errListCount},
		{"variable: huge count", "017fffffff", errListCount},
		{"variable: no length", "0100000002" + "0000000400000001", errListShort},
		{"variable: length beyond the end", "0100000001" + "00000005" + "00000001", errListShort},
		{"variable: length -2", "0100000001" + "fffffffe", errListShort},
		{"variable: trailing byte", "0100000000" + "00", errListLong},
	}
	for _, tt := range tests {
		vs, err := List(Nullable(Int32)).Decode(fromHex(t, tt.src))
		if !errors.Is(err, tt.want) || vs != nil {
			t.Errorf("%s: %v, %v; want %v", tt.name, vs, err, tt.want)
		}
	}
}

func TestListReadsTheLayoutItWouldNotWrite(t *testing.T) {
	vs, err := List(Int32).Decode(fromHex(t, "0100000001"+"00000004"+"00000007"))
	if err != nil || !reflect.DeepEqual(vs, []int32{7}) {
		t.Errorf("variable layout of int32: %v, %v", vs, err)
	}
	_, err = List(String).Decode(fromHex(t, "000000000000000000"))
	if !errors.Is(err, errListFixed) {
		t.Errorf("fixed layout of strings: %v", err)
	}
}

func TestListNullOfTypeWithout(t *testing.T) {
	for _, src := range []string{"0000000001" + "00000000" + "00000001", "0100000001" + "ffffffff"} {
		_, err := List(Int32).Decode(fromHex(t, src))
		if err == nil || !strings.Contains(err.Error(), "element 0: null") {
			t.Errorf("error %v", err)
		}
	}
}

// A null is told by the type of the elements, not by their serde.
func TestListNullsOfGoTypes(t *testing.T) {
	type row struct{ N int }
	nilOrNot(t, JSON[*row](), &row{1}, "0100000002ffffffff000000077b224e223a317d")
	nilOrNot(t, JSON[map[string]int](), map[string]int{"a": 1}, "0100000002ffffffff000000077b2261223a317d")
	nilOrNot(t, JSON[any](), any("x"), "0100000002ffffffff00000003227822")
	nilOrNot(t, Bytes, []byte{}, "0100000002ffffffff00000000")
	nilOrNot(t, JSON[Null[int]](), Some(1), "0100000002ffffffff000000147b2256223a312c2256616c6964223a747275657d")
}

// A type that embeds a Null isn't one.
func TestListOfTypesWithNulls(t *testing.T) {
	type wrapped struct{ Null[int] }
	type pointing struct{ *Null[int] }
	asJava(t, List(JSON[wrapped]()), []wrapped{{}}, fromHex(t, "0100000001"+"00000015"+"7b2256223a302c2256616c6964223a66616c73657d"))
	if b, err := List(JSON[pointing]()).AppendTo(nil, []pointing{{}}); err != nil || len(b) < 10 {
		t.Errorf("bytes %x, %v", b, err)
	}
}

func nilOrNot[T any](t *testing.T, inner Serde[T], v T, want string) {
	t.Helper()
	var null T
	asJava(t, List(inner), []T{null, v}, fromHex(t, want))
}

func TestListElementErrors(t *testing.T) {
	_, err := List(Bool).Decode(fromHex(t, "0100000002"+"0000000101"+"0000000107"))
	if !errors.Is(err, errBool) || !strings.Contains(err.Error(), "element 1") {
		t.Errorf("error %v", err)
	}
	_, err = List(Nullable(UUIDs)).Decode(append(fromHex(t, "000000000000000001"), make([]byte, 36)...))
	if !errors.Is(err, errUUID) || !strings.Contains(err.Error(), "element 0") {
		t.Errorf("error %v", err)
	}
	for _, inner := range []Serde[int32]{failing{}, wrongSize{Int32}} {
		b, err := List(inner).AppendTo([]byte("before"), []int32{1})
		if err == nil || !strings.Contains(err.Error(), "element 0") || string(b) != "before" {
			t.Errorf("%T: bytes %q, %v", inner, b, err)
		}
	}
}

// failing can write nothing, after having written a part.
type failing struct{ Serde[int32] }

var errFailing = errors.New("failing")

func (failing) AppendTo(dst []byte, _ int32) ([]byte, error) { return append(dst, 1), errFailing }

// wrongSize says another size than it writes.
type wrongSize struct{ Serde[int32] }

func (wrongSize) FixedSize() int { return 3 }

func TestListElementsDoNotOverlap(t *testing.T) {
	src := fromHex(t, "0100000002"+"0000000161"+"0000000162")
	vs, err := List(Bytes).Decode(src)
	if err != nil {
		t.Fatal(err)
	}
	_ = append(vs[0], "XXXXX"...)
	if string(vs[1]) != "b" {
		t.Errorf("appending to one element changed the next to %q", vs[1])
	}
}
