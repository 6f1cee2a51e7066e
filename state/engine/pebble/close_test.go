package pebble_test

import (
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/ottla-streams/ottla/state/engine/pebble"
)

// slowCompactions is a disk on which each write of a compaction takes a while.
type slowCompactions struct {
	vfs.FS
	writes atomic.Int64
}

func (s *slowCompactions) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := s.FS.Create(name, category)
	if err == nil && category == "pebble-compaction" {
		return &slowFile{f, s}, nil
	}
	return f, err
}

type slowFile struct {
	vfs.File
	disk *slowCompactions
}

func (f *slowFile) Write(p []byte) (int, error) {
	f.disk.writes.Add(1)
	time.Sleep(100 * time.Millisecond)
	return f.File.Write(p)
}

// A close does not wait for the end of a compaction, and loses nothing by it.
func TestCloseCutsCompactionShort(t *testing.T) {
	disk := &slowCompactions{FS: vfs.NewMem()}
	o := newOpener(t, pebble.Options{FS: disk})
	e := open(t, o, "db")
	w := newWorkload(21)
	rnd := rand.NewChaCha8([32]byte{})
	large := make([]byte, 4<<20)
	for i := 0; disk.writes.Load() == 0; i++ {
		if i == 50 {
			t.Fatal("no compaction")
		}
		rnd.Read(large)
		w.run(t, e, 1)
		b := e.NewBatch()
		for at := 0; at < len(large); at += 4 << 10 {
			b.Set([]byte{'x', byte(at >> 16), byte(at >> 12)}, large[at:at+4<<10])
		}
		if err := b.Commit(); err != nil {
			t.Fatal(err)
		}
		if err := e.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	begin := time.Now()
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begin); took > time.Second {
		t.Errorf("close took %v", took)
	}
	e = open(t, newOpener(t, pebble.Options{FS: disk.FS}), "db")
	for at := 0; at < len(large); at += 4 << 10 {
		value, ok, err := e.Get(nil, []byte{'x', byte(at >> 16), byte(at >> 12)})
		if err != nil || !ok || string(value) != string(large[at:at+4<<10]) {
			t.Fatalf("value at %d: %v, %v", at, ok, err)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
}
