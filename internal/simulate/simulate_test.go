package simulate

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"testing/synctest"
)

var (
	only   = flag.Uint64("seed", 0, "the one seed to run")
	from   = flag.Uint64("from", 1, "the first of several seeds")
	seeds  = flag.Uint64("seeds", 25, "how many seeds to run")
	toFile = flag.String("log", "", "file for the log of a run with -seed")
)

// TestSeeds plays schedules, each under both guarantees and on both engines.
func TestSeeds(t *testing.T) {
	if !durable {
		t.Skip("needs the build tag synctests, as make test and make simulate set it")
	}
	begin, n := *from, *seeds
	if *only > 0 {
		begin, n = *only, 1
	}
	for seed := begin; seed < begin+n; seed++ {
		for _, exactly := range []bool{true, false} {
			for _, memory := range []bool{false, true} {
				s := Draw(seed) // one for each run: they go on side by side
				s.ExactlyOnce, s.Memory = exactly, memory
				t.Run(name(s), func(t *testing.T) {
					t.Parallel()
					if !play(t, s, true) {
						play(t, s, false)
					}
				})
			}
		}
	}
}

// The judge finds what is wrong: at least once is not exactly once.
func TestJudge(t *testing.T) {
	if !durable {
		t.Skip("needs the build tag synctests, as make test and make simulate set it")
	}
	found := 0
	for seed := range uint64(4) {
		s := Draw(seed + 1)
		s.ExactlyOnce, s.strict = false, true
		dir := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			if err := Run(s, dir, slog.New(slog.DiscardHandler)); err != nil {
				found++
				t.Logf("seed %d: %.200s", s.Seed, err)
			}
		})
	}
	if found == 0 {
		t.Error("nothing was found")
	}
}

// A run that stood still is played once more only if nothing but that is wrong.
func TestOnlyStalled(t *testing.T) {
	for _, test := range []struct {
		name     string
		failures []error
		want     bool
	}{
		{"nothing", nil, false},
		{"stalled", []error{fmt.Errorf("%w: 1 of 2", errStalled)}, true},
		{"stalled with missing results", []error{fmt.Errorf("%w: 1 of 2", errStalled), fmt.Errorf("%w: b", errMissing)}, true},
		{"missing results alone", []error{fmt.Errorf("%w: b", errMissing)}, false},
		{"stalled and wrong", []error{fmt.Errorf("%w: 1 of 2", errStalled), errors.New("a: 2 times")}, false},
		{"wrong", []error{errors.New("a: 2 times")}, false},
	} {
		r := &run{log: slog.New(slog.DiscardHandler)}
		for _, err := range test.failures {
			r.fail("%w", err)
		}
		if got := onlyStalled(errors.Join(r.failures...)); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

// However much is missing, what is wrong is kept.
func TestMissingHidesNothing(t *testing.T) {
	r := &run{log: slog.New(slog.DiscardHandler)}
	for range 2 * mostFailures {
		r.fail("%w: a", errMissing)
	}
	wrong := errors.New("b: 2 times")
	r.fail("%w", wrong)
	if err := errors.Join(r.failures...); !errors.Is(err, wrong) {
		t.Errorf("lost among the missing: %v", err)
	}
}

func name(s Schedule) string {
	guarantee, stores := "alo", "pebble"
	if s.ExactlyOnce {
		guarantee = "eos"
	}
	if s.Memory {
		stores = "memory"
	}
	return fmt.Sprintf("%d/%s/%s", s.Seed, guarantee, stores)
}

// play plays a schedule. It returns false if results stayed away, nothing else
// was wrong, and again says that it may be played once more: who joins when a
// machine is busy is not the seed's, and now and then the group of the fake cluster
// waits for a member that went. What is wrong in the results fails at once, whether
// the run stood still or not.
func play(t *testing.T, s Schedule, again bool) (flowed bool) {
	dir := t.TempDir()
	log := &tail{}
	level := slog.LevelInfo
	if *only > 0 {
		level = slog.LevelDebug
	}
	// Not behind the run: one that fails ends the test.
	t.Cleanup(func() {
		if *toFile == "" {
			return
		}
		if err := os.WriteFile(*toFile, log.b.Bytes(), 0o600); err != nil {
			t.Error(err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		err := Run(s, dir, slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: level})))
		if again && onlyStalled(err) {
			t.Logf("STALLED, and played again: %.200s", err)
			return
		}
		flowed = true
		if err != nil {
			t.Errorf("%v\n%s\nreplay: go test -tags synctests ./internal/simulate -run 'TestSeeds/%s' -seed=%d -log=FILE\nlog:\n%s", err, s, name(s), s.Seed, log)
		}
	})
	return flowed
}

// tail keeps a log and shows its end.
type tail struct{ b bytes.Buffer }

func (l *tail) Write(p []byte) (int, error) { return l.b.Write(p) }

func (l *tail) String() string {
	const most = 16 << 10
	b := l.b.Bytes()
	return string(b[max(0, len(b)-most):])
}
