package batch

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"slices"

	"github.com/ottla-streams/ottla/internal/flow"
)

// Places of fields in a batch.
const (
	lengthAt     = 8  // int32, of what comes after it
	epochAt      = 12 // int32
	magicAt      = 16 // int8, in all formats
	crcAt        = 17 // uint32, of what comes after it
	attributesAt = 21 // int16
	lastDeltaAt  = 23 // int32
	firstTimeAt  = 27 // int64
	maxTimeAt    = 35 // int64
	producerAt   = 43 // int64; an int16 and an int32 that count its batches follow
	recordsAt    = 57 // int32
	headerSize   = 61

	leastSize = 12 + 14 // of an empty message of format 0
)

// Bits of a batch's attributes.
const (
	codecBits     = 1<<3 - 1
	appendTime    = 1 << 3
	transactional = 1 << 4
	control       = 1 << 5
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errNoInflate = errors.New("no way to inflate")

// Reader splits what a broker answered for one partition into batches. It can
// be used again and again, by one goroutine.
type Reader struct {
	// Inflate returns what src was before codec compressed it. It must not
	// change src, nor ever again what it returned.
	Inflate func(src []byte, codec int8) ([]byte, error)
	// Epoch is the leader epoch of the last batch that Read went past, whether it
	// was left out or not; -1 for none.
	Epoch int32

	aborted []aborted // by producer and first offset
}

// aborted is a transaction to be left out, until its marker is met.
type aborted struct {
	Aborted
	over bool
}

// Read appends the batches of raw with records for the application to dst.
// from is the offset that was asked for: batches that end before it are left
// out, single records before it are not.
//
// Aborted transactions, in any order, are left out. A nil aborted is read
// uncommitted. Control batches are left out always.
//
// next is the offset after the last complete batch, at least from: those that
// are left out and those that compaction emptied count too. A batch that is cut
// off at the end of raw does not, as brokers cut answers at a size.
//
// An err is an [*Error]. The batches before the bad one are returned with it,
// and next is where the bad one begins.
//
// Payloads of batches that were not compressed are parts of raw.
func (r *Reader) Read(dst []Batch, raw []byte, from int64, aborted []Aborted) (batches []Batch, next int64, err error) {
	r.setAborted(aborted)
	r.Epoch, next = -1, from
	for len(raw) > magicAt {
		base := int64(binary.BigEndian.Uint64(raw))
		size := int(int32(binary.BigEndian.Uint32(raw[lengthAt:]))) + lengthAt + 4
		if size > len(raw) {
			break
		}
		b, err := check(raw, size, base)
		if err != nil {
			next = max(next, base)
			return dst, next, &Error{Offset: base, Next: next, Err: err}
		}
		keep, err := r.wants(&b, raw[:size])
		if keep && b.Last >= next && b.Records > 0 {
			if err = r.inflate(&b, raw[:size]); err == nil {
				dst = append(dst, b)
			}
		}
		if err != nil {
			return dst, max(next, base), &Error{Offset: base, Next: max(next, b.Last+1), Err: err}
		}
		if b.Last >= next {
			next, r.Epoch = b.Last+1, b.Epoch
		}
		raw = raw[size:]
	}
	return dst, next, nil
}

// check reads the header of the batch in the first size bytes of raw.
func check(raw []byte, size int, base int64) (Batch, error) {
	if size < leastSize {
		return Batch{}, fmt.Errorf("%w: length %d", ErrCorrupt, size)
	}
	switch magic := int8(raw[magicAt]); {
	case magic == 0, magic == 1:
		return Batch{}, fmt.Errorf("%w: %d", ErrTooOld, magic)
	case magic != 2:
		return Batch{}, fmt.Errorf("%w: unknown format %d", ErrCorrupt, magic)
	case size < headerSize:
		return Batch{}, fmt.Errorf("%w: length %d", ErrCorrupt, size)
	}
	h := raw[:headerSize:size]
	if told, is := binary.BigEndian.Uint32(h[crcAt:]), crc32.Checksum(raw[attributesAt:size], castagnoli); told != is {
		return Batch{}, fmt.Errorf("%w: %08x, of %d bytes with %08x", ErrCRC, told, size, is)
	}
	delta := int32(binary.BigEndian.Uint32(h[lastDeltaAt:]))
	records := int32(binary.BigEndian.Uint32(h[recordsAt:]))
	switch {
	case base < 0 || base >= math.MaxInt64-math.MaxInt32:
		return Batch{}, fmt.Errorf("%w: its offset can't be", ErrCorrupt)
	case delta < 0:
		return Batch{}, fmt.Errorf("%w: last offset delta %d", ErrCorrupt, delta)
	case records < 0:
		return Batch{}, fmt.Errorf("%w: %d records", ErrCorrupt, records)
	case attributes(h)&codecBits == 0 && (int(records) > size-headerSize || records == 0 && size > headerSize):
		return Batch{}, fmt.Errorf("%w: %d records in %d bytes", ErrCorrupt, records, size-headerSize)
	}
	return Batch{
		Base:       base,
		Last:       base + int64(delta),
		Epoch:      int32(binary.BigEndian.Uint32(h[epochAt:])),
		Records:    int(records),
		FirstTime:  int64(binary.BigEndian.Uint64(h[firstTimeAt:])),
		MaxTime:    int64(binary.BigEndian.Uint64(h[maxTimeAt:])),
		AppendTime: attributes(h)&appendTime != 0,
		Codec:      uint8(attributes(h) & codecBits),
		Compressed: size - headerSize,
	}, nil
}

func attributes(raw []byte) uint16 { return binary.BigEndian.Uint16(raw[attributesAt:]) }

// inflate sets the payload of b, whose bytes are raw.
func (r *Reader) inflate(b *Batch, raw []byte) error {
	b.Payload = raw[headerSize:len(raw):len(raw)]
	if codec := int8(attributes(raw) & codecBits); codec != 0 {
		if r.Inflate == nil {
			return fmt.Errorf("codec %d: %w", codec, errNoInflate)
		}
		var err error
		if b.Payload, err = r.Inflate(b.Payload, codec); err != nil {
			return fmt.Errorf("codec %d: %w", codec, err)
		}
	}
	if b.Records > len(b.Payload) {
		return fmt.Errorf("%w: %d records in %d bytes", ErrCorrupt, b.Records, len(b.Payload))
	}
	return nil
}

func (r *Reader) setAborted(list []Aborted) {
	r.aborted = r.aborted[:0]
	for _, a := range list {
		r.aborted = append(r.aborted, aborted{Aborted: a})
	}
	slices.SortFunc(r.aborted, func(a, b aborted) int {
		return cmp.Or(cmp.Compare(a.Producer, b.Producer), cmp.Compare(a.First, b.First))
	})
}

// wants says whether b, whose bytes are raw, is for the application. An abort
// marker ends the transaction of its producer.
func (r *Reader) wants(b *Batch, raw []byte) (bool, error) {
	bits := attributes(raw)
	if bits&control == 0 && (bits&transactional == 0 || len(r.aborted) == 0) {
		return true, nil
	}
	open := r.open(int64(binary.BigEndian.Uint64(raw[producerAt:])), b.Base)
	if bits&control == 0 || open == nil {
		return bits&control == 0 && open == nil, nil
	}
	var err error
	open.over, err = r.aborts(*b, raw)
	return false, err
}

// open returns the aborted transaction that a producer has open at an offset.
// It has one at a time: older ones ended, whether their markers were met or not.
func (r *Reader) open(producer, offset int64) *aborted {
	after, _ := slices.BinarySearchFunc(r.aborted, offset, func(a aborted, offset int64) int {
		if a.Producer < producer || a.Producer == producer && a.First <= offset {
			return -1
		}
		return 1
	})
	if after == 0 {
		return nil
	}
	if a := &r.aborted[after-1]; a.Producer == producer && !a.over {
		return a
	}
	return nil
}

// aborts says whether b, a control batch, ends its transaction with an abort:
// the key of its one record is a version and a type, which is 0.
func (r *Reader) aborts(b Batch, raw []byte) (bool, error) {
	if b.Records == 0 {
		return false, nil // compaction took the marker, and the transaction before it
	}
	if err := r.inflate(&b, raw); err != nil {
		return false, err
	}
	var o flow.Origin
	if _, err := b.Decode(b.Payload, &o); err != nil {
		return false, errors.Unwrap(err)
	}
	if len(o.Key) < 4 {
		return false, fmt.Errorf("%w: key of a marker with %d bytes", ErrCorrupt, len(o.Key))
	}
	return o.Key[2] == 0 && o.Key[3] == 0, nil
}
