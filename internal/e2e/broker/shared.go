package broker

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
)

// shared is the broker of this test binary, started by its first use.
var shared struct {
	managed bool // Main runs the tests
	once    sync.Once
	proc    *process
	err     error
}

// Main runs the tests of a binary and then stops the broker that Start
// started. It is all that a TestMain does:
//
//	func TestMain(m *testing.M) { broker.Main(m) }
func Main(m *testing.M) {
	shared.managed = true
	code := m.Run()
	if shared.proc != nil {
		if err := shared.proc.close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

// Start returns the bootstrap address of a Kafka broker that all tests of the
// binary share, so that each uses topics and groups of its own: KAFKA_BOOTSTRAP
// if it is set, else a broker that the first call starts. The test is skipped
// where there is none. Start is safe for concurrent use.
func Start(t testing.TB) string {
	t.Helper()
	needIntegration(t)
	if addr := os.Getenv("KAFKA_BOOTSTRAP"); addr != "" {
		return addr
	}
	launcher, ok := findLauncher()
	if !ok {
		t.Skip(noLauncher)
	}
	shared.once.Do(func() {
		if !shared.managed {
			shared.err = errors.New("broker.Start: the test binary needs a TestMain that calls broker.Main")
			return
		}
		shared.proc, shared.err = launch(launcher, nil)
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.proc.addr
}
