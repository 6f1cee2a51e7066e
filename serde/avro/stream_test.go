package avro_test

import (
	"testing"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/serde/avro"
	"github.com/ottla-streams/ottla/serde/registry"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/stream/streamtest"
	"github.com/ottla-streams/ottla/topology"
)

// Schemas are registered for each topic of a program, those of its stores
// included, and what comes in with a schema in a header goes out with its own.
func TestInProgram(t *testing.T) {
	f, r := fake(t)
	in := topology.NewTopic("orders", serde.String, avro.Framed[order](r.With(registry.InHeaders()), orderSchema))
	out := topology.NewTopic("totals", serde.String, avro.Framed[flat](r, flatSchema))
	totals := state.KeyValue("totals", serde.String, avro.Framed[flat](r, flatSchema))
	b := stream.NewBuilder()
	b.Stream(in).GroupByKey().
		Aggregate(func() flat { return flat{} }, func(_ string, o order, sum flat) flat {
			return flat{ID: sum.ID + 1, Customer: o.Customer, Amount: sum.Amount + o.Amount}
		}, totals).
		To(out)
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	d := streamtest.New(t, top)
	d.Send(in, "k", sample())
	d.Send(in, "k", sample())
	got := d.Read(out)
	if len(got) != 2 || got[1].Value != (flat{ID: 2, Customer: "Ada", Amount: 7}) {
		t.Fatalf("%+v", got)
	}
	if _, ok := got[1].Headers.Last(registry.ValueHeader); ok {
		t.Error("the header of the record that came in went out")
	}
	for _, subject := range []string{"orders-value", "totals-value", "test-totals-changelog-value"} {
		if !f.SubjectExists(subject) {
			t.Errorf("no subject %s", subject)
		}
	}
}
