package topology_test

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream/streamtest"
	"github.com/ottla-streams/ottla/topology"
)

var counts = state.KeyValue("n", serde.String, serde.Int64)

// counter counts the records of each key.
type counter struct {
	counts *state.KeyValueStore[string, int64]
}

func newCounter() *counter { return &counter{} }

func (c *counter) Init(ctx *topology.Context[string, int64]) error {
	c.counts = counts.In(ctx)
	return nil
}

func (c *counter) Process(ctx *topology.Context[string, int64], r record) error {
	n, _, err := c.counts.Get(r.Key)
	if err != nil {
		return err
	}
	if err := c.counts.Put(r.Key, n+1); err != nil {
		return err
	}
	return ctx.Forward(r.WithValue(n + 1))
}

func pass() func() topology.ProcessorFunc[string, string, string, string] {
	return topology.Func(func(ctx *context, r record) error { return ctx.Forward(r) })
}

var longs = topology.NewTopic("longs", serde.String, serde.Int64)

func TestDescribeNodes(t *testing.T) {
	b := topology.NewBuilder()
	src := b.Source("src", in, topology.NewTopic("in2", serde.String, serde.String))
	p1 := src.Process("p1", pass())
	p2 := src.Process("p2", pass())
	b.Merge(p1, p2).To("snk", out)
	cnt := src.Process("cnt", newCounter, counts)
	cnt.To("longs", longs)
	b.Source("pat", topology.Pattern("t-[0-9]+", serde.String, serde.String)).Process("later", newCounter)
	b.Connect("later", counts)
	want := `Topologies:
   Sub-topology: 0
    Source: src (topics: [in, in2])
      --> cnt, p1, p2
    Processor: cnt (stores: [n])
      --> longs
      <-- src
    Processor: p1 (stores: [])
      --> snk
      <-- src
    Processor: p2 (stores: [])
      --> snk
      <-- src
    Source: pat (topics: t-[0-9]+)
      --> later
    Processor: later (stores: [n])
      --> none
      <-- pat
    Sink: longs (topic: longs)
      <-- cnt
    Sink: snk (topic: out)
      <-- p1, p2

`
	for range 2 { // a builder may build again
		got := build(t, b).Describe()
		if normal(got) != normal(want) {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
}

// normal sorts the blocks of nodes: their order is the matter of package describe.
func normal(s string) string {
	blocks := regexp.MustCompile(`\n    (\w)`).Split(s, -1)
	seen := make(map[string]int)
	for _, b := range blocks {
		seen[strings.TrimSpace(b)]++
	}
	return fmt.Sprint(seen)
}

func TestSharedStore(t *testing.T) {
	b := topology.NewBuilder()
	b.Source("a", in).Process("p", newCounter, counts).To("o1", topology.NewTopic("o1", serde.String, serde.Int64))
	b.Source("b", topology.NewTopic("in2", serde.String, serde.String)).Process("q", newCounter, counts).
		To("o2", topology.NewTopic("o2", serde.String, serde.Int64))
	d := streamtest.New(t, build(t, b))
	d.SendAt(in, "k", "x", at(1))
	d.SendAt(topology.NewTopic("in2", serde.String, serde.String), "k", "x", at(2))
	d.SendAt(in, "k", "x", at(3))
	if n, _, err := counts.In(d).Get("k"); n != 3 || err != nil {
		t.Errorf("the shared store has %d, %v", n, err)
	}
	var got []int64
	for _, topic := range []string{"o1", "o2"} {
		for _, r := range d.Read(topology.NewTopic(topic, serde.String, serde.Int64)) {
			got = append(got, r.Value)
		}
	}
	if want := []int64{1, 3, 2}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %d, want %d", got, want)
	}
}

// keeper puts what it gets into the store glob.
type keeper struct {
	glob *state.KeyValueStore[string, string]
}

var glob = state.KeyValue("glob", serde.String, serde.String)

func (k *keeper) Init(ctx *context) error {
	k.glob = glob.In(ctx)
	return nil
}

func (k *keeper) Process(ctx *context, r record) error {
	if r.NoValue {
		return k.glob.Remove(r.Key)
	}
	return k.glob.Put(r.Key, r.Value)
}

func newKeeper() *keeper { return &keeper{} }

// look forwards what the store glob has for the key.
func look(ctx *context, r record) error {
	v, ok, err := glob.In(ctx).Get(r.Key)
	if err != nil {
		return err
	}
	return ctx.Forward(r.WithValue(fmt.Sprint(r.Value, "/", v, ok)))
}

func TestGlobalStore(t *testing.T) {
	for _, stores := range [][]state.Spec{nil, {glob}} {
		b := topology.NewBuilder()
		b.Source("src", in).Process("look", topology.Func(look), stores...).To("snk", out)
		b.GlobalStore(glob, "gsrc", topology.NewTopic("g", serde.String, serde.String), "upd", newKeeper)
		top := build(t, b)
		for _, want := range []string{"for global store (will not generate tasks)", "Processor: upd (stores: [glob])", "Processor: look (stores: [])"} {
			if !strings.Contains(top.Describe(), want) {
				t.Errorf("the description lacks %q:\n%s", want, top)
			}
		}
		d := streamtest.New(t, top)
		g := topology.NewTopic("g", serde.String, serde.String)
		d.SendAt(g, "k", "x", at(1))
		d.SendAt(in, "k", "a", at(2))
		d.SendRecord(g, record{Key: "k", NoValue: true, Time: at(3)})
		d.SendAt(in, "k", "b", at(4))
		want := []string{"k=a/xtrue@2", "k=b/false@4"}
		if got := shown(d.Read(out)); !reflect.DeepEqual(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// Only the processor that fills a global store may write to it.
func TestGlobalStoreIsReadOnly(t *testing.T) {
	for name, write := range map[string]func(s *state.KeyValueStore[string, string]) error{
		"put":    func(s *state.KeyValueStore[string, string]) error { return s.Put("k", "v") },
		"remove": func(s *state.KeyValueStore[string, string]) error { return s.Remove("k") },
		"delete": func(s *state.KeyValueStore[string, string]) error { _, _, err := s.Delete("k"); return err },
	} {
		b := topology.NewBuilder()
		b.Source("src", in).Process("p", topology.Func(func(ctx *context, _ record) error { return write(glob.In(ctx)) }))
		b.GlobalStore(glob, "gsrc", o1, "upd", newKeeper)
		d := streamtest.New(t, build(t, b))
		if err := d.SendBytes("in", []byte("k"), nil, at(1)); !errors.Is(err, state.ErrReadOnly) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestReadOnlyStore(t *testing.T) {
	b := topology.NewBuilder()
	g := topology.NewTopic("g", serde.String, serde.String)
	b.ReadOnlyStore(glob, "gsrc", g, "upd", newKeeper).To("copy", o1)
	b.Source("src", in).Process("look", topology.Func(look), glob).To("snk", out)
	top := build(t, b)
	for _, s := range top.Graph().Stores {
		if !s.Logged || s.SourceTopic == nil || s.SourceTopic.Name != "g" || len(s.Nodes) != 2 {
			t.Errorf("store is %+v", s)
		}
	}
	d := streamtest.New(t, top)
	d.SendAt(g, "k", "x", at(1))
	d.SendAt(in, "k", "a", at(2))
	if got, want := shown(d.Read(out)), []string{"k=a/xtrue@2"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// misfit has an Init that would never be called.
type misfit struct{}

func (*misfit) Init(ctx *topology.Context[string, int64]) error { return nil }
func (*misfit) Process(ctx *context, r record) error            { return nil }

// sloppy has a Close that would never be called.
type sloppy struct{ _ int }

func (*sloppy) Close()                               {}
func (*sloppy) Process(ctx *context, r record) error { return nil }

func TestBuildMistakes(t *testing.T) {
	single := &sloppy{}
	var noFunc func(ctx *context, r record) error
	var noStore *state.KeyValueSpec[string, int64]
	tests := []struct {
		name  string
		build func(b *topology.Builder, src topology.Node[string, string])
		want  string // the file:line is put before it
	}{
		{"duplicate name", func(b *topology.Builder, _ topology.Node[string, string]) { b.Source("src", o1) },
			`Source: node name "src" is taken by Source at builder_test.go:`},
		{"empty name", func(_ *topology.Builder, src topology.Node[string, string]) { src.Process("", pass()) },
			`Process: node has an empty name`},
		{"no parent", func(b *topology.Builder, _ topology.Node[string, string]) { b.Merge[string, string]().To("snk", out) },
			`To: node "snk" has no parent`},
		{"unknown parent", func(b *topology.Builder, _ topology.Node[string, string]) {
			b.Node[string, string]("nope").Process("p", pass())
		}, `Node: node "nope" is not there, or added later`},
		{"later parent", func(b *topology.Builder, src topology.Node[string, string]) {
			n := b.Node[string, string]("p")
			src.Process("p", pass())
			n.To("snk", out)
		}, `Node: node "p" is not there, or added later`},
		{"sink as parent", func(b *topology.Builder, src topology.Node[string, string]) {
			src.To("snk", out)
			b.Node[string, string]("snk").Process("p", pass())
		}, `Process: node "p" has the sink "snk" as parent`},
		{"other types", func(b *topology.Builder, src topology.Node[string, string]) {
			b.Node[string, int64]("src").To("snk", longs)
		}, `Node: node "src" sends string keys and string values, not string keys and int64 values`},
		{"foreign parent", func(b *topology.Builder, src topology.Node[string, string]) {
			b.Merge(src, topology.NewBuilder().Source("other", o1)).To("snk", out)
		}, `Merge: a node of another builder`},
		{"nil supplier", func(_ *topology.Builder, src topology.Node[string, string]) { src.Process("p", topology.Func(noFunc)) },
			`Process: the supplier is nil`},
		{"supplier of nil", func(_ *topology.Builder, src topology.Node[string, string]) {
			src.Process("p", func() *counter { return nil })
		}, `Process: the supplier returned nil`},
		{"supplier of one", func(_ *topology.Builder, src topology.Node[string, string]) {
			src.Process("p", func() topology.Processor[string, string, string, string] { return single })
		}, `Process: the supplier returned the same *topology_test.sloppy twice: each task needs one of its own`},
		{"supplier that panics", func(_ *topology.Builder, src topology.Node[string, string]) {
			src.Process("p", func() *counter { panic("boom") })
		}, `Process: the supplier panicked: boom`},
		{"Init of another type", func(_ *topology.Builder, src topology.Node[string, string]) {
			src.Process("p", func() *misfit { return &misfit{} })
		}, `Process: Init of *topology_test.misfit is func(*topology.Context[string,int64]) error: it needs to be func(*topology.Context[string,string]) error`},
		{"Close without error", func(_ *topology.Builder, src topology.Node[string, string]) {
			src.Process("p", func() *sloppy { return &sloppy{} })
		}, `Process: Close of *topology_test.sloppy is func(): it needs to be func() error`},
		{"nil store", func(_ *topology.Builder, src topology.Node[string, string]) { src.Process("p", newCounter, noStore) },
			`Process: a store handle is nil`},
		{"two stores of a name", func(_ *topology.Builder, src topology.Node[string, string]) {
			n, also := state.KeyValue("n", serde.String, serde.Int64), state.KeyValue("n", serde.String, serde.String)
			src.Process("p", newCounter, n, also)
		}, `store name "n" is taken by the store at builder_test.go:`},
		{"connect to a sink", func(b *topology.Builder, src topology.Node[string, string]) {
			src.To("snk", out)
			b.Connect("snk", counts)
		}, `To: node "snk" can't have the store "n": only processors can`},
		{"connect to nothing", func(b *topology.Builder, src topology.Node[string, string]) { b.Connect("nope", counts) },
			`Connect: node "nope" is not there, or added later`},
		{"topic read twice", func(b *topology.Builder, src topology.Node[string, string]) { b.Source("again", in) },
			`Source: topic "in" is read by Source at builder_test.go:`},
		{"pattern and topic", func(b *topology.Builder, src topology.Node[string, string]) {
			b.Source("two", o1, topology.Pattern("x.*", serde.String, serde.String))
		}, `Source: a topic pattern can't be read together with other topics`},
		{"pattern written", func(b *topology.Builder, src topology.Node[string, string]) {
			src.To("snk", topology.Pattern("x.*", serde.String, serde.String))
		}, `To: a topic pattern can't be written`},
		{"bad topic name", func(b *topology.Builder, src topology.Node[string, string]) {
			src.To("snk", topology.NewTopic("a b", serde.String, serde.String))
		}, `To: topic name "a b" has characters other than`},
		{"global store of a pattern", func(b *topology.Builder, src topology.Node[string, string]) {
			b.GlobalStore(glob, "g", topology.Pattern("x.*", serde.String, serde.String), "upd", newKeeper)
		}, `GlobalStore: a topic pattern can't fill a store`},
		{"global store filled twice", func(b *topology.Builder, src topology.Node[string, string]) {
			g := state.KeyValue("glob", serde.String, serde.String)
			b.GlobalStore(g, "g", o1, "upd", newKeeper)
			b.GlobalStore(g, "h", o2, "upd2", newKeeper)
		}, `global store "glob" needs exactly one processor that keeps it, it has 2`},
		{"nil global store", func(b *topology.Builder, src topology.Node[string, string]) {
			b.GlobalStore(noStore, "g", o1, "upd", newKeeper)
		}, `GlobalStore: the store handle is nil`},
	}
	place := regexp.MustCompile(`^builder_test\.go:\d+: `)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := topology.NewBuilder()
			tt.build(b, b.Source("src", in))
			_, err := b.Build()
			var mistakes *topology.BuildError
			if !errors.As(err, &mistakes) {
				t.Fatalf("got %v", err)
			}
			if len(mistakes.Mistakes) != 1 {
				t.Errorf("got %d mistakes: %v", len(mistakes.Mistakes), err)
			}
			if !place.MatchString(mistakes.Mistakes[0]) || !strings.HasPrefix(place.ReplaceAllString(mistakes.Mistakes[0], ""), tt.want) {
				t.Errorf("got %q, want %q", mistakes.Mistakes[0], tt.want)
			}
		})
	}
}

// Two mistakes are told at once, each at its own line.
func TestAllMistakes(t *testing.T) {
	b := topology.NewBuilder()
	src := b.Source("src", in)
	src.Process("a b", pass())
	src.To("src", out)
	_, err := b.Build()
	var mistakes *topology.BuildError
	if !errors.As(err, &mistakes) || len(mistakes.Mistakes) != 2 || mistakes.Mistakes[0][:19] == mistakes.Mistakes[1][:19] {
		t.Errorf("got %v", err)
	}
}

// Handles are mostly package variables, whose place the compiler may lose.
func TestPlaceOfPackageVariables(t *testing.T) {
	if !strings.HasPrefix(counts.Place(), "builder_test.go:") {
		t.Errorf("the place is %s", counts.Place())
	}
}
