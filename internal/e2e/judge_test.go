package e2e

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/e2e/broker"
	"github.com/ottla-streams/ottla/internal/e2e/readback"
)

// judged lets one of Kafka's own test drivers judge our client for a while.
type judged struct {
	test      string // smoke or relational
	guarantee string
	faults    string
	more      []string
}

func (j judged) String() string { return j.test + "/" + j.guarantee + "/" + j.faults }

// judge runs the driver, which lies beside the script that starts brokers.
func (j judged) judge(t *testing.T) {
	t.Helper()
	shared := os.Getenv("OTTLA_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "shared")
	}
	driver := filepath.Join(shared, "smoke", "smoke")
	if _, err := os.Stat(driver); err != nil {
		t.Skipf("SKIPPED: no driver: %v", err)
	}
	dir := t.TempDir()
	client := filepath.Join(dir, j.test)
	if text, err := exec.CommandContext(t.Context(), "go", "build", "-o", client, "./"+j.test).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	args := append([]string{
		"--test", j.test, "--client", client, "--guarantee", j.guarantee, "--faults", j.faults, "--out", filepath.Join(dir, "out"),
	}, j.more...)
	cmd := exec.CommandContext(t.Context(), driver, args...)
	// The driver stops its brokers and instances when it is interrupted.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	text, err := cmd.CombinedOutput()
	if err != nil {
		if j.faults == "broker" {
			j.excuse(t, filepath.Join(dir, "out", "broker"))
		}
		t.Errorf("%s: %v\n%s", strings.Join(args, " "), err, text)
		return
	}
	t.Logf("%s", text)
}

// excuse skips a test that failed by what the killed broker did: it lost the end
// of a transaction, or took what the driver sent twice, where the client's echo
// of it is exact.
func (j judged) excuse(t *testing.T, data string) {
	t.Helper()
	if j.guarantee != "exactly_once_v2" {
		return
	}
	if n, err := broker.LostMarkers(filepath.Join(data, "kafka.log")); err == nil && n > 0 {
		t.Skipf("SKIPPED: the broker lost the end of %d transactions: see the fault 10 in docs/reliability.md", n)
	}
	if j.test != "smoke" {
		return
	}
	b := broker.Reopen(t, data)
	in, twice := inventory(t, b.Addr(), "data")
	out, _ := inventory(t, b.Addr(), "echo")
	if twice > 0 && maps.Equal(in, out) {
		t.Skipf("SKIPPED: the broker took %d records of the driver twice, and the echo has what the input has: see the fault 10 in docs/reliability.md", twice)
	}
}

// inventory counts the equal committed records of a topic, and how many are equal
// to one before them.
func inventory(t *testing.T, addr, topic string) (records map[string]int, twice int) {
	t.Helper()
	records = make(map[string]int)
	readback.Committed(t, []string{addr}, topic, func(r *kgo.Record) {
		of := fmt.Sprintf("%d %q %q", r.Partition, r.Key, r.Value)
		if records[of]++; records[of] > 1 {
			twice++
		}
	})
	return records, twice
}

// One round of Kafka's smoke test, with instances that are killed.
func TestSmokeRound(t *testing.T) {
	if os.Getenv("OTTLA_INTEGRATION") != "1" {
		t.Skip("needs a real Kafka: run make integration, or set OTTLA_INTEGRATION=1")
	}
	judged{"smoke", "exactly_once_v2", "kill", []string{"--seconds", "30", "--records", "300", "--every", "8"}}.judge(t)
}
