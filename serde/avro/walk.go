package avro

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Limits of one value. Zero fields have their defaults.
type Limits struct {
	// Bytes is the size of the encoding. Defaults to 16 MiB.
	Bytes int
	// Values is how many values there may be inside each other: fields,
	// elements and entries with their keys. It bounds memory and time, as a
	// value may take no byte at all. Defaults to 1,048,576.
	Values int
	// Depth is how deep values may be nested. Defaults to 500.
	Depth int
}

func (l Limits) withDefaults() Limits {
	set := func(n *int, to int) {
		if *n <= 0 {
			*n = to
		}
	}
	set(&l.Bytes, 16<<20)
	set(&l.Values, 1<<20)
	set(&l.Depth, 500)
	return l
}

// maxEmpty is how many elements of an array may take no bytes.
const maxEmpty = 4096

// What is wrong with the bytes of a value. The cause is usually another
// schema than the one they were written with.
var (
	ErrTruncated = errors.New("the data ends too early")
	ErrTrailing  = errors.New("there are bytes after the value")
	ErrMalformed = errors.New("the data doesn't fit the schema")
	ErrLimit     = errors.New("the data exceeds a limit")
)

// ValueError says where the bytes of a value are wrong.
type ValueError struct {
	Offset int    // in bytes, at or after the problem
	Reason string // more than the kind of error says; may be empty
	kind   error
}

func (e *ValueError) Error() string {
	s := fmt.Sprintf("at byte %d: %v", e.Offset, e.kind)
	if e.Reason != "" {
		s += ": " + e.Reason
	}
	return s
}

// Unwrap returns ErrTruncated, ErrTrailing, ErrMalformed or ErrLimit.
func (e *ValueError) Unwrap() error { return e.kind }

// check reads over one value of the schema, from the first to the last byte,
// and makes sure that a codec can neither run out of memory or stack on it nor
// take missing bytes for a value. It allocates nothing for good data.
func check(src []byte, n *node, l *Limits) error {
	w := walker{src: src, values: l.Values, depth: l.Depth}
	if len(src) > l.Bytes {
		return w.fail(ErrLimit, fmt.Sprintf("more than %d bytes", l.Bytes))
	}
	if err := w.value(n); err != nil {
		return err
	}
	if w.at != len(src) {
		return w.fail(ErrTrailing, "")
	}
	return nil
}

type walker struct {
	src    []byte
	at     int
	values int // left
	depth  int // left
	empty  int // elements without bytes so far
}

func (w *walker) fail(kind error, reason string) error {
	return &ValueError{w.at, reason, kind}
}

func (w *walker) value(n *node) error {
	if w.values--; w.values < 0 {
		return w.fail(ErrLimit, "too many values")
	}
	switch n.kind {
	case nullType:
		return nil
	case booleanType:
		if err := w.skip(1); err != nil {
			return err
		}
		if w.src[w.at-1] > 1 {
			return w.fail(ErrMalformed, "a boolean is neither 0 nor 1")
		}
		return nil
	case intType:
		v, err := w.varint()
		if err == nil && int64(int32(v)) != v {
			return w.fail(ErrMalformed, "an int has more than 32 bits")
		}
		return err
	case longType:
		_, err := w.varint()
		return err
	case bytesType, stringType:
		return w.bytes()
	case enumType:
		return w.index(int64(n.size), "an enum has no such symbol")
	case floatType, doubleType, fixedType:
		return w.skip(n.min)
	}
	if w.depth--; w.depth < 0 {
		return w.fail(ErrLimit, "nested too deeply")
	}
	err := w.compound(n)
	w.depth++
	return err
}

func (w *walker) compound(n *node) error {
	switch n.kind {
	case recordType:
		for _, p := range n.parts {
			if err := w.value(p); err != nil {
				return err
			}
		}
		return nil
	case unionType:
		branch, err := w.varint()
		if err != nil {
			return err
		}
		if branch < 0 || branch >= int64(len(n.parts)) {
			return w.fail(ErrMalformed, "a union has no such branch")
		}
		return w.value(n.parts[branch])
	}
	return w.blocks(n)
}

// blocks reads over an array or map.
func (w *walker) blocks(n *node) error {
	item, least := n.parts[0], n.parts[0].min
	if n.kind == mapType {
		least++ // the key
	}
	for {
		count, end, err := w.block()
		if err != nil || count == 0 {
			return err
		}
		if err := w.plausible(count, least); err != nil {
			return err
		}
		for range count {
			if n.kind == mapType {
				if err := w.bytes(); err != nil {
					return err
				}
				w.values--
			}
			if err := w.value(item); err != nil {
				return err
			}
		}
		if end >= 0 && end != w.at {
			return w.fail(ErrMalformed, "a block doesn't have the size it claims")
		}
	}
}

// block reads the head of a block. end is -1 unless its size is given.
func (w *walker) block() (count int64, end int, err error) {
	if count, err = w.varint(); err != nil || count >= 0 {
		return count, -1, err
	}
	size, err := w.varint()
	if err != nil {
		return 0, 0, err
	}
	if count = -count; count < 0 || size < 0 {
		return 0, 0, w.fail(ErrMalformed, "a block has no such size")
	}
	if size > int64(len(w.src)-w.at) {
		return 0, 0, w.fail(ErrTruncated, "")
	}
	return count, w.at + int(size), nil
}

// plausible makes sure that so many elements can be there before anything is
// allocated for them.
func (w *walker) plausible(count int64, least int) error {
	if least > 0 {
		if count > int64(len(w.src)-w.at)/int64(least) {
			return w.fail(ErrTruncated, "")
		}
		return nil
	}
	if count > int64(maxEmpty-w.empty) {
		return w.fail(ErrLimit, "too many elements without bytes")
	}
	w.empty += int(count)
	return nil
}

func (w *walker) bytes() error {
	n, err := w.varint()
	if err != nil {
		return err
	}
	if n < 0 {
		return w.fail(ErrMalformed, "a length is negative")
	}
	if n > int64(len(w.src)-w.at) {
		return w.fail(ErrTruncated, "")
	}
	w.at += int(n)
	return nil
}

func (w *walker) skip(n int) error {
	if n > len(w.src)-w.at {
		return w.fail(ErrTruncated, "")
	}
	w.at += n
	return nil
}

func (w *walker) index(n int64, reason string) error {
	i, err := w.varint()
	if err == nil && (i < 0 || i >= n) {
		err = w.fail(ErrMalformed, reason)
	}
	return err
}

func (w *walker) varint() (int64, error) {
	v, n := binary.Varint(w.src[w.at:])
	if n > 0 {
		w.at += n
		return v, nil
	}
	if n == 0 {
		return 0, w.fail(ErrTruncated, "")
	}
	return 0, w.fail(ErrMalformed, "a number has more than 64 bits")
}
