package pebble_test

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/state/engine"
	"github.com/ottla-streams/ottla/state/engine/pebble"
	"github.com/ottla-streams/ottla/state/storetest"
)

func BenchmarkEngine(b *testing.B) {
	storetest.Benchmark(b, func(b *testing.B) engine.Engine {
		return open(b, newOpener(b, pebble.Options{}), b.TempDir())
	})
}

// BenchmarkOpen is what it takes to open and close a small DB.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	o := newOpener(b, pebble.Options{})
	for b.Loop() {
		if err := open(b, o, dir).Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkIdle measures what an open DB costs while nothing happens: the second
// hundred of two hundred with a few flushed entries each.
func BenchmarkIdle(b *testing.B) {
	const dbs = 100
	for b.Loop() {
		o := newOpener(b, pebble.Options{})
		all := openIdle(b, o, dbs)
		goroutines, heap, resident := runtime.NumGoroutine(), heapBytes(), residentBytes(b)
		all = append(all, openIdle(b, o, dbs)...)
		b.ReportMetric(float64(runtime.NumGoroutine()-goroutines)/dbs, "goroutines/db")
		b.ReportMetric(float64(heapBytes()-heap)/dbs/1024, "heap-KiB/db")
		b.ReportMetric(float64(residentBytes(b)-resident)/dbs/1024, "rss-KiB/db")
		for _, e := range all {
			if err := e.Close(); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func openIdle(b *testing.B, o *pebble.Opener, n int) []*pebble.DB {
	b.Helper()
	var all []*pebble.DB
	for range n {
		e := open(b, o, b.TempDir())
		batch := e.NewBatch()
		for i := range 10 {
			batch.Set(fmt.Appendf(nil, "key%d", i), []byte("value"))
		}
		if err := batch.Commit(); err != nil {
			b.Fatal(err)
		}
		if err := e.Flush(); err != nil {
			b.Fatal(err)
		}
		all = append(all, e)
	}
	time.Sleep(time.Second) // for the goroutines that end
	return all
}

func heapBytes() int64 {
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func residentBytes(b *testing.B) int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip(err)
	}
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); fields[0] == "VmRSS:" {
			n, err := strconv.ParseInt(fields[1], 10, 64)
			if err != nil {
				b.Fatal(err)
			}
			return n * 1024
		}
	}
	b.Skip("no VmRSS")
	return 0
}
