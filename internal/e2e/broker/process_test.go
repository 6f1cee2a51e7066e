package broker

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fakeLauncher behaves like kafka/start: it leaves a process whose command
// line names the settings file, notes its pid, and prints an address.
const fakeLauncher = `#!/bin/sh
data=$2
echo "$@" >>"$data/args"
sh -c 'while :; do sleep 0.1; done' "$data/server.properties" >/dev/null 2>&1 </dev/null &
echo $! >"$data/pid"
echo 127.0.0.1:1
`

func newFake(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "start")
	if err := os.WriteFile(path, []byte(fakeLauncher), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestProcessKeepsDataAndSettings(t *testing.T) {
	p, err := launch(newFake(t), []string{"a=1", "b=2"})
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	if p.addr != "127.0.0.1:1" {
		t.Errorf("address %q", p.addr)
	}
	if err := p.kill(); err != nil {
		t.Fatal(err)
	}
	if err := p.stop(); err != nil {
		t.Errorf("stop after kill: %v", err)
	}
	if err := p.start(); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(p.dir, "args"))
	if err != nil {
		t.Fatal(err)
	}
	want := "--data D --set a=1 --set b=2\n--data D --keep --set a=1 --set b=2\n"
	if text := strings.ReplaceAll(string(got), p.dir, "D"); text != want {
		t.Errorf("launcher was called with\n%swant\n%s", text, want)
	}
}

// The guard's pipe closes when the test binary dies, whatever the cause.
func TestGuardEndsBroker(t *testing.T) {
	p, err := launch(newFake(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	pid := readPid(t, p)
	if !p.runs(pid) {
		t.Fatal("the fake broker does not run")
	}
	if err := p.guard.Close(); err != nil {
		t.Error(err)
	}
	if err := p.awaitEnd(pid, 5*time.Second); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(p.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("data folder: %v, want it removed", err)
	}
}

func TestLaunchReportsLauncher(t *testing.T) {
	path := filepath.Join(t.TempDir(), "start")
	script := "#!/bin/sh\necho no Maven >&2\nexit 3\n"
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := launch(path, nil)
	if err == nil || !strings.Contains(err.Error(), "no Maven") {
		t.Errorf("error %v, want what the launcher said", err)
	}
}

func TestFindLauncher(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("OTTLA_SHARED", dir)
	if path, ok := findLauncher(); ok {
		t.Errorf("found %s in an empty folder", path)
	}
	want := filepath.Join(dir, "kafka", "start")
	if err := os.MkdirAll(filepath.Dir(want), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(want, nil, 0o700); err != nil {
		t.Fatal(err)
	}
	if path, ok := findLauncher(); !ok || path != want {
		t.Errorf("found %q, %v; want %s", path, ok, want)
	}
}

func readPid(t *testing.T, p *process) int {
	t.Helper()
	pid, ok, err := p.pid()
	if err != nil || !ok {
		t.Fatalf("pid: %v, %v", ok, err)
	}
	return pid
}
