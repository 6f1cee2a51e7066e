package state_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/overlay"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
)

// TestVersionedRestore restores a store from its changelog, in which a version
// stands that had expired when it was put.
func TestVersionedRestore(t *testing.T) {
	spec := state.Versioned("rows", serde.String, serde.String, 100*time.Millisecond)
	st := spec.Define()
	layers := overlay.New(st.Layout, nil, st.Ordered)
	v, err := st.Open(graph.Opening{Store: st, Layers: layers})
	if err != nil {
		t.Fatal(err)
	}
	s := v.(*versioned)
	log := []overlay.Record{
		{Key: []byte("k"), Value: []byte("a"), Time: 10},
		{Key: []byte("k"), Value: []byte{}, Time: 20},
		{Key: []byte("k"), Value: nil, Time: 30},
		{Key: []byte("l"), Value: []byte("x"), Time: 40},
		{Key: []byte("k"), Value: []byte("b"), Time: 150},
		{Key: []byte("m"), Value: []byte("late"), Time: 49},
	}
	for i := range log {
		key, value, ok := layers.Restore(&log[i])
		if !ok {
			t.Fatalf("record %d is refused", i)
		}
		st.OnRestore(s, key, value, &log[i])
	}
	var got []string
	if err := s.Dump(func(k, v any, from, until int64) bool {
		got = append(got, fmt.Sprintf("%v=%v %d %d", k, v, from, until))
		return true
	}); err != nil {
		t.Fatal(err)
	}
	if want := []string{"k=a 10 20", "k= 20 30", "k=b 150 -1", "l=x 40 -1"}; !slices.Equal(got, want) {
		t.Errorf("restored %q, want %q", got, want)
	}
	if got := asOf(t, s, "k", 49); got != "none" {
		t.Errorf("what is beyond the history is read: %s", got)
	}
}

// TestVersionedChangelog checks the layout against Java's bytes: key, value,
// and the time of the version as the record's.
func TestVersionedChangelog(t *testing.T) {
	layout := state.Versioned("rows", serde.String, serde.String, time.Hour).Define().Layout
	for _, r := range []overlay.Record{
		{Key: []byte("k"), Value: []byte("v"), Time: 15},
		{Key: []byte("k"), Value: []byte{}, Time: 0},
		{Key: []byte{}, Value: nil, Time: 1 << 40},
	} {
		key, value, ok := layout.FromLog(&r)
		if !ok {
			t.Fatalf("%+v is refused", r)
		}
		var back overlay.Record
		layout.ToLog(&back, key, value)
		if string(back.Key) != string(r.Key) || string(back.Value) != string(r.Value) || back.Time != r.Time || (back.Value == nil) != (r.Value == nil) {
			t.Errorf("%+v became %+v", r, back)
		}
	}
	for _, r := range []overlay.Record{{Value: []byte("v")}, {Key: []byte("k"), Time: -1}} {
		if _, _, ok := layout.FromLog(&r); ok {
			t.Errorf("%+v is taken", r)
		}
	}
}
