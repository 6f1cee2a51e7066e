package overlay

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
)

type plain struct{}

func (plain) ToLog(r *Record, key, value []byte)             { r.Key, r.Value = key, value }
func (plain) FromLog(r *Record) (key, value []byte, ok bool) { return r.Key, r.Value, true }

// timeKeys are keys as stores by time have them: segment, key, time.
func timeKeys(n int) [][]byte {
	rng := rand.New(rand.NewPCG(1, 2))
	keys := make([][]byte, n)
	for i := range keys {
		k := binary.BigEndian.AppendUint64(nil, 7)
		k = fmt.Appendf(k, "user%08d", rng.IntN(10_000))
		keys[i] = binary.BigEndian.AppendUint64(k, uint64(1_700_000_000_000+i))
	}
	return keys
}

func userKeys(n int) [][]byte {
	keys := make([][]byte, n)
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "user%08d", i)
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(n, func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	return keys
}

// BenchmarkFindByRange finds one of 100,000 entries by a range of a store by time.
func BenchmarkFindByRange(b *testing.B) {
	keys := timeKeys(100_000)
	s := New(plain{}, nil, true)
	for _, k := range keys {
		s.Put(k, k[:8], 0, nil)
	}
	s.Commit()
	hi := make([]byte, 0, 64)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		k := keys[i*7919%len(keys)]
		hi = append(append(hi[:0], k...), 0)
		found := false
		if err := s.Scan(k, hi, false, false, func(_, _ []byte) bool { found = true; return true }); err != nil || !found {
			b.Fatal(err, found)
		}
	}
}

// BenchmarkFind finds one of 100,000 entries by its key; BenchmarkFindInMap is
// its floor.
func BenchmarkFind(b *testing.B) {
	keys := userKeys(100_000)
	s := New(plain{}, nil, false)
	for _, k := range keys {
		s.Put(k, k[:8], 0, nil)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, ok, err := s.Peek(keys[i*7919%len(keys)]); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}

func BenchmarkFindInMap(b *testing.B) {
	keys := userKeys(100_000)
	m := make(map[string][]byte)
	for _, k := range keys {
		m[string(k)] = k[:8]
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, ok := m[string(keys[i*7919%len(keys)])]; !ok {
			b.Fatal("not there")
		}
	}
}
