package serde

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// The first byte of a list says how its elements are laid out.
const (
	listFixed    = 0 // count and indexes of nulls, count of elements, elements that aren't null
	listVariable = 1 // count of elements, for each its length or -1 for a null, and its bytes
)

var (
	errListLayout = errors.New("list: the first byte names no known layout")
	errListShort  = errors.New("list: the bytes end too early")
	errListLong   = errors.New("list: there are bytes after the last element")
	errListCount  = errors.New("list: the number of elements doesn't fit the number of bytes")
	errListNulls  = errors.New("list: the indexes of nulls aren't ascending indexes of elements")
	errListFixed  = errors.New("list: the elements are written with a fixed size, which their serde doesn't have")
)

func (l list[T]) appendFixed(dst []byte, vs []T) ([]byte, error) {
	dst = append(dst, listFixed)
	countAt, nulls := len(dst), 0
	dst = appendInt32(dst, 0)
	for i := range vs {
		if l.null(&vs[i]) {
			dst = appendInt32(dst, i)
			nulls++
		}
	}
	binary.BigEndian.PutUint32(dst[countAt:], uint32(nulls))
	dst = appendInt32(dst, len(vs))
	for i := range vs {
		if l.null(&vs[i]) {
			continue
		}
		var err error
		start := len(dst)
		if dst, err = l.inner.AppendTo(dst, vs[i]); err != nil {
			return nil, elementError(i, err)
		}
		if n := len(dst) - start; n != l.size {
			return nil, elementError(i, fmt.Errorf("its serde says %d bytes and wrote %d", l.size, n))
		}
	}
	return dst, nil
}

func (l list[T]) appendVariable(dst []byte, vs []T) ([]byte, error) {
	dst = append(dst, listVariable)
	dst = appendInt32(dst, len(vs))
	for i := range vs {
		if l.null(&vs[i]) {
			dst = appendInt32(dst, -1)
			continue
		}
		var err error
		lenAt := len(dst)
		dst = appendInt32(dst, 0)
		if dst, err = l.inner.AppendTo(dst, vs[i]); err != nil {
			return nil, elementError(i, err)
		}
		n := len(dst) - lenAt - 4
		if n > math.MaxInt32 {
			return nil, elementError(i, fmt.Errorf("%d bytes are more than the format can count", n))
		}
		binary.BigEndian.PutUint32(dst[lenAt:], uint32(n))
	}
	return dst, nil
}

func (l list[T]) Decode(src []byte) ([]T, error) {
	if len(src) == 0 {
		return nil, errListShort
	}
	switch layout, src := src[0], src[1:]; layout {
	case listFixed:
		return l.decodeFixed(src)
	case listVariable:
		return l.decodeVariable(src)
	}
	return nil, errListLayout
}

func (l list[T]) decodeFixed(src []byte) ([]T, error) {
	if l.size == 0 {
		return nil, errListFixed
	}
	indexes, n, src, err := l.splitFixed(src)
	if err != nil {
		return nil, err
	}
	vs := make([]T, n)
	for i := range vs {
		if null, rest, ok := takeInt32(indexes); ok && null == i {
			if l.isNull == nil {
				return nil, errNullElement[T](i)
			}
			indexes = rest
			continue
		}
		if len(src) == 0 { // an index before this one wasn't met
			return nil, errListNulls
		}
		if vs[i], err = l.inner.Decode(src[:l.size:l.size]); err != nil {
			return nil, elementError(i, err)
		}
		src = src[l.size:]
	}
	if len(indexes) > 0 {
		return nil, errListNulls
	}
	return vs, nil
}

// splitFixed returns the indexes of nulls, the count of elements, and the
// bytes of those that aren't null, with lengths that fit together: the counts
// of damaged bytes ask for no more memory than there are bytes for.
func (l list[T]) splitFixed(src []byte) (indexes []byte, n int, elements []byte, err error) {
	nulls, src, ok := takeInt32(src)
	if !ok || nulls < 0 || nulls > len(src)/4 {
		return nil, 0, nil, errListShort
	}
	indexes = src[:4*nulls]
	if n, src, ok = takeInt32(src[4*nulls:]); !ok {
		return nil, 0, nil, errListShort
	}
	if n < nulls || len(src)%l.size != 0 || len(src)/l.size != n-nulls {
		return nil, 0, nil, errListCount
	}
	return indexes, n, src, nil
}

func (l list[T]) decodeVariable(src []byte) ([]T, error) {
	n, src, ok := takeInt32(src)
	if !ok {
		return nil, errListShort
	}
	if n < 0 || n > len(src)/4 { // before memory is made for what a damaged count claims
		return nil, errListCount
	}
	vs := make([]T, n)
	for i := range vs {
		var size int
		if size, src, ok = takeInt32(src); !ok {
			return nil, errListShort
		}
		if size == -1 {
			if l.isNull == nil {
				return nil, errNullElement[T](i)
			}
			continue
		}
		if size < 0 || size > len(src) {
			return nil, elementError(i, errListShort)
		}
		var err error
		if vs[i], err = l.inner.Decode(src[:size:size]); err != nil {
			return nil, elementError(i, err)
		}
		src = src[size:]
	}
	if len(src) > 0 {
		return nil, errListLong
	}
	return vs, nil
}

func appendInt32(dst []byte, n int) []byte {
	return binary.BigEndian.AppendUint32(dst, uint32(int32(n)))
}

func takeInt32(src []byte) (int, []byte, bool) {
	if len(src) < 4 {
		return 0, nil, false
	}
	return int(int32(binary.BigEndian.Uint32(src))), src[4:], true
}
