package overlay_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/ottla-streams/ottla/internal/overlay"
	"github.com/ottla-streams/ottla/state/engine/memory"
)

// changelog is a compacted topic and the newest time that a record of it ever had.
type changelog struct {
	rows   map[string]string
	newest int64
}

func (l *changelog) take(t *testing.T, s *overlay.Store) {
	t.Helper()
	err := s.Changes(func(r *overlay.Record) error {
		at, timed := timeOf(string(r.Key))
		if timed {
			l.newest = max(l.newest, at)
		}
		if delete(l.rows, string(r.Key)); r.Value != nil {
			l.rows[string(r.Key)] = string(r.Value)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A changelog says what was committed, and the newest time, whatever of the
// entries that were put and deleted between commits it does not have.
func TestChangelogWithoutFleeting(t *testing.T) {
	for seed := range uint64(100) {
		e, err := memory.Opener{}.Open("")
		if err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(seed, 2))
		s := newTimed(false)
		current, committed := map[string]string{}, map[string]string{}
		newest, newestCommitted, now, floor := int64(-1), int64(-1), int64(0), int64(0)
		log := changelog{rows: map[string]string{}, newest: -1}
		before := changelog{rows: map[string]string{}, newest: -1}
		for range 500 {
			now += rng.Int64N(2)
			k := timedKey(rng.IntN(9), now-min(now, rng.Int64N(10)))
			switch op := rng.IntN(100); {
			case op < 45:
				at, _ := timeOf(k)
				if at < floor {
					continue
				}
				v := fmt.Sprint(rng.IntN(1000))
				s.Put([]byte(k), []byte(v), 1, nil)
				current[k], newest = v, max(newest, at)
			case op < 85:
				for old := range current {
					k = old
					break
				}
				at, _ := timeOf(k)
				if at < floor {
					continue
				}
				newest = max(newest, at)
				s.Delete([]byte(k), 1, nil)
				delete(current, k)
			case op < 88: // a commit that will have to be tried again
				log.take(t, s)
			case op < 95:
				log.take(t, s)
				s.Commit()
				committed, newestCommitted = maps.Clone(current), newest
				before = changelog{maps.Clone(log.rows), log.newest}
				sameLog(t, seed, log, committed, newest)
				if rng.IntN(4) == 0 {
					floor = now - 20
					s.Unread(floor)
				}
			case op < 97: // with its transaction
				s.Abort()
				current, newest = maps.Clone(committed), newestCommitted
				log = changelog{maps.Clone(before.rows), before.newest}
			default:
				writeOut(t, s, e, rng.IntN(2) == 0)
			}
		}
	}
}

func sameLog(t *testing.T, seed uint64, log changelog, rows map[string]string, newest int64) {
	t.Helper()
	if !maps.Equal(log.rows, rows) {
		t.Fatalf("seed %d: the changelog has %q, want %q", seed, log.rows, rows)
	}
	if log.newest != newest {
		t.Fatalf("seed %d: the newest time of the changelog is %d, want %d", seed, log.newest, newest)
	}
}

// Of an entry that was deleted before a commit the changelog has nothing, nor does
// memory, unless it is the newest of all.
func TestFleeting(t *testing.T) {
	s := newTimed(false)
	for at, key := range []string{"a", "b", "c"} {
		s.Put([]byte(timedKey(int(key[0]-'a'), int64(at))), []byte("v"), 1, nil)
	}
	for letter := range 3 {
		s.Delete([]byte(timedKey(letter, int64(letter))), 1, nil)
	}
	if _, uncommitted := s.Bytes(); s.Len() != 1 || s.Dirty() != 1 || uncommitted > 200 {
		t.Errorf("%d entries, %d changed, %d bytes", s.Len(), s.Dirty(), uncommitted)
	}
	var told []string
	if err := s.Changes(func(r *overlay.Record) error {
		told = append(told, fmt.Sprintf("%s %v", r.Key[8:9], r.Value == nil))
		return nil
	}); err != nil || fmt.Sprint(told) != "[c true]" {
		t.Errorf("told %v, error %v", told, err)
	}
}

// What nobody reads any more leaves memory without a write-out.
func TestTidy(t *testing.T) {
	s := newTimed(false)
	most, pending := 0, 0
	for at := range int64(50_000) {
		s.Put([]byte(timedKey(int(at%9), at)), make([]byte, 100), 1, nil)
		if at%10 == 0 {
			old := timedKey(int(at%9), at-9)
			s.Delete([]byte(old), 1, nil)
		}
		if at%100 == 0 {
			s.Unread(at - 1000)
			s.Commit()
		}
		bytes, uncommitted := s.Bytes()
		most, pending = max(most, bytes), max(pending, uncommitted)
	}
	if most > 1<<20 || pending > 64<<10 {
		t.Errorf("%d bytes in memory, %d of them uncommitted", most, pending)
	}
	for at := int64(49_001); at < 50_000; at++ {
		_, ok, err := s.Get([]byte(timedKey(int(at%9), at)))
		if deleted := (at+9)%10 == 0 && at+9 < 50_000 && (at+9)%9 == at%9; err != nil || ok == deleted {
			t.Fatalf("entry of %d: there %v, error %v, want %v", at, ok, err, !deleted)
		}
	}
}

// An entry that nobody reads leaves memory, but not the changelog. To put and
// delete it again has to reach that one.
func TestFleetingAfterTidy(t *testing.T) {
	s := newTimed(false)
	old, latest := []byte(timedKey(0, 5)), []byte(timedKey(1, 100))
	s.Put(old, []byte("v"), 1, nil)
	s.Put(latest, []byte("v"), 1, nil)
	s.Commit()
	s.Unread(10)
	s.Tidy()
	if s.Len() != 1 {
		t.Fatalf("%d entries in memory, want 1", s.Len())
	}
	s.Put(old, []byte("w"), 1, nil)
	s.Delete(old, 1, nil)
	log := changelog{rows: map[string]string{string(old): "v", string(latest): "v"}, newest: 100}
	log.take(t, s)
	sameLog(t, 0, log, map[string]string{string(latest): "v"}, 100)
}
