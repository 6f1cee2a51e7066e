package overlay_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/ottla-streams/ottla/internal/overlay"
	"github.com/ottla-streams/ottla/state/engine"
	"github.com/ottla-streams/ottla/state/engine/memory"
)

// published is a view and what it has to show for good.
type published struct {
	view *overlay.View
	want map[string]string
}

func (p published) check(rng *rand.Rand) error {
	s := p.view.Store()
	k := wide(rng.IntN(200))
	v, ok, err := s.Get([]byte(k))
	if want, has := p.want[k]; err != nil || ok != has || string(v) != want {
		return fmt.Errorf("get %s: %q %v %v, want %q %v", k, v, ok, err, want, has)
	}
	lo, hi, reverse := wide(rng.IntN(200)), wide(rng.IntN(201)), rng.IntN(2) == 0
	var end []byte
	if rng.IntN(4) > 0 {
		end = []byte(hi)
	}
	var got, want []string
	err = s.Scan([]byte(lo), end, reverse, true, func(k, v []byte) bool {
		got = append(got, string(k)+"="+string(v))
		return true
	})
	for _, k := range slices.Sorted(maps.Keys(p.want)) {
		if k >= lo && (end == nil || k < hi) {
			want = append(want, k+"="+p.want[k])
		}
	}
	if reverse {
		slices.Reverse(want)
	}
	if err != nil || !slices.Equal(got, want) {
		return fmt.Errorf("scan [%s, %s) reverse %v: %v %v, want %v", lo, end, reverse, got, err, want)
	}
	return nil
}

func wide(i int) string { return fmt.Sprintf("a-rather-long-key-%03d", i) }

// Views show what was committed when they were published, however the store
// goes on, to readers on other goroutines.
func TestViewsAgainstModel(t *testing.T) {
	for seed := range uint64(24) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { runViews(t, seed) })
	}
}

func runViews(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 2))
	e, err := memory.Opener{}.Open("")
	if err != nil {
		t.Fatal(err)
	}
	withEngine := seed%3 != 0
	s := overlay.New(plain{}, []byte{0, 1}, seed%2 == 0)
	m := &model{committed: map[string]string{}, current: map[string]string{}, touched: map[string]bool{}}
	var below *overlay.Base
	var wg sync.WaitGroup
	defer wg.Wait()
	for range 60 {
		for range rng.IntN(80) {
			k := wide(rng.IntN(200))
			if rng.IntN(3) == 0 {
				s.Delete([]byte(k), 0, nil)
				delete(m.current, k)
				continue
			}
			m.current[k] = fmt.Sprint(rng.IntN(1e6))
			s.Put([]byte(k), []byte(m.current[k]), 0, nil)
		}
		switch rng.IntN(6) {
		case 0:
			s.Abort()
			m.current = maps.Clone(m.committed)
		case 1:
			k := wide(rng.IntN(200))
			s.Commit()
			m.current[k], m.committed = "kept", maps.Clone(m.current)
			s.Keep([]byte(k), []byte("kept"))
			m.committed[k] = "kept"
		case 2:
			s.Commit()
			m.committed = maps.Clone(m.current)
			if withEngine {
				below = writeBelow(t, s, e, rng.IntN(2) == 0)
			}
		case 3:
			s.Hide()
			continue
		default:
			s.Commit()
			m.committed = maps.Clone(m.current)
		}
		p := published{s.Publish(below), maps.Clone(m.committed)}
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(seed, 3))
			for range 10 {
				if err := p.check(rng); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
}

func writeBelow(t *testing.T, s *overlay.Store, e engine.Engine, drop bool) *overlay.Base {
	b := e.NewBatch()
	s.WriteOut(b)
	if err := b.Commit(); err != nil {
		t.Fatal(err)
	}
	s.Written(e, drop)
	snap, err := e.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	return overlay.NewBase(snap)
}

// A view whose engine is gone says so, in the middle of a range too.
func TestViewOfClosedEngine(t *testing.T) {
	e, err := memory.Opener{}.Open("")
	if err != nil {
		t.Fatal(err)
	}
	s := overlay.New(plain{}, []byte{0, 1}, true)
	for i := range 200 {
		s.Put([]byte(wide(i)), []byte("v"), 0, nil)
	}
	s.Commit()
	base := writeBelow(t, s, e, true)
	v := s.Publish(base)
	n := 0
	err = v.Store().Scan(nil, nil, false, false, func(_, _ []byte) bool {
		if n++; n == 10 {
			if err := base.End(); err != nil {
				t.Error(err)
			}
			if err := e.Close(); err != nil { // would tell an open reader
				t.Error(err)
			}
		}
		return true
	})
	if !errors.Is(err, overlay.ErrGone) || n >= 200 {
		t.Errorf("scan of %d: %v", n, err)
	}
	if _, _, err := v.Store().Get([]byte(wide(199))); !errors.Is(err, overlay.ErrGone) {
		t.Errorf("get: %v", err)
	}
}

// The last user of a snapshot closes it.
func TestBaseIsReleased(t *testing.T) {
	e, err := memory.Opener{}.Open("")
	if err != nil {
		t.Fatal(err)
	}
	snap, err := e.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	b := overlay.NewBase(snap)
	b.Hold()
	if err := b.Release(); err != nil || e.OpenReaders() != 1 {
		t.Errorf("%v, %d open", err, e.OpenReaders())
	}
	if err := b.Release(); err != nil || e.OpenReaders() != 0 {
		t.Errorf("%v, %d open", err, e.OpenReaders())
	}
}
