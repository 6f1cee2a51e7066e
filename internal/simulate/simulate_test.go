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
					play(t, s)
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

// play plays a schedule.
func play(t *testing.T, s Schedule) {
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
		if err != nil {
			t.Errorf("%v\n%s\nreplay: go test -tags synctests ./internal/simulate -run 'TestSeeds/%s' -seed=%d -log=FILE\nlog:\n%s", err, s, name(s), s.Seed, log)
		}
	})
}

// tail keeps a log and shows its end.
type tail struct{ b bytes.Buffer }

func (l *tail) Write(p []byte) (int, error) { return l.b.Write(p) }

func (l *tail) String() string {
	const most = 16 << 10
	b := l.b.Bytes()
	return string(b[max(0, len(b)-most):])
}
