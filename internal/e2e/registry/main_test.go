package registry

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
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
	if os.Getenv("OTTLA_INTEGRATION") != "1" {
		t.Skip("OTTLA_INTEGRATION is not 1")
	}
	if u := os.Getenv("SCHEMA_REGISTRY_URL"); u != "" {
		return u
	}
	shared := os.Getenv("OTTLA_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "..", "shared")
	}
	script := filepath.Join(shared, "registry", "start")
	if _, err := os.Stat(script); err != nil {
		t.Skip("SCHEMA_REGISTRY_URL is not set and there is no registry/start")
	}
	started.once.Do(func() { started.err = start(script) })
	if started.err != nil {
		t.Fatal(started.err)
	}
	return started.url
}

func start(script string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		return err
	}
	home := os.Getenv("REGISTRY_HOME")
	if home == "" {
		home = filepath.Join(os.Getenv("HOME"), ".cache", "schema-registry")
	}
	out, err := exec.Command(script, strconv.Itoa(port)).Output()
	if err != nil {
		return fmt.Errorf("%s: %w", script, err)
	}
	started.url = strings.TrimSpace(string(out))
	pid, err := os.ReadFile(filepath.Join(home, "pid-"+strconv.Itoa(port)))
	if err != nil {
		return err
	}
	started.pid, err = strconv.Atoi(strings.TrimSpace(string(pid)))
	return err
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
