package registry

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/ottla-streams/ottla/serde/registry"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if started.pid > 0 {
		_ = syscall.Kill(started.pid, syscall.SIGTERM)
	}
	os.Exit(code)
}

// started is the registry of this test binary.
var started struct {
	once sync.Once
	url  string
	pid  int // of the process that this binary started; 0: none
	err  error
}

// address returns the address of the registry, and skips the test without one.
func address(t testing.TB) string {
	t.Helper()
	if u := os.Getenv("SCHEMA_REGISTRY_URL"); u != "" && os.Getenv("OTTLA_INTEGRATION") == "1" {
		return u
	}
	script := launcher(t)
	started.once.Do(func() { started.url, started.pid, started.err = launch(script) })
	if started.err != nil {
		t.Fatal(started.err)
	}
	return started.url
}

// connect returns the registry, and a client to look behind it.
func connect(t testing.TB) (*registry.Registry, *sr.Client) {
	t.Helper()
	u := address(t)
	r := registry.New(registry.Config{URLs: []string{u}, Wait: 30 * time.Second})
	t.Cleanup(r.Close)
	cl, err := sr.NewClient(sr.URLs(u))
	if err != nil {
		t.Fatal(err)
	}
	return r, cl
}

// topic is a name that no other test uses, nor an earlier run.
func topic(t testing.TB) string {
	return fmt.Sprintf("%s-%d", strings.ReplaceAll(t.Name(), "/", "-"), time.Now().UnixNano())
}
