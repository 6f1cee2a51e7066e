package measure

import "testing"

// BenchmarkCountsOfRecord is all that the level info counts of a record in
// BenchmarkTaskCount of package bench: when it is taken, in its store, when its
// result leaves, and in the changelog.
func BenchmarkCountsOfRecord(b *testing.B) {
	t := NewTask("0_0")
	in, out, store := t.Input("events", "source"), t.Output("totals", "sink"), t.Store("counts")
	t.Now = 1 << 40
	b.ReportAllocs()
	for i := range b.N {
		at := t.Now - int64(i&1023)
		in.Bytes += 112
		in.Latency.Observe(t.Now - at)
		t.Processed++
		store.Gets++
		store.Puts++
		out.Add(t, 20, at)
		store.Logged++
		store.LoggedBytes += 20
	}
	if in.Records() != int64(b.N) || out.Records() != int64(b.N) {
		b.Error("not all are counted")
	}
}
