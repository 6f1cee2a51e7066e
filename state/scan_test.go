package state_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/stream/streamtest"
	"github.com/ottla-streams/ottla/topology"
)

type entries = func(yield func(state.Entry[string, string], error) bool)

func keys(t *testing.T, seq entries) string {
	t.Helper()
	var got []string
	for e, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		if e.Value != "v"+e.Key {
			t.Errorf("%s has the value %s", e.Key, e.Value)
		}
		got = append(got, e.Key)
	}
	return strings.Join(got, " ")
}

// keyValueStore is a store with the keys, open in a task.
func keyValueStore(t *testing.T, written ...string) *state.KeyValueStore[string, string] {
	t.Helper()
	in := topology.NewTopic("in", serde.String, serde.String)
	spec := state.KeyValue("rows", serde.String, serde.String)
	b := stream.NewBuilder()
	b.Table(in).Materialize(spec)
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	d := streamtest.New(t, top)
	for _, k := range written {
		d.Send(in, k, "v"+k)
	}
	return spec.In(d)
}

func TestRanges(t *testing.T) {
	s := keyValueStore(t, "b", "a", "c", "bb", "\xff")
	for name, c := range map[string]struct {
		seq  entries
		want string
	}{
		"all":          {s.All(), "a b bb c \xff"},
		"all reverse":  {s.AllReverse(), "\xff c bb b a"},
		"range":        {s.Range("b", "c"), "b bb c"},
		"range of one": {s.Range("b", "b"), "b"},
		"empty range":  {s.Range("c", "b"), ""},
		"reverse":      {s.RangeReverse("ab", "bb"), "bb b"},
		"from":         {s.RangeFrom("bb"), "bb c \xff"},
		"from reverse": {s.RangeFromReverse("bb"), "\xff c bb"},
		"to":           {s.RangeTo("b"), "a b"},
		"to reverse":   {s.RangeToReverse("b"), "b a"},
		"prefix":       {s.Prefix([]byte("b")), "b bb"},
		"prefix ff":    {s.Prefix([]byte("\xff")), "\xff"},
	} {
		if got := keys(t, c.seq); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func TestRangeWhileWriting(t *testing.T) {
	s := keyValueStore(t, "a", "b", "c")
	var got []string
	for e, err := range s.All() {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e.Key)
		if err := s.Remove(e.Key); err != nil {
			t.Fatal(err)
		}
		if e.Key == "b" {
			break
		}
	}
	if fmt.Sprint(got) != "[a b]" || keys(t, s.All()) != "c" {
		t.Errorf("got %v, left %q", got, keys(t, s.All()))
	}
}

type failing struct{ serde.Serde[string] }

func (failing) Decode([]byte) (string, error) { return "", fmt.Errorf("no value") }

func TestRangeFails(t *testing.T) {
	in := topology.NewTopic("in", serde.String, serde.String)
	spec := state.KeyValue("rows", serde.String, serde.Serde[string](failing{serde.String}))
	b := stream.NewBuilder()
	b.Stream(in).ToTable().Materialize(spec)
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	d := streamtest.New(t, top)
	d.Send(in, "a", "1")
	d.Send(in, "b", "1")
	var errs []string
	for _, err := range spec.In(d).All() {
		errs = append(errs, fmt.Sprint(err))
	}
	if !slices.Equal(errs, []string{"value: no value"}) {
		t.Errorf("errors are %v", errs)
	}
}
