package task_test

import (
	"maps"
	"testing"

	"github.com/ottla-streams/ottla/internal/runtime/task"
)

// TestMetadataBytes pins the encoding to what Kafka Streams 4.3.1 writes.
func TestMetadataBytes(t *testing.T) {
	if got, want := task.EncodeMetadata(100, map[string]int64{"ws": 95}), "AgAAAAAAAABkAAAAAQAAAAJ3cwAAAAAAAABf"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := task.EncodeMetadata(100, nil), "AgAAAAAAAABk"; got != want {
		t.Errorf("without progress: got %s, want %s", got, want)
	}
}

func TestDecodeMetadata(t *testing.T) {
	for _, c := range []struct {
		name, in string
		time     int64
		progress map[string]int64
		bad      bool
	}{
		{name: "empty", in: "", time: -1},
		{name: "version 2", in: "AgAAAAAAAABkAAAAAQAAAAJ3cwAAAAAAAABf", time: 100, progress: map[string]int64{"ws": 95}},
		{name: "version 1", in: "AQAAAAAAAABk", time: 100},
		{name: "not base64", in: "?", time: -1, bad: true},
		{name: "unknown version", in: "CQAAAAAAAABk", time: -1, bad: true},
		{name: "cut short", in: "AgAAAAAAAABkAAAAAQAAAAJ3cwAA", time: -1, bad: true},
		{name: "a name longer than the rest", in: "AgAAAAAAAABkAAAAAf////93c3dzd3N3c3dz", time: -1, bad: true},
	} {
		at, progress, err := task.DecodeMetadata(c.in)
		if at != c.time || !maps.Equal(progress, c.progress) || (err != nil) != c.bad {
			t.Errorf("%s: %d %v %v", c.name, at, progress, err)
		}
	}
}

func FuzzDecodeMetadata(f *testing.F) {
	f.Add("AgAAAAAAAABkAAAAAQAAAAJ3cwAAAAAAAABf")
	f.Add("AQAAAAAAAABk")
	f.Fuzz(func(t *testing.T, s string) {
		at, progress, err := task.DecodeMetadata(s)
		if err != nil || s == "" {
			return
		}
		at2, progress2, err := task.DecodeMetadata(task.EncodeMetadata(at, progress))
		if err != nil || at2 != at || !maps.Equal(progress, progress2) {
			t.Errorf("%q: %d %v becomes %d %v, %v", s, at, progress, at2, progress2, err)
		}
	})
}
