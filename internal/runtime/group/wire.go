package group

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/ottla-streams/ottla/internal/runtime/assign"
)

// Both formats start with two 16-bit numbers, the version of the writer and the oldest version whose readers understand it.
// A later version only appends fields, unless it raises the second number. Then come fields one after another: numbers as
// varints of encoding/binary, strings and lists with their length in front.
//
// A task set is sorted and grouped: number of sub-topologies, and for each its id, the number of partitions, the first
// partition and the distances to the next ones. That takes about one byte a task; the sets of all members travel to all.
//
// Version 2 added [Assignment.Awaits].
const (
	formatVersion = 2
	formatOldest  = 1
)

// ErrVersion says that user data was written by a version that this one cannot read.
var ErrVersion = errors.New("user data of a later version")

var errShort = errors.New("user data is cut off or damaged")

func appendHeader(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, formatVersion)
	return binary.BigEndian.AppendUint16(b, formatOldest)
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendStrings(b []byte, list []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, s := range list {
		b = appendString(b, s)
	}
	return b
}

// appendTasks writes a set of tasks; order and duplicates get lost. After each task it writes what extra appends.
func appendTasks(b []byte, ids []assign.TaskID, extra func(b []byte, id assign.TaskID) []byte) []byte {
	ids = slices.Clone(ids)
	slices.SortFunc(ids, assign.TaskID.Compare)
	ids = slices.Compact(ids)
	var groups [][]assign.TaskID
	for start, i := 0, 1; i <= len(ids); i++ {
		if i == len(ids) || ids[i].Subtopology != ids[start].Subtopology {
			groups = append(groups, ids[start:i])
			start = i
		}
	}
	b = binary.AppendUvarint(b, uint64(len(groups)))
	for _, group := range groups {
		b = binary.AppendUvarint(b, uint64(group[0].Subtopology))
		b = binary.AppendUvarint(b, uint64(len(group)))
		last := int32(0)
		for _, id := range group {
			b = binary.AppendUvarint(b, uint64(id.Partition-last))
			last = id.Partition
			if extra != nil {
				b = extra(b, id)
			}
		}
	}
	return b
}

// reader reads fields until the first error, after which all it returns is zero.
type reader struct {
	buf     []byte
	version uint16 // of the writer
	err     error
}

func newReader(b []byte) *reader {
	r := &reader{buf: b}
	if len(b) < 4 {
		r.fail(errShort)
		return r
	}
	version, oldest := binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	r.buf, r.version = b[4:], version
	switch {
	case version == 0 || oldest == 0 || oldest > version:
		r.fail(errShort)
	case oldest > formatVersion:
		r.fail(fmt.Errorf("%w: version %d, this is version %d", ErrVersion, version, formatVersion))
	}
	return r
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.buf = nil
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.buf)
	if n <= 0 {
		r.fail(errShort)
		return 0
	}
	r.buf = r.buf[n:]
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.buf)
	if n <= 0 {
		r.fail(errShort)
		return 0
	}
	r.buf = r.buf[n:]
	return v
}

// bytes returns the next n bytes, without copying.
func (r *reader) bytes(n uint64) []byte {
	if n > uint64(len(r.buf)) {
		r.fail(errShort)
		return nil
	}
	b := r.buf[:n]
	r.buf = r.buf[n:]
	return b
}

func (r *reader) string() string { return string(r.bytes(r.uvarint())) }

// count reads the length of a list whose elements take at least one byte each, so that it cannot promise more than there is.
func (r *reader) count() int {
	n := r.uvarint()
	if n > uint64(len(r.buf)) {
		r.fail(errShort)
		return 0
	}
	return int(n)
}

func (r *reader) strings() []string {
	var list []string
	for n := r.count(); n > 0 && r.err == nil; n-- {
		list = append(list, r.string())
	}
	return list
}

func (r *reader) tasks(extra func(id assign.TaskID)) []assign.TaskID {
	var ids []assign.TaskID
	lastSub := int64(-1)
	for groups := r.count(); groups > 0 && r.err == nil; groups-- {
		sub := r.uvarint()
		if sub > math.MaxInt32 || int64(sub) <= lastSub {
			r.fail(errShort)
			return nil
		}
		lastSub = int64(sub)
		last := uint64(0)
		n := r.count()
		for i := range n {
			delta := r.uvarint()
			if last+delta > math.MaxInt32 || delta > math.MaxInt32 || i > 0 && delta == 0 {
				r.fail(errShort)
			}
			if r.err != nil {
				return nil
			}
			last += delta
			id := assign.TaskID{Subtopology: int32(sub), Partition: int32(last)}
			ids = append(ids, id)
			if extra != nil {
				extra(id)
			}
		}
	}
	return ids
}
