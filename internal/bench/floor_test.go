package bench_test

import (
	"encoding/binary"
	"testing"

	"github.com/ottla-streams/ottla/internal/flow"
)

// The floors of some rows of BenchmarkOperator: the same records, decoded and
// taken by plain Go maps and slices, without a changelog, commits or an engine.

// byHand runs a floor. step takes the decoded record of input side and returns a
// result that counts.
func byHand(b *testing.B, inputs []string, step func(side int, k, v, at int64) int64) {
	all := numbers(inputs, 64)
	var batches [2][]flow.Origin
	sum := int64(0)
	b.ReportAllocs()
	b.ResetTimer()
	for n, i := 0, 0; n < b.N; i++ {
		for side, topic := range inputs {
			batches[side] = all[topic][i%64]
		}
		for j := range benchBatch {
			for side := range inputs {
				o := &batches[side][j]
				k, v := binary.BigEndian.Uint64(o.Key), binary.BigEndian.Uint64(o.Value)
				sum += step(side, int64(k), int64(v), int64(i*10+j/100))
				n++
			}
		}
	}
	if sum == 0 {
		b.Fatal("no results")
	}
}

// BenchmarkSessionByHand is the floor of BenchmarkOperator/session_count.
func BenchmarkSessionByHand(b *testing.B) {
	type session struct{ start, end, n int64 }
	const gap, keep = 50, 1050
	sessions := make(map[int64][]session)
	byHand(b, one, func(_ int, k, _, at int64) int64 {
		list := sessions[k]
		for len(list) > 0 && list[0].end < at-keep {
			list = list[1:]
		}
		if n := len(list); n > 0 && at-list[n-1].end <= gap { // times go on
			list[n-1].end = at
			list[n-1].n++
		} else {
			list = append(list, session{at, at, 1})
		}
		sessions[k] = list
		return list[len(list)-1].n
	})
}

// BenchmarkStreamJoinByHand is the floor of BenchmarkOperator/stream-stream_join.
func BenchmarkStreamJoinByHand(b *testing.B) {
	type record struct{ at, v int64 }
	const within, keep = 20, 140
	sides := [2]map[int64][]record{make(map[int64][]record), make(map[int64][]record)}
	byHand(b, two, func(side int, k, v, at int64) (sum int64) {
		list := sides[side][k]
		for len(list) > 0 && list[0].at <= at-keep {
			list = list[1:]
		}
		sides[side][k] = append(list, record{at, v})
		others := sides[1-side][k]
		for i := len(others) - 1; i >= 0 && others[i].at >= at-within; i-- {
			sum += v + others[i].v
		}
		return sum
	})
}

// BenchmarkTableJoinByHand is the floor of BenchmarkOperator/stream-table_join.
func BenchmarkTableJoinByHand(b *testing.B) {
	rows := make(map[int64]int64)
	byHand(b, two, func(side int, k, v, _ int64) int64 {
		if side == 1 {
			rows[k] = v
			return 0
		}
		if row, ok := rows[k]; ok {
			return v + row
		}
		return 0
	})
}
