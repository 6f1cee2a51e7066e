// Package broker starts real Kafka brokers for integration tests.
//
// [Start] gives the address of the one broker that all tests of a binary
// share; a binary that calls it has a TestMain that calls [Main]. [StartOwn]
// gives a private [Broker] that a test may kill and restart. A broker never
// outlives the test binary, even if that is killed.
//
// The tests are skipped unless OTTLA_INTEGRATION=1. The broker is launched by
// the script kafka/start in the folder OTTLA_SHARED, by default the folder
// shared beside the module.
package broker

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// Broker is a single-node Kafka that belongs to one test. Its methods are
// called by the test's goroutine.
type Broker struct {
	t    testing.TB
	proc *process
}

// StartOwn starts a broker with an empty data folder and stops it when the
// test ends. Each of settings is a broker setting of the form key=value. The
// test is skipped where no broker can be started; KAFKA_BOOTSTRAP has no say.
func StartOwn(t testing.TB, settings ...string) *Broker {
	t.Helper()
	return own(t, func(launcher string) (*process, error) { return launch(launcher, settings) })
}

// Reopen starts a broker on the data folder of one that has ended. The folder is
// removed when the test ends.
func Reopen(t testing.TB, dir string) *Broker {
	t.Helper()
	return own(t, func(launcher string) (*process, error) {
		return begin(&process{launcher: launcher, dir: dir, keep: true})
	})
}

func own(t testing.TB, begin func(launcher string) (*process, error)) *Broker {
	t.Helper()
	needIntegration(t)
	launcher, ok := findLauncher()
	if !ok {
		t.Skip(noLauncher)
	}
	p, err := begin(launcher)
	if err != nil {
		t.Fatal(err)
	}
	b := &Broker{t: t, proc: p}
	t.Cleanup(b.close)
	return b
}

// Join starts another broker in the cluster of b, with a node id from 2 on. It
// has no vote: the cluster needs b, and can do without the others.
func (b *Broker) Join(node int, settings ...string) *Broker {
	b.t.Helper()
	_, text, err := net.SplitHostPort(b.Addr())
	if err != nil {
		b.t.Fatal(err)
	}
	first, err := strconv.Atoi(text)
	if err != nil {
		b.t.Fatal(err)
	}
	port := first + 10*node
	p, err := launchAt(b.proc.launcher, port, append([]string{
		fmt.Sprintf("node.id=%d", node), "process.roles=broker", fmt.Sprintf("controller.quorum.voters=1@127.0.0.1:%d", first+1),
		fmt.Sprintf("listeners=PLAINTEXT://127.0.0.1:%d", port),
	}, settings...))
	if err != nil {
		b.t.Fatal(err)
	}
	other := &Broker{t: b.t, proc: p}
	b.t.Cleanup(other.close)
	return other
}

// Addr returns the bootstrap address. It stays the same over restarts.
func (b *Broker) Addr() string { return b.proc.addr }

// Kill ends the broker at once, as kill -9 does. What it had not yet flushed
// is in the page cache, so that only its clients notice.
func (b *Broker) Kill() {
	b.t.Helper()
	if err := b.proc.kill(); err != nil {
		b.t.Fatal(err)
	}
}

// Stop shuts the broker down cleanly and waits until it has ended.
func (b *Broker) Stop() {
	b.t.Helper()
	if err := b.proc.stop(); err != nil {
		b.t.Fatal(err)
	}
}

// Restart starts the broker again after Kill or Stop, on its address, with its
// data and settings, and waits until it serves.
func (b *Broker) Restart() {
	b.t.Helper()
	if err := b.proc.start(); err != nil {
		b.t.Fatal(err)
	}
}

// LostMarkers counts how often the broker left out the markers of a transaction
// that was being ended when it was killed: after the start it found no leader for
// their partitions, its own, and took them for deleted. What is in these
// partitions is then neither committed nor aborted, whatever its clients do.
func (b *Broker) LostMarkers() int {
	b.t.Helper()
	n, err := LostMarkers(b.proc.logFile())
	if err != nil {
		b.t.Fatal(err)
	}
	return n
}

// LostMarkers counts them in the log of a broker.
func LostMarkers(logFile string) (int, error) {
	text, err := os.ReadFile(logFile)
	return bytes.Count(text, []byte("these partitions are likely deleted already and hence can be skipped")), err
}

func (b *Broker) close() {
	if b.t.Failed() {
		b.t.Logf("end of the broker's log:\n%s", b.proc.logTail())
	}
	if err := b.proc.close(); err != nil {
		b.t.Error(err)
	}
}

const noLauncher = "no Kafka to test with: set OTTLA_SHARED to the folder that holds kafka/start"

func needIntegration(t testing.TB) {
	t.Helper()
	if os.Getenv("OTTLA_INTEGRATION") != "1" {
		t.Skip("needs a real Kafka: run make integration, or set OTTLA_INTEGRATION=1")
	}
}

// findLauncher returns the absolute path of the script that starts a broker.
func findLauncher() (path string, ok bool) {
	dir := os.Getenv("OTTLA_SHARED")
	if dir == "" {
		root, err := moduleRoot()
		if err != nil {
			return "", false
		}
		dir = filepath.Join(root, "..", "shared")
	}
	path, err := filepath.Abs(filepath.Join(dir, "kafka", "start"))
	if err != nil {
		return "", false
	}
	info, err := os.Stat(path)
	return path, err == nil && !info.IsDir()
}

// moduleRoot walks up from the working folder, which go test sets to the
// package's own.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("no go.mod above the working folder")
		}
		dir = parent
	}
}
