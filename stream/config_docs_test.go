package stream

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

// Each field of Config has its row in docs/configuration.md, and each row a field.
func TestConfigIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	_, fields, _ := strings.Cut(string(text), "\n## Fields\n")
	fields, keys, ok := strings.Cut(fields, "\n## From Kafka Streams\n")
	if !ok {
		t.Fatal("the page has other titles")
	}
	config := reflect.TypeFor[Config]()
	for f := range config.Fields() {
		if !strings.Contains(fields, "\n| `"+f.Name+"` |") {
			t.Errorf("field %s has no row", f.Name)
		}
	}
	rows := strings.Count(fields, "\n| `")
	if rows != config.NumField() {
		t.Errorf("%d rows for %d fields", rows, config.NumField())
	}
	for line := range strings.Lines(keys) {
		if cells := strings.Split(line, "|"); strings.HasPrefix(line, "| `") && (len(cells) != 4 || strings.TrimSpace(cells[2]) == "") {
			t.Errorf("row %q says nothing", line)
		}
	}
	for _, key := range []string{"application.id", "num.stream.threads", "state.cleanup.delay.ms", "task.timeout.ms", "upgrade.from"} {
		if !strings.Contains(keys, "`"+key+"`") {
			t.Errorf("key %s has no row", key)
		}
	}
}
