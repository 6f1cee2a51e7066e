package stream

import (
	"strings"
	"testing"
	"time"
)

func TestProgressOfLongRestore(t *testing.T) {
	var out strings.Builder
	told := 0
	p := newProgress(&out, func(RestoreProgress) { told++ })
	now := time.Unix(0, 0)
	p.now = func() time.Time { return now }
	for i := int64(0); i <= 10; i++ {
		p.listen(RestoreProgress{Task: "0_0", Store: "counts", From: 100, End: 1100, Position: 100 + 100*i, Done: i == 10})
		now = now.Add(time.Second)
	}
	const want = `restoring: 1 of 1 stores to go, 200 of 1000 offsets (20 %), about 8s left
restoring: 1 of 1 stores to go, 400 of 1000 offsets (40 %), about 6s left
restoring: 1 of 1 stores to go, 600 of 1000 offsets (60 %), about 4s left
restoring: 1 of 1 stores to go, 800 of 1000 offsets (80 %), about 2s left
restored: 1 stores in 10s
`
	if out.String() != want || told != 11 {
		t.Errorf("%d told:\n%s", told, out.String())
	}
}

func TestProgressOfShortRestore(t *testing.T) {
	var out strings.Builder
	p := newProgress(&out, nil)
	p.listen(RestoreProgress{Task: "0_0", Store: "counts", End: 10, Position: 5})
	p.listen(RestoreProgress{Task: "0_0", Store: "counts", End: 10, Position: 10, Done: true})
	if out.String() != "" {
		t.Error(out.String())
	}
}
