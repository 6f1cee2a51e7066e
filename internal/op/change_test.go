package op_test

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/op"
	"github.com/ottla-streams/ottla/serde"
)

type change = flow.Change[string]

func TestChanges(t *testing.T) {
	long := string(bytes.Repeat([]byte("n"), 70))
	for name, c := range map[string]struct {
		change change
		hex    string
		read   bool // only read, never written
	}{
		"new":                 {change{New: "x1", HasNew: true}, "783101", false},
		"old":                 {change{Old: "x2", HasOld: true}, "783200", false},
		"both":                {change{New: "x3", HasNew: true, Old: "x1", HasOld: true}, "0478337831" + "02", false},
		"both, long":          {change{New: long, HasNew: true, Old: "x", HasOld: true}, "8c01" + hex.EncodeToString([]byte(long)) + "78" + "02", false},
		"empty new":           {change{HasNew: true}, "01", false},
		"both empty":          {change{HasNew: true, HasOld: true}, "0002", false},
		"new, latest":         {change{New: "x", HasNew: true}, "780104", true},
		"new, not the latest": {change{New: "x", HasNew: true, Late: true}, "780004", true},
		"old, latest":         {change{Old: "x", HasOld: true}, "780103", true},
		"both, latest":        {change{New: "x", HasNew: true, Old: "y", HasOld: true}, "0278790105", true},
	} {
		s := op.Changes(serde.String)
		want, err := hex.DecodeString(c.hex)
		if err != nil {
			t.Fatal(name, err)
		}
		if got, err := s.Decode(want); got != c.change || err != nil {
			t.Errorf("%s: decoded %+v, %v", name, got, err)
		}
		got, err := s.AppendTo([]byte("before"), c.change)
		if !c.read && (err != nil || !bytes.Equal(got, append([]byte("before"), want...))) {
			t.Errorf("%s: encoded %x, %v, want %x", name, got, err, want)
		}
	}
}

func TestChangesRefuse(t *testing.T) {
	s := op.Changes(serde.Int64)
	if got, err := s.AppendTo([]byte("x"), flow.Change[int64]{}); err == nil || string(got) != "x" {
		t.Errorf("a change of nothing encodes as %x, %v", got, err)
	}
	for _, h := range []string{"", "02", "04", "7801", "0a787902", "01787902", "0678", "ff"} {
		b, _ := hex.DecodeString(h)
		if c, err := s.Decode(b); err == nil {
			t.Errorf("%s decodes as %+v", h, c)
		}
	}
}

func FuzzChanges(f *testing.F) {
	f.Add([]byte("x\x01"))
	f.Add([]byte("\x04x3x1\x02"))
	f.Add([]byte("\x02xy\x01\x05"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := op.Changes(serde.String)
		c, err := s.Decode(b)
		if err != nil {
			return
		}
		c.Late = false
		again, err := s.AppendTo(nil, c)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := s.Decode(again); back != c || err != nil {
			t.Fatalf("%x decodes as %+v, and as %+v, %v when encoded again", b, c, back, err)
		}
	})
}
