package avro_test

import (
	"errors"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/serde/avro"
)

// Inputs that make an unguarded decoder take all memory, end the process, or
// take half a record for a whole one.
func TestHostileData(t *testing.T) {
	const list = `{"type":"record","name":"N","fields":[{"name":"next","type":["null","N"]}]}`
	tests := []struct {
		name, schema, data string
		want               error
	}{
		{"array of 2^26 longs in 9 bytes", `{"type":"array","items":"long"}`, long(1<<26) + "\x02\x02\x02\x02\x00", avro.ErrTruncated},
		{"array of 2^31 nulls in 5 bytes", `{"type":"array","items":"null"}`, long(1 << 31), avro.ErrLimit},
		{"truncated record", fields(`{"name":"a","type":"string"},{"name":"b","type":"int"}`), long(1) + "x", avro.ErrTruncated},
		{"trailing bytes", `"int"`, "\x02\x02", avro.ErrTrailing},
		{"map cut short", `{"type":"map","values":"int"}`, long(2) + long(1) + "k" + "\x02", avro.ErrTruncated},
		{"block count of min int", `{"type":"array","items":"long"}`, long(math.MinInt64) + "\x02\x02\x00", avro.ErrMalformed},
		{"8 MiB of nesting", list, strings.Repeat("\x02", 8<<20), avro.ErrLimit},
		{"bytes of 2^40", `"bytes"`, long(1 << 40), avro.ErrTruncated},
		{"small records", `{"type":"array","items":` + fields(`{"name":"a","type":"boolean"},{"name":"b","type":{"type":"record","name":"S","fields":[]}}`) + `}`,
			long(1<<20) + strings.Repeat("\x01", 1<<20) + "\x00", avro.ErrLimit},
		{"17 MiB", `"bytes"`, long(17<<20) + strings.Repeat("x", 17<<20), avro.ErrLimit},
	}
	eachCodec(t, func(t *testing.T, codec avro.Option) {
		for _, tt := range tests {
			s := avro.Plain[any](tt.schema, codec)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			v, err := s.Decode([]byte(tt.data))
			runtime.ReadMemStats(&after)
			if !errors.Is(err, tt.want) || v != nil {
				t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
			}
			if d := time.Since(start); d > time.Second {
				t.Errorf("%s: took %v", tt.name, d)
			}
			if grown := int64(after.TotalAlloc-before.TotalAlloc) - int64(len(tt.data)); grown > 1<<20 {
				t.Errorf("%s: allocated %d bytes", tt.name, grown)
			}
		}
	})
}

// What the limits let through is bounded too.
func TestLargestData(t *testing.T) {
	n := 500_000
	schema := `{"type":"array","items":` + fields(`{"name":"a","type":"boolean"}`) + `}`
	data := []byte(long(int64(n)) + strings.Repeat("\x01", n) + "\x00")
	deep := []byte(strings.Repeat("\x02", 240) + "\x00")
	const list = `{"type":"record","name":"N","fields":[{"name":"next","type":["null","N"]}]}`
	eachCodec(t, func(t *testing.T, codec avro.Option) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		v := mustDecode(t, avro.Plain[[]any](schema, codec), data)
		runtime.ReadMemStats(&after)
		if got := (after.TotalAlloc - before.TotalAlloc) / uint64(n); len(v) != n || got > 1000 {
			t.Errorf("%d elements, %d bytes each", len(v), got)
		}
		mustDecode(t, avro.Plain[any](list, codec), deep)
	})
}

func TestLimitsCanBeSet(t *testing.T) {
	s := avro.Plain[string](`"string"`, avro.Within(avro.Limits{Bytes: 4}))
	if _, err := s.Decode([]byte("\x08abcd")); !errors.Is(err, avro.ErrLimit) {
		t.Errorf("5 bytes: %v", err)
	}
	mustDecode(t, s, []byte("\x06abc"))
	large := avro.Plain[string](`"string"`, avro.Within(avro.Limits{Bytes: 32 << 20}))
	mustDecode(t, large, []byte(long(20<<20)+strings.Repeat("x", 20<<20)))
}
