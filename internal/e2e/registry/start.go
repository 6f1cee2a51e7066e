package registry

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// StartOwn starts a registry with nothing in it, stops it when the test ends,
// and returns its URL. The test is skipped where none can be started.
func StartOwn(t testing.TB) string {
	t.Helper()
	script := launcher(t)
	url, pid, err := launch(script)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
			t.Errorf("schema registry: process %d: %v", pid, err)
		}
	})
	return url
}

// launcher returns the script that starts a registry.
func launcher(t testing.TB) string {
	t.Helper()
	if os.Getenv("OTTLA_INTEGRATION") != "1" {
		t.Skip("OTTLA_INTEGRATION is not 1")
	}
	shared := os.Getenv("OTTLA_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "..", "shared")
	}
	script := filepath.Join(shared, "registry", "start")
	if _, err := os.Stat(script); err != nil {
		t.Skip("SKIPPED: schema registry: there is no " + script)
	}
	return script
}

func launch(script string) (url string, pid int, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", 0, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		return "", 0, err
	}
	home := os.Getenv("REGISTRY_HOME")
	if home == "" {
		home = filepath.Join(os.Getenv("HOME"), ".cache", "schema-registry")
	}
	out, err := exec.Command(script, strconv.Itoa(port)).Output()
	if err != nil {
		return "", 0, fmt.Errorf("%s: %w", script, err)
	}
	text, err := os.ReadFile(filepath.Join(home, "pid-"+strconv.Itoa(port)))
	if err != nil {
		return "", 0, err
	}
	pid, err = strconv.Atoi(strings.TrimSpace(string(text)))
	return strings.TrimSpace(string(out)), pid, err
}
