package table_test

import (
	"slices"
	"testing"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
)

type measured struct{ Length int64 }

// The groups behind a table need a serde for its type, which only the handle has.
func TestMaterializePassesSerdesOn(t *testing.T) {
	b := stream.NewBuilder()
	kept := state.KeyValue("measured", serde.String, serde.JSON[measured]())
	b.Table(in).Materialize(state.KeyValue("in", serde.String, serde.String)).
		MapValues(func(v string) measured { return measured{int64(len(v))} }).Materialize(kept).
		GroupBy(func(_ string, m measured) (string, measured) { return "all", m }).Named("all").
		Aggregate(func() int64 { return 0 },
			func(_ string, m measured, sum int64) int64 { return sum + m.Length },
			func(_ string, m measured, sum int64) int64 { return sum - m.Length },
			state.KeyValue("sum", serde.String, serde.Int64)).
		To(lengths)
	d := start(t, b)
	send(d, "a=xx", "b=yyy", "a=z", "b")
	var got []int64
	for _, r := range d.Read(lengths) {
		got = append(got, r.Value)
	}
	if want := []int64{2, 5, 4, 1}; !slices.Equal(got, want) {
		t.Errorf("sums are %v, want %v", got, want)
	}
}

// loud writes strings with an exclamation mark.
type loud struct{ serde.Serde[string] }

func (l loud) AppendTo(dst []byte, v string) ([]byte, error) {
	return l.Serde.AppendTo(dst, v+"!")
}

// A table that is read from a topic keeps the serdes of the topic, as in Kafka
// Streams; others take those of the handle.
func TestMaterializeSerdesOfTopic(t *testing.T) {
	for _, read := range []bool{true, false} {
		b := stream.NewBuilder()
		table := b.Table(in)
		if !read {
			table = table.Filter(func(string, string) bool { return true })
		}
		through := topology.NewTopic("out", serde.String, serde.String)
		stream.Of(table.Materialize(state.KeyValue("kept", serde.String, serde.Serde[string](loud{serde.String})))).
			SelectKey(func(_, v string) string { return v }).
			Repartition().Named("again").To(through)
		d := start(t, b)
		send(d, "a=x")
		want := "x"
		if !read {
			want = "x!"
		}
		if r := d.Read(through); len(r) != 1 || r[0].Value != want {
			t.Errorf("read from a topic %t: %v, want %s", read, r, want)
		}
	}
}
