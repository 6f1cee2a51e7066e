package serde

import (
	"encoding/hex"
	"errors"
)

// UUID is a universally unique identifier, its 16 bytes in the order of its
// text. Two UUIDs can be compared with ==.
type UUID [16]byte

// UUIDs is the Serde of [UUID]: the text of 36 characters in lower case, as
// Java's UUID serializer has it. Decode takes upper case too.
var UUIDs Serde[UUID] = uuidSerde{}

const uuidLen = 36

var errUUID = errors.New("uuid: want 32 hexadecimal digits in groups of 8-4-4-4-12")

// uuidAt is where in the text each byte's two digits are.
var uuidAt = [16]int{0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34}

// ParseUUID reads the text form, such as
// 10203040-5060-7080-90a0-b0c0d0e0f010, in lower or upper case. It takes no
// braces, no URN and no omitted hyphens.
func ParseUUID(s string) (UUID, error) { return parseUUID(s) }

// String is the text form in lower case.
func (u UUID) String() string {
	b, _ := u.AppendText(make([]byte, 0, uuidLen))
	return string(b)
}

// AppendText appends the text form to b. The error is always nil.
func (u UUID) AppendText(b []byte) ([]byte, error) {
	b = hex.AppendEncode(b, u[:4])
	for _, group := range [][]byte{u[4:6], u[6:8], u[8:10], u[10:]} {
		b = append(b, '-')
		b = hex.AppendEncode(b, group)
	}
	return b, nil
}

// MarshalText is the text form, which is also how it appears in JSON. The
// error is always nil.
func (u UUID) MarshalText() ([]byte, error) { return u.AppendText(make([]byte, 0, uuidLen)) }

// UnmarshalText reads what [ParseUUID] reads.
func (u *UUID) UnmarshalText(text []byte) (err error) {
	*u, err = parseUUID(text)
	return err
}

func parseUUID[S string | []byte](s S) (u UUID, err error) {
	if len(s) != uuidLen {
		return UUID{}, &SizeError{Type: "uuid", Want: uuidLen, Got: len(s)}
	}
	if s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return UUID{}, errUUID
	}
	for i, at := range uuidAt {
		hi, lo := hexDigit(s[at]), hexDigit(s[at+1])
		if hi > 15 || lo > 15 {
			return UUID{}, errUUID
		}
		u[i] = hi<<4 | lo
	}
	return u, nil
}

// hexDigit is the value of the digit, more than 15 if it is none.
func hexDigit(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 16
}

type uuidSerde struct{}

func (uuidSerde) FixedSize() int { return uuidLen }

func (uuidSerde) Copies() bool { return true }

func (uuidSerde) AppendTo(dst []byte, v UUID) ([]byte, error) { return v.AppendText(dst) }

func (uuidSerde) Decode(src []byte) (UUID, error) { return parseUUID(src) }
