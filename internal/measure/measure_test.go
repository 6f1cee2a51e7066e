package measure

import (
	"math"
	"strings"
	"testing"
)

func TestHistogram(t *testing.T) {
	for _, tt := range []struct {
		d      int64
		bucket int
	}{
		{-5, 0}, {0, 0}, {1, 0}, {2, 1}, {4, 1}, {5, 2}, {16, 2}, {17, 3}, {64, 3}, {1 << 20, 10}, {1<<20 + 1, 11}, {math.MaxInt64, 11},
	} {
		var h Histogram
		h.Observe(tt.d)
		if h.Counts[tt.bucket] != 1 || h.Count() != 1 || h.Sum != max(tt.d, 0) {
			t.Errorf("%d: %v, want bucket %d", tt.d, h, tt.bucket)
		}
		if tt.bucket < Buckets-1 && tt.d > Bound(tt.bucket) {
			t.Errorf("%d is over the bound %d", tt.d, Bound(tt.bucket))
		}
	}
}

func TestOutputsAreBounded(t *testing.T) {
	task := NewTask("0_0")
	for range 2 {
		for i := range 300 {
			task.Output(strings.Repeat("x", i+1), "sink").Add(task, 1, 0)
		}
	}
	if n := len(task.Outputs); n != maxOutputs+1 {
		t.Errorf("%d outputs", n)
	}
	if o := task.Outputs[maxOutputs]; o.Topic != OtherTopics || o.Records() != 400 || o.Bytes != 400 {
		t.Errorf("the others are %v", o)
	}
}

func TestValue(t *testing.T) {
	task := NewTask("0_0")
	ok := Value{Name: "a_bytes", Help: "h", Node: "n", Kind: Distribution, Bounds: []float64{1, 10}}
	v, err := task.Value(ok)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []float64{0.5, 1, 5, 10, 11} {
		v.Observe(x)
	}
	if v.Counts[0] != 2 || v.Counts[1] != 2 || v.Counts[2] != 1 || v.Sum != 27.5 {
		t.Errorf("counts %v of %v", v.Counts, v.Sum)
	}
	if again, err := task.Value(ok); err != nil || again != v {
		t.Errorf("a second call gives another one: %v", err)
	}
	for _, bad := range []Value{
		{Name: "a_bytes", Help: "other", Node: "n2", Kind: Distribution, Bounds: []float64{1, 10}},
		{Name: "a_bytes", Help: "h", Node: "n2", Kind: Gauge},
		{Name: "b", Kind: Distribution},
		{Name: "b", Kind: Distribution, Bounds: []float64{2, 1}},
		{Name: "b", Kind: Counter},
		{Name: "B_total", Kind: Counter},
		{Name: "", Kind: Gauge},
		{Name: "ottla_b", Kind: Gauge},
	} {
		if _, err := task.Value(bad); err == nil {
			t.Errorf("%+v is let through", bad)
		}
	}
}
