package metrics

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
)

func readDoc(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// row is how docs/metrics.md shows a metric.
func row(f *Family) string {
	level := "info"
	if f.Debug {
		level = "debug"
	}
	labels := strings.Join(f.Labels, ", ")
	return strings.Join(strings.Fields(fmt.Sprintf("| `%s` | %s | %s | %s | %s |", f.Name, f.Kind, labels, level, f.Help)), " ")
}

var ottlaName = regexp.MustCompile(`\bottla_[a-z0-9_A-Z]+`)

// known are the names of all series of the library, and of its Kafka clients.
func known(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{ClientPrefix + "_": true}
	for _, f := range families {
		names[f.Name] = true
		if f.Kind == Histogram {
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				names[f.Name+suffix] = true
			}
		}
	}
	hook := Client(prometheus.NewRegistry(), "app", false, slog.New(slog.DiscardHandler)).(*client)
	cl, err := kgo.NewClient(kgo.WithHooks(hook))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	descs := make(chan *prometheus.Desc, 100)
	hook.Describe(descs)
	close(descs)
	for d := range descs {
		names[ottlaName.FindString(d.String())] = true
	}
	return names
}

func unknownNames(t *testing.T, text string) []string {
	t.Helper()
	names, wrong := known(t), make(map[string]bool)
	for _, n := range ottlaName.FindAllString(text, -1) {
		if !names[n] {
			wrong[n] = true
		}
	}
	return slices.Sorted(maps.Keys(wrong))
}

func TestDocumentation(t *testing.T) {
	text := readDoc(t, "metrics.md")
	squeezed := strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == ' ' }), " ")
	for _, f := range families {
		if !strings.Contains(squeezed, row(f)) {
			t.Errorf("docs/metrics.md lacks the row\n%s", row(f))
		}
	}
	if wrong := unknownNames(t, text); len(wrong) > 0 {
		t.Errorf("docs/metrics.md names %v, which are not there", wrong)
	}
}

// The dashboard is JSON as Grafana reads it, and shows only what there is.
func TestDashboard(t *testing.T) {
	text := readDoc(t, "grafana/ottla.json")
	var d struct {
		Title  string
		UID    string
		Panels []struct {
			ID      int
			Title   string
			Type    string
			GridPos struct{ H, W, X, Y int }
			Targets []struct{ Expr, RefID string }
		}
	}
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	if d.Title == "" || d.UID == "" || len(d.Panels) == 0 {
		t.Error("the dashboard has no title, uid or panels")
	}
	ids := make(map[int]bool)
	for _, p := range d.Panels {
		if ids[p.ID] || p.Title == "" || p.GridPos.W == 0 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %d %q: place or number is wrong", p.ID, p.Title)
		}
		ids[p.ID] = true
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("panel %q shows nothing", p.Title)
		}
		for _, target := range p.Targets {
			checkQuery(t, p.Title, target.Expr)
		}
	}
	if wrong := unknownNames(t, text); len(wrong) > 0 {
		t.Errorf("the dashboard names %v, which are not there", wrong)
	}
}

// checkQuery looks for what a slip of the hand leaves in a query.
func checkQuery(t *testing.T, where, q string) {
	t.Helper()
	if !ottlaName.MatchString(q) {
		t.Errorf("%s: query %q names no metric", where, q)
	}
	var open []rune
	for _, r := range q {
		switch r {
		case '(', '{', '[':
			open = append(open, r)
		case ')', '}', ']':
			pair := map[rune]rune{')': '(', '}': '{', ']': '['}[r]
			if len(open) == 0 || open[len(open)-1] != pair {
				t.Errorf("%s: query %q: %q closes nothing", where, q, r)
				return
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 || strings.Count(q, `"`)%2 == 1 {
		t.Errorf("%s: query %q is not closed", where, q)
	}
}

var ruleLine = regexp.MustCompile(`^( *)(- )?([a-z]+):(?: (.+))?$`)

// The alerts are rules of Prometheus: of the YAML that these may be in, the file
// keeps to one key per line.
func TestAlerts(t *testing.T) {
	text := readDoc(t, "alerts.yml")
	var alert string
	rules, has := 0, make(map[string]bool)
	end := func() {
		for _, key := range []string{"expr", "for", "severity", "summary", "description"} {
			if alert != "" && !has[key] {
				t.Errorf("alert %s has no %s", alert, key)
			}
		}
		clear(has)
	}
	for i, line := range strings.Split(strings.TrimSpace(text), "\n") {
		if line == "" || strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		m := ruleLine.FindStringSubmatch(line)
		if m == nil || strings.Contains(line, "\t") {
			t.Errorf("line %d: %q is no key and value", i+1, line)
			continue
		}
		switch key, value := m[3], m[4]; key {
		case "alert":
			end()
			alert, rules = value, rules+1
		case "expr":
			checkQuery(t, alert, value)
			has[key] = true
		case "for":
			if !regexp.MustCompile(`^\d+[smh]$`).MatchString(value) {
				t.Errorf("alert %s: for %q", alert, value)
			}
			has[key] = true
		case "severity", "summary", "description":
			has[key] = value != ""
		case "groups", "name", "rules", "labels", "annotations":
		default:
			t.Errorf("line %d: unknown key %s", i+1, key)
		}
	}
	end()
	if rules < 5 {
		t.Errorf("%d rules", rules)
	}
	if wrong := unknownNames(t, text); len(wrong) > 0 {
		t.Errorf("the alerts name %v, which are not there", wrong)
	}
}
