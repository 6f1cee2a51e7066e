package stream_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
	"github.com/ottla-streams/ottla/window"
)

// slidingWindows are all windows of a key whose records have the times at, each
// with the numbers of its records: those that end at a record, and those that
// begin behind one and are not empty.
func slidingWindows(at []int64, difference int64) map[string]string {
	windows := make(map[string]string)
	add := func(start int64) {
		var in []int
		highest := int64(0)
		for i, t := range at {
			if t >= start && t <= start+difference {
				in = append(in, i)
				highest = max(highest, t)
			}
		}
		if len(in) > 0 {
			windows[fmt.Sprintf("%d/%d", start, start+difference)] = fmt.Sprintf("%v at %d", in, highest)
		}
	}
	for _, t := range at {
		add(max(0, t-difference))
		add(t + 1)
	}
	return windows
}

// set adds a number to a set that is written as its sorted numbers.
func set(sum, number string) string {
	n, _ := strconv.Atoi(number)
	numbers := []int{n}
	for s := range strings.FieldsSeq(strings.Trim(sum, "[]")) {
		n, _ := strconv.Atoi(s)
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	return fmt.Sprint(numbers)
}

// Whatever the order in which records come, the windows are in the end those of
// the definition, as long as none is late.
func TestSlidingModel(t *testing.T) {
	for name, opener := range variants(t) {
		for _, difference := range []int64{1, 3, 10} {
			for _, emit := range []bool{false, true} {
				for _, cache := range []int{0, 500} {
					t.Run(fmt.Sprintf("%s, difference %d, emit %v, cache %d", name, difference, emit, cache), func(t *testing.T) {
						b := stream.NewBuilder(stream.CachedTables())
						w := b.Stream(nullIn).GroupByKey().WindowedBy(window.Sliding(time.Duration(difference) * milli).Grace(time.Hour))
						if emit {
							w = w.EmitOnClose()
						}
						key := serde.TimeWindowedMillis(serde.String, difference)
						store := state.Windows("store", serde.String, serde.String)
						w.Aggregate(func() string { return "" }, func(_ string, v nullText, sum string) string { return set(sum, v.V) }, store).
							To(topology.NewTopic("out", key, serde.String))
						top, err := b.Build()
						if err != nil {
							t.Fatal(err)
						}
						for seed := range uint64(6) {
							runSliding(t, newJob(t, top, opener, cache), key, difference, seed, emit)
						}
					})
				}
			}
		}
	}
}

func runSliding(t *testing.T, j *job, key serde.Serde[window.Key[string]], difference int64, seed uint64, emit bool) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 3))
	times := map[string][]int64{}
	for range 60 {
		k, at := string(rune('a'+rng.IntN(2))), rng.Int64N(6*difference)
		j.send([]byte(k), []byte(strconv.Itoa(len(times[k]))), at)
		times[k] = append(times[k], at)
		if rng.IntN(5) == 0 {
			j.commit()
		}
		if rng.IntN(25) == 0 {
			j.crash(rng.IntN(2) == 0, func() {})
		}
		if rng.IntN(25) == 0 {
			j.move(func() {})
		}
	}
	if emit {
		j.commit()
		if len(j.out) > 0 {
			t.Fatalf("%d windows were sent before they closed", len(j.out))
		}
		j.send([]byte("z"), []byte("0"), time.Hour.Milliseconds()+100*difference)
	}
	j.commit()
	got, want := map[string]string{}, map[string]string{}
	for _, o := range j.out {
		row, update := windowedText(t, key, o)
		if _, again := got[row]; again && emit {
			t.Errorf("%s was sent twice", row)
		}
		got[row] = strings.TrimPrefix(update, row+"=")
	}
	for k, at := range times {
		for w, v := range slidingWindows(at, difference) {
			want[k+"@"+w] = v
		}
	}
	if !emit && seed == 0 && len(want) < 10 {
		t.Errorf("%d windows: a weak run", len(want))
	}
	if !maps.Equal(got, want) {
		for row := range want {
			if got[row] != want[row] {
				t.Errorf("seed %d: %s is %q, want %q", seed, row, got[row], want[row])
			}
		}
		for row := range got {
			if want[row] == "" {
				t.Errorf("seed %d: %s is %q, want none", seed, row, got[row])
			}
		}
	}
}
