package serde

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/ottla-streams/ottla/window"
)

// InnerKeyer is implemented by the serdes of windowed keys. A record with such
// a key goes to the partition of its inner key unless the topic has a
// partitioner of its own, so that all windows of a key meet in one partition,
// as with Java's WindowedSerializer.
type InnerKeyer interface {
	// InnerKey returns the part of an encoded key that is to be hashed. It is
	// a part of encoded, or all of it if that is too short to be a windowed
	// key.
	InnerKey(encoded []byte) []byte
}

// TimeWindowed is the Serde of keys in time windows of the given size, with
// the bytes of Java's TimeWindowedSerde: the inner key and the start. The end
// isn't written: Decode makes it start + size, at most the largest int64. For
// sliding windows the size is their time difference. The size is a positive
// whole number of milliseconds; the largest [time.Duration] stands for windows
// without an end. Another one makes a Serde with an error, see [Checker].
func TimeWindowed[K any](inner Serde[K], size time.Duration) Serde[window.Key[K]] {
	switch {
	case size == math.MaxInt64:
		return TimeWindowedMillis(inner, math.MaxInt64)
	case size <= 0 || size%time.Millisecond != 0:
		return broken[window.Key[K]]{fmt.Errorf("%w of milliseconds, not %v", errWindowSize, size)}
	}
	return TimeWindowedMillis(inner, size.Milliseconds())
}

// TimeWindowedMillis is [TimeWindowed] with the size in milliseconds, for
// windows that are longer than a [time.Duration] can be. The largest int64
// stands for windows without an end.
func TimeWindowedMillis[K any](inner Serde[K], sizeMs int64) Serde[window.Key[K]] {
	if sizeMs <= 0 {
		return broken[window.Key[K]]{fmt.Errorf("%w of milliseconds, not %d", errWindowSize, sizeMs)}
	}
	return newWindowed(inner, bounds{size: sizeMs})
}

// SessionWindowed is the Serde of keys in session windows, with the bytes of
// Java's SessionWindowedSerde: the inner key, the end and the start. An end
// before the start is an error.
func SessionWindowed[K any](inner Serde[K]) Serde[window.Key[K]] {
	return newWindowed(inner, bounds{})
}

var (
	errWindowSize = errors.New("time-windowed key: the size has to be a positive whole number")
	errSessionEnd = errors.New("session-windowed key: the end is before the start")
)

// bounds is how start and end of a window follow the key. Its size is 0 for
// session windows.
type bounds struct{ size int64 }

func (b bounds) len() int {
	if b.size == 0 {
		return 16
	}
	return 8
}

func (b bounds) appendTo(dst []byte, start, end int64) ([]byte, error) {
	if b.size == 0 {
		if end < start {
			return nil, errSessionEnd
		}
		dst = binary.BigEndian.AppendUint64(dst, uint64(end))
	}
	return binary.BigEndian.AppendUint64(dst, uint64(start)), nil
}

// split returns the encoded inner key, and start and end of the window.
func (b bounds) split(src []byte) (key []byte, start, end int64, err error) {
	at := len(src) - b.len()
	if at < 0 {
		return nil, 0, 0, b.sizeError(len(src))
	}
	start = int64(binary.BigEndian.Uint64(src[len(src)-8:]))
	if b.size > 0 {
		return src[:at:at], start, b.end(start), nil
	}
	if end = int64(binary.BigEndian.Uint64(src[at:])); end < start {
		return nil, 0, 0, errSessionEnd
	}
	return src[:at:at], start, end, nil
}

func (b bounds) end(start int64) int64 {
	if b.size == math.MaxInt64 || start > math.MaxInt64-b.size {
		return math.MaxInt64
	}
	return start + b.size
}

func (b bounds) sizeError(got int) error {
	typ := "time-windowed key"
	if b.size == 0 {
		typ = "session-windowed key"
	}
	return &SizeError{Type: typ, Want: b.len(), Got: got, AtLeast: true}
}

type windowed[K any] struct {
	inner  Serde[K]
	bounds bounds
}

func newWindowed[K any](inner Serde[K], b bounds) Serde[window.Key[K]] {
	if err := check(inner); err != nil {
		return broken[window.Key[K]]{fmt.Errorf("windowed key: %w", err)}
	}
	w := windowed[K]{inner, b}
	if aware, ok := inner.(HeaderAware[K]); ok {
		return windowedRecord[K]{w, aware}
	}
	return w
}

func (w windowed[K]) AppendTo(dst []byte, v window.Key[K]) ([]byte, error) {
	b, err := w.inner.AppendTo(dst, v.Key)
	return w.finish(dst, b, v, err)
}

func (w windowed[K]) Decode(src []byte) (window.Key[K], error) {
	key, start, end, err := w.bounds.split(src)
	if err != nil {
		return window.Key[K]{}, err
	}
	k, err := w.inner.Decode(key)
	return windowKey(k, start, end, err)
}

func (w windowed[K]) InnerKey(encoded []byte) []byte {
	at := len(encoded) - w.bounds.len()
	if at < 0 {
		return encoded
	}
	return encoded[:at:at]
}

func (w windowed[K]) Copies() bool { return Copies(w.inner) }

func (w windowed[K]) ForTopic(topic string, key bool) Serde[window.Key[K]] {
	return newWindowed(Bind(w.inner, topic, key), w.bounds)
}

// finish appends the bounds of v to b, which is dst and the inner key of v.
func (w windowed[K]) finish(dst, b []byte, v window.Key[K], err error) ([]byte, error) {
	if err != nil {
		return dst, fmt.Errorf("windowed key: %w", err)
	}
	if b, err = w.bounds.appendTo(b, v.Start, v.End); err != nil {
		return dst, err
	}
	return b, nil
}

func windowKey[K any](k K, start, end int64, err error) (window.Key[K], error) {
	if err != nil {
		return window.Key[K]{}, fmt.Errorf("windowed key: %w", err)
	}
	return window.Key[K]{Key: k, Start: start, End: end}, nil
}

type windowedRecord[K any] struct {
	windowed[K]
	aware HeaderAware[K]
}

func (w windowedRecord[K]) AppendRecord(dst []byte, v window.Key[K], h *Headers) ([]byte, error) {
	b, err := w.aware.AppendRecord(dst, v.Key, h)
	return w.finish(dst, b, v, err)
}

func (w windowedRecord[K]) DecodeRecord(src []byte, h Headers) (window.Key[K], error) {
	key, start, end, err := w.bounds.split(src)
	if err != nil {
		return window.Key[K]{}, err
	}
	k, err := w.aware.DecodeRecord(key, h)
	return windowKey(k, start, end, err)
}
