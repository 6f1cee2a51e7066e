package cdc

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/internal/e2e/broker"
)

func TestMain(m *testing.M) { broker.Main(m) }

// database is a PostgreSQL whose changes go to Kafka.
type database struct {
	t   *testing.T
	url string
}

// capture starts a database and what follows its changes, until the test ends.
// Each of settings is a variable of the script of the form name=value.
func capture(t *testing.T, brokers string, settings ...string) *database {
	t.Helper()
	shared := os.Getenv("OTTLA_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "..", "shared")
	}
	script, err := filepath.Abs(filepath.Join(shared, "cdc", "start"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(script); err != nil {
		t.Skip("SKIPPED: change data capture: there is no " + script)
	}
	// The database runs as a user of its own, who has to get into the folder.
	parent, err := os.MkdirTemp("", "ottla-cdc-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(parent, 0o755); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(parent, "data")
	env := append(os.Environ(), "CDC_DATA="+dir, "PG_PORT="+freePort(t), "CONNECT_PORT="+freePort(t))
	env = append(env, settings...)
	t.Cleanup(func() {
		stop := exec.Command(script, "stop")
		stop.Env = env
		if out, err := stop.CombinedOutput(); err != nil {
			t.Errorf("stop: %v %s", err, out)
		}
		if err := os.RemoveAll(parent); err != nil {
			t.Error(err)
		}
	})
	start := exec.Command(script, brokers)
	start.Env, start.Stderr = env, t.Output()
	out, err := start.Output()
	if err != nil {
		log, _ := os.ReadFile(dir + ".log") // of what it starts, if it got so far
		t.Fatalf("%s: %v\n%s", script, err, log)
	}
	return &database{t, strings.Fields(string(out))[0]}
}

func (d *database) exec(sql string) {
	d.t.Helper()
	if out, err := exec.Command("psql", d.url, "-q", "-v", "ON_ERROR_STOP=1", "-c", sql).CombinedOutput(); err != nil {
		d.t.Fatalf("%s: %v %s", sql, err, out)
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// program runs an instance of the example and returns where it answers.
func program(t *testing.T, binary, brokers string) string {
	t.Helper()
	addr := "127.0.0.1:" + freePort(t)
	cmd := exec.Command(binary, "run", "--brokers", brokers, "--state-dir", t.TempDir(), "--commit-interval", "100ms")
	cmd.Env = append(os.Environ(), "CDC_LISTEN="+addr)
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	return "http://" + addr
}

type placed struct {
	Item, Amount, Customer string
}

// order returns a row of the view, nil if there is none.
func order(base string, id int) (*placed, error) {
	resp, err := http.Get(fmt.Sprintf("%s/stores/order-view/keys/%d", base, id))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	var m struct {
		Value placed
		Error string
	}
	switch err := json.Unmarshal(b, &m); {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", b, err)
	case m.Error == "no_key":
		return nil, nil
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%s: %s", resp.Status, b)
	}
	return &m.Value, nil
}

// expect waits until every instance answers what is wanted; nil is no row.
func expect(t *testing.T, instances []string, id int, want *placed) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for _, base := range instances {
		for {
			got, err := order(base, id)
			if err == nil && (got == nil) == (want == nil) && (got == nil || *got == *want) {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("order %d at %s is %+v %v, want %+v", id, base, got, err, want)
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
}

// The view follows rows that are inserted, updated and deleted, and every
// instance answers for each row of it.
func TestViewOfDatabase(t *testing.T) {
	brokers := broker.Start(t)
	db := capture(t, brokers)
	binary := filepath.Join(t.TempDir(), "cdc")
	if out, err := exec.Command("go", "build", "-o", binary, "../../../examples/cdc").CombinedOutput(); err != nil {
		t.Fatalf("build: %v %s", err, out)
	}
	all := []string{program(t, binary, brokers), program(t, binary, brokers)}
	expect(t, all, 1, &placed{"keyboard", "49.90", "Ada"})
	expect(t, all, 2, &placed{"screen", "189.00", "Grace"})
	resp, err := http.Get(all[1] + "/stores/order-view/keys/3/watch")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	db.exec("INSERT INTO customers VALUES (3,'Mary','mary@example.org'); INSERT INTO orders (customer_id,item,amount) VALUES (3,'mouse',9.50)")
	expect(t, all, 3, &placed{"mouse", "9.50", "Mary"})
	db.exec("UPDATE customers SET name='Mary S.' WHERE id=3")
	expect(t, all, 3, &placed{"mouse", "9.50", "Mary S."})
	db.exec("UPDATE orders SET customer_id=1, amount=8 WHERE id=3")
	expect(t, all, 3, &placed{"mouse", "8.00", "Ada"})
	db.exec("DELETE FROM orders WHERE id=3")
	expect(t, all, 3, nil)
	db.exec("DELETE FROM orders WHERE id=2; DELETE FROM customers WHERE id=2")
	expect(t, all, 2, nil)
	expect(t, all, 1, &placed{"keyboard", "49.90", "Ada"})
	var events []string
	for lines.Scan() {
		name, ok := strings.CutPrefix(lines.Text(), "event: ")
		if !ok {
			continue
		}
		if events = append(events, name); len(events) > 1 && name == "gone" {
			break
		}
	}
	if len(events) < 3 || events[0] != "gone" || events[1] != "value" {
		t.Errorf("events were %v", events)
	}
}
