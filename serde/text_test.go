package serde

import (
	"bytes"
	"testing"
)

func TestStringIsACopy(t *testing.T) {
	src := []byte("abc")
	v, err := String.Decode(src)
	if err != nil {
		t.Fatal(err)
	}
	src[0] = 'x'
	if v != "abc" {
		t.Errorf("the string became %q with the record's bytes", v)
	}
}

func TestStringKeepsInvalidUTF8(t *testing.T) {
	src := []byte{'a', 0xff, 0xc3}
	v, err := String.Decode(src)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := String.AppendTo(nil, v); err != nil || !bytes.Equal(got, src) {
		t.Errorf("written again: %x (%v), want %x", got, err, src)
	}
}

func TestBytesArePartOfTheRecord(t *testing.T) {
	record := []byte("keyvalue")
	v, err := Bytes.Decode(record[:3])
	if err != nil {
		t.Fatal(err)
	}
	if &v[0] != &record[0] {
		t.Error("the bytes are copied")
	}
	_ = append(v, "XXX"...)
	if string(record) != "keyvalue" {
		t.Errorf("appending to the bytes wrote into the record: %q", record)
	}
}

func TestBytesAreNeverNil(t *testing.T) {
	for _, src := range [][]byte{nil, {}} {
		if v, err := Bytes.Decode(src); err != nil || v == nil || len(v) != 0 {
			t.Errorf("Decode(%#v) = %#v, %v", src, v, err)
		}
	}
}
