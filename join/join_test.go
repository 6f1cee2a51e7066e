package join_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/join"
)

func TestWindow(t *testing.T) {
	second := time.Second
	for name, c := range map[string]struct {
		w                    join.Window
		before, after, grace int64
		problem              string
	}{
		"zero":            {join.Window{}, 0, 0, 0, ""},
		"within":          {join.Within(second), 1000, 1000, 0, ""},
		"one side each":   {join.Within(second).Before(2 * second).After(3 * second).Grace(4 * second), 2000, 3000, 4000, ""},
		"only later":      {join.Within(second).Before(-second), -1000, 1000, 0, ""},
		"nothing":         {join.Within(second).Before(-2 * second), -2000, 1000, 0, "together they can't be negative"},
		"negative":        {join.Within(-second), -1000, -1000, 0, "together they can't be negative"},
		"negative grace":  {join.Within(second).Grace(-second), 1000, 1000, -1000, "the grace period is -1s"},
		"part of a milli": {join.Within(1500 * time.Microsecond), 1, 1, 0, ""},
	} {
		if before, after, grace := c.w.Millis(); before != c.before || after != c.after || grace != c.grace {
			t.Errorf("%s: window is %d, %d, %d", name, before, after, grace)
		}
		if p := c.w.Problem(); c.problem == "" && p != "" || !strings.Contains(p, c.problem) {
			t.Errorf("%s: problem is %q", name, p)
		}
	}
}

func TestTableOptions(t *testing.T) {
	if o := join.Options(nil); o.Buffered || o.Problem() != "" {
		t.Errorf("no options are %+v", o)
	}
	o := join.Options([]join.TableOption{join.Wait(time.Minute), join.Wait(0)})
	if !o.Buffered || o.Grace != 0 || o.Problem() != "" {
		t.Errorf("the last option does not count: %+v", o)
	}
	if o := join.Options([]join.TableOption{join.Wait(-1)}); o.Problem() == "" {
		t.Error("a negative grace period is no problem")
	}
}
