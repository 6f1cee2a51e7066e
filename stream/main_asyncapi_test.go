package stream

import (
	"strings"
	"testing"
)

func TestMainAsyncAPI(t *testing.T) {
	code, out, errs := call(t, nil, "describe", "-o", "asyncapi", "-brokers", "kafka:9092")
	if code != exitDone {
		t.Fatalf("code %d, %s", code, errs)
	}
	for _, want := range []string{
		`"title": "config"`, `"host": "kafka:9092"`, `"receive-lines": {`, `"send-totals": {`, `"format": "int64"`,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("document lacks %s:\n%s", want, out)
		}
	}
	if strings.Contains(out, "repartition") {
		t.Errorf("document has an internal topic:\n%s", out)
	}
}
