package state

import (
	"encoding/binary"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/overlay"
)

// windowLayout is that of window stores: the changelog's key is key ‖ start ‖
// sequence, where the sequence is 0 unless the store keeps duplicates.
type windowLayout struct {
	store *graph.Store
	twins bool
}

// Tail implements overlay.Timed.
func (w windowLayout) Tail() int {
	if w.twins {
		return 12
	}
	return 8
}

func (w windowLayout) values() overlay.Layout {
	if w.store.Headers {
		return headersLayout{}
	}
	return timedLayout{}
}

func (w windowLayout) ToLog(r *overlay.Record, entry, value []byte) {
	key := entry[8:]
	if !w.twins {
		key = append(key, 0, 0, 0, 0)
	}
	w.values().ToLog(r, key, value)
}

func (w windowLayout) FromLog(r *overlay.Record) (entry, value []byte, ok bool) {
	at := len(r.Key) - 12
	if at < 0 || int64At(r.Key[at:]) < 0 {
		return nil, nil, false
	}
	if _, value, ok = w.values().FromLog(r); !ok {
		return nil, nil, false
	}
	end := len(r.Key)
	if !w.twins {
		end -= 4
	}
	return inSegment(w.store, r.Key[:end], r.Key[at:]), value, true
}

// inSegment returns the key of an entry with its segment in front. at begins
// with its position.
func inSegment(st *graph.Store, key, at []byte) []byte {
	n := uint64(segmentOf(int64At(at), segmentInterval(st.RetentionMillis)))
	return append(binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(key)), n), key...)
}

// sessionLayout is that of session stores: the changelog's key is key ‖ end ‖
// start. The record has the time of the one that caused the write.
type sessionLayout struct{ store *graph.Store }

// Tail implements overlay.Timed.
func (s sessionLayout) Tail() int { return 16 }

func (s sessionLayout) ToLog(r *overlay.Record, entry, value []byte) {
	r.Key, r.Value = entry[8:], value
	if !s.store.Headers || value == nil {
		return
	}
	if h, rest, err := cutHeaders(value); err == nil { // written by the store: it is well-formed
		r.Headers, r.Value = h, rest
	}
}

func (s sessionLayout) FromLog(r *overlay.Record) (entry, value []byte, ok bool) {
	at := len(r.Key) - 16
	if at < 0 || int64At(r.Key[at:]) < 0 {
		return nil, nil, false
	}
	value = r.Value
	if value != nil && s.store.Headers {
		value = append(appendHeaders(nil, r.Headers), value...)
	}
	return inSegment(s.store, r.Key, r.Key[at:]), value, true
}
