package avro

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"sync"
)

// Maps of Go have no order, so codecs write their entries in any. Equal values
// must have equal bytes, as tables and joins compare those. So the encoding of
// a value with maps in it is copied, with the entries in the order of their
// keys.

// orderer copies one encoding.
type orderer struct {
	walker
	out     []byte
	entries []entry
	scratch []byte
}

// entry is an entry of a map in out.
type entry struct{ start, key, end int }

var orderers = sync.Pool{New: func() any { return new(orderer) }}

const maxIdle = 1 << 20 // bytes of a buffer to keep

// order puts the maps in b, which has a value of the schema after the first
// bytes, in order.
func order(b []byte, first int, n *node) ([]byte, error) {
	o := orderers.Get().(*orderer)
	o.walker = walker{src: b[first:], values: math.MaxInt, depth: math.MaxInt}
	o.out, o.entries = o.out[:0], o.entries[:0]
	err := o.copy(n)
	if err == nil {
		b = append(b[:first], o.out...)
	}
	if o.src = nil; cap(o.out) <= maxIdle {
		orderers.Put(o)
	}
	return b, err
}

// hasMaps tells whether values of the nodes may have maps in them.
func hasMaps(all []*node) bool {
	return slices.ContainsFunc(all, func(n *node) bool { return n.kind == mapType })
}

func (o *orderer) copy(n *node) error {
	switch n.kind {
	case recordType:
		for _, p := range n.parts {
			if err := o.copy(p); err != nil {
				return err
			}
		}
		return nil
	case unionType:
		at := o.at
		branch, err := o.varint()
		if err != nil || branch < 0 || branch >= int64(len(n.parts)) {
			return errEncode
		}
		o.take(at)
		return o.copy(n.parts[branch])
	case arrayType:
		return o.array(n.parts[0])
	case mapType:
		return o.dictionary(n.parts[0])
	}
	at := o.at
	err := o.value(n)
	o.take(at)
	return err
}

// take copies what was read since at.
func (o *orderer) take(at int) { o.out = append(o.out, o.src[at:o.at]...) }

func (o *orderer) array(item *node) error {
	for {
		count, _, err := o.block()
		if err != nil {
			return err
		}
		// The size of the block may change, so it is left out.
		o.out = binary.AppendVarint(o.out, count)
		if count == 0 {
			return nil
		}
		for range count {
			if err := o.copy(item); err != nil {
				return err
			}
		}
	}
}

// dictionary copies a map as one block.
func (o *orderer) dictionary(item *node) error {
	start, first := len(o.out), len(o.entries)
	for {
		count, _, err := o.block()
		if err != nil {
			return err
		}
		if count == 0 {
			break
		}
		for range count {
			e := entry{start: len(o.out)}
			at := o.at
			if err := o.bytes(); err != nil {
				return err
			}
			o.take(at)
			e.key = len(o.out)
			if err := o.copy(item); err != nil {
				return err
			}
			e.end = len(o.out)
			o.entries = append(o.entries, e)
		}
	}
	o.sort(start, o.entries[first:])
	o.entries = o.entries[:first]
	return nil
}

// sort writes the entries, which are all that is in out after start, again.
func (o *orderer) sort(start int, entries []entry) {
	o.scratch = append(o.scratch[:0], o.out[start:]...)
	all := o.scratch
	key := func(e entry) []byte {
		k := all[e.start-start : e.key-start]
		_, n := binary.Varint(k)
		return k[n:]
	}
	slices.SortFunc(entries, func(a, b entry) int { return bytes.Compare(key(a), key(b)) })
	o.out = o.out[:start]
	if len(entries) > 0 {
		o.out = binary.AppendVarint(o.out, int64(len(entries)))
	}
	for _, e := range entries {
		o.out = append(o.out, all[e.start-start:e.end-start]...)
	}
	o.out = append(o.out, 0)
}
