package broker

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// How long a broker may take to end. A clean stop of Kafka takes about two
// seconds; a loaded machine takes longer.
const (
	stopWithin = 60 * time.Second
	killWithin = 10 * time.Second
)

// process is a broker's JVM and its data folder. It belongs to one goroutine.
type process struct {
	launcher string
	settings []string
	dir      string // data folder, also with the files pid, kafka.log, server.properties
	port     int    // 0 leaves it to the launcher
	addr     string // empty until the first start
	keep     bool   // the data of an earlier start
	guard    io.Closer
}

// launch starts a broker in a new data folder.
func launch(launcher string, settings []string) (*process, error) {
	return launchAt(launcher, 0, settings)
}

func launchAt(launcher string, port int, settings []string) (*process, error) {
	dir, err := os.MkdirTemp("", "ottla-kafka-")
	if err != nil {
		return nil, err
	}
	return begin(&process{launcher: launcher, settings: settings, port: port, dir: dir})
}

// begin watches over a process and starts its broker for the first time.
func begin(p *process) (_ *process, err error) {
	if p.guard, err = watch(p.dir); err != nil {
		return nil, errors.Join(err, os.RemoveAll(p.dir))
	}
	if err := p.start(); err != nil {
		err = fmt.Errorf("%w\n%s", err, p.logTail())
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

// watch starts a shell that kills the broker and removes its folder once the
// returned pipe closes. The system closes it when this process ends in any
// way, so a killed test binary leaves nothing behind. setsid keeps the shell
// out of reach of a signal to the process group.
func watch(dir string) (io.Closer, error) {
	const script = `cat >/dev/null
pid=$(cat "$1/pid" 2>/dev/null) &&
  grep -qaF "$1/server.properties" "/proc/$pid/cmdline" 2>/dev/null &&
  kill -9 "$pid"
rm -rf "$1"`
	cmd := exec.Command("setsid", "sh", "-c", script, "sh", dir)
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("broker guard: %w", err)
	}
	return &guard{pipe: pipe, cmd: cmd}, nil
}

type guard struct {
	pipe io.Closer
	cmd  *exec.Cmd
}

func (g *guard) Close() error {
	return errors.Join(g.pipe.Close(), g.cmd.Wait())
}

// start runs the launcher and waits until the broker serves. It keeps the data
// of an earlier start.
func (p *process) start() error {
	args := []string{"--data", p.dir}
	if p.keep {
		args = append(args, "--keep")
	}
	if p.port > 0 {
		args = append(args, "--port", strconv.Itoa(p.port))
	}
	for _, s := range p.settings {
		args = append(args, "--set", s)
	}
	var said bytes.Buffer
	cmd := exec.Command(p.launcher, args...)
	cmd.Stderr = &said
	// The JVM inherits none of our pipes, but don't hang on it if that changes.
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", p.launcher, err, strings.TrimSpace(said.String()))
	}
	p.addr, p.keep = strings.TrimSpace(string(out)), true
	return nil
}

func (p *process) kill() error { return p.end(syscall.SIGKILL, killWithin) }
func (p *process) stop() error { return p.end(syscall.SIGTERM, stopWithin) }

// end signals the broker and waits until it is gone. No broker is no error.
func (p *process) end(sig os.Signal, within time.Duration) error {
	pid, ok, err := p.pid()
	if err != nil || !ok {
		return err
	}
	if p.runs(pid) {
		running, err := os.FindProcess(pid)
		if err != nil {
			return err
		}
		if err := running.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return fmt.Errorf("signal broker %d: %w", pid, err)
		}
		if err := p.awaitEnd(pid, within); err != nil {
			return err
		}
	}
	// A zombie that nobody reaps looks alive to the launcher: it asks the pid file.
	return os.Remove(p.pidFile())
}

func (p *process) pidFile() string { return filepath.Join(p.dir, "pid") }

// pid reads the broker's pid. ok is false when none was started or it was ended.
func (p *process) pid() (pid int, ok bool, err error) {
	text, err := os.ReadFile(p.pidFile())
	if errors.Is(err, os.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	pid, err = strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, false, fmt.Errorf("%s: %w", p.pidFile(), err)
	}
	return pid, true, nil
}

// runs tells whether pid is this broker. A zombie has no command line.
func (p *process) runs(pid int) bool {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return err == nil && bytes.Contains(line, []byte(filepath.Join(p.dir, "server.properties")))
}

// awaitEnd waits until the broker has ended and its ports, which a dying
// process closes last, are free.
func (p *process) awaitEnd(pid int, within time.Duration) error {
	ports := p.ports()
	deadline := time.Now().Add(within)
	for time.Now().Before(deadline) {
		if !p.runs(pid) && !anyListening(ports) {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return fmt.Errorf("broker %s: still running %s after it was told to end", p.addr, within)
}

// ports are the broker's and, one above it, the controller's.
func (p *process) ports() []string {
	host, port, err := net.SplitHostPort(p.addr)
	if err != nil {
		return nil
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return nil
	}
	return []string{p.addr, net.JoinHostPort(host, strconv.Itoa(n+1))}
}

func anyListening(addrs []string) bool {
	for _, a := range addrs {
		if conn, err := net.DialTimeout("tcp", a, time.Second); err == nil {
			conn.Close()
			return true
		}
	}
	return false
}

// close ends the broker, if it runs, and removes its folder. The guard kills a
// broker that doesn't stop cleanly.
func (p *process) close() error {
	return errors.Join(p.stop(), p.guard.Close())
}

func (p *process) logFile() string { return filepath.Join(p.dir, "kafka.log") }

// logTail returns the last lines of the broker's log.
func (p *process) logTail() string {
	const lines = 30
	text, err := os.ReadFile(p.logFile())
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
