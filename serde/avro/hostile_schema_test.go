package avro_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/serde/avro"
)

// Schemas that are accepted take a bounded time to compile and to resolve,
// even if each type in them names the one before twice.
func TestSlowSchemas(t *testing.T) {
	doubling := func(n int, extra string) string {
		var b strings.Builder
		b.WriteString(`[{"type":"record","name":"R0","fields":[{"name":"x","type":"int"}` + extra + `]}`)
		for i := 1; i <= n; i++ {
			fmt.Fprintf(&b, `,{"type":"record","name":"R%d","fields":[{"name":"a","type":"R%d"},{"name":"b","type":"R%d"}]}`, i, i-1, i-1)
		}
		return b.String() + "]"
	}
	var many strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&many, `,{"name":"f%d","type":{"type":"enum","name":"E%d","symbols":["A","B","C"]}}`, i, i)
	}
	wide := fields(`{"name":"x","type":"int"}` + many.String())
	eachCodec(t, func(t *testing.T, codec avro.Option) {
		for name, s := range map[string][2]string{
			"doubling": {doubling(13, ""), doubling(13, `,{"name":"y","type":"int","default":1}`)},
			"wide":     {wide, strings.Replace(wide, `"x","type":"int"`, `"x","type":"long"`, 1)},
		} {
			start := time.Now()
			_, _ = avro.Plain[any](s[0], codec).Decode([]byte{0, 0, 0})
			_, _ = avro.Plain[any](s[1], codec, avro.WrittenWith(s[0])).Decode([]byte{0, 0, 0})
			if d := time.Since(start); d > 10*time.Second {
				t.Errorf("%s: took %v", name, d)
			}
			t.Log(name, time.Since(start))
		}
	})
}
