package stream

import (
	"math"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/ottla-streams/ottla/internal/runtime/budget"
	"github.com/ottla-streams/ottla/state/engine"
	"github.com/ottla-streams/ottla/state/engine/pebble"
)

// Bounds of the default of Config.MemoryBytes.
const (
	leastMemory = 64 << 20
	mostMemory  = 1 << 30
)

// defaultMemory is half of GOMEMLIMIT, else a quarter of what the cgroup or the
// machine has, but from 64 MiB to 1 GiB.
func defaultMemory() int64 {
	n := int64(0)
	if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 {
		n = limit / 2
	} else if limit := memoryThere(os.ReadFile); limit > 0 {
		n = limit / 4
	}
	return min(max(n, leastMemory), mostMemory)
}

// memoryThere is the limit of the cgroup, else the memory of the machine, 0 if
// neither can be had: on other systems than Linux.
func memoryThere(read func(string) ([]byte, error)) int64 {
	there := int64(math.MaxInt64)
	for _, file := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		text, err := read(file)
		if err != nil {
			continue
		}
		if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && n > 0 {
			there = min(there, n)
		}
	}
	if text, err := read("/proc/meminfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			f := strings.Fields(line)
			if len(f) >= 2 && f[0] == "MemTotal:" {
				if kib, err := strconv.ParseInt(f[1], 10, 64); err == nil {
					there = min(there, kib<<10)
				}
			}
		}
	}
	if there == math.MaxInt64 {
		return 0
	}
	return there
}

// engine returns the engine of persistent stores and what closes it, and sets
// the budget of the app.
func (a *App) engine() (engine.Opener, func() error) {
	if a.c.Engine != nil {
		a.budget = budget.New(a.c.MemoryBytes, a.c.Workers, nil)
		return a.c.Engine, func() error { return nil }
	}
	var o *pebble.Opener
	a.budget = budget.New(a.c.MemoryBytes, a.c.Workers, func(stores int) { o.Expect(stores) })
	o = pebble.New(pebble.Options{Logger: a.log, CacheBytes: a.budget.Engine()})
	return o, o.Close
}
