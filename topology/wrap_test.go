package topology_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/ottla-streams/ottla/internal/runtime/drive"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/topology"
)

var errWrapper = errors.New("the wrapper says no")

// around wraps the nodes whose names begin with p.
func around(f func(r topology.Record[any, any], next func() error) error, stores ...state.Spec) topology.Wrapper {
	return func(name string) topology.Wrapping {
		if !strings.HasPrefix(name, "p") {
			return topology.Wrapping{}
		}
		return topology.Wrapping{Stores: stores, Open: func(*topology.WrapContext) (topology.Around, error) { return f, nil }}
	}
}

func TestAround(t *testing.T) {
	swallow := func(_ topology.Record[any, any], next func() error) error {
		_ = next()
		return nil
	}
	refuse := func(topology.Record[any, any], func() error) error { return errWrapper }
	explode := func(topology.Record[any, any], func() error) error { panic("boom") }
	tests := []struct {
		name  string
		f     func(r topology.Record[any, any], next func() error) error
		fails bool // what is wrapped does
		err   string
		got   int
	}{
		{name: "passes on", f: func(_ topology.Record[any, any], next func() error) error { return next() }, got: 1},
		{name: "withholds", f: func(topology.Record[any, any], func() error) error { return nil }},
		{name: "fails", f: refuse, err: "process p (Process at "},
		{name: "panics", f: explode, err: "process p (Process at "},
		{name: "keeps an error to itself", f: swallow, fails: true, err: "process p (Process at "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := topology.NewBuilder()
			b.WrapProcessors(around(tt.f))
			b.Source("src", in).Process("p", topology.Func(func(ctx *context, r record) error {
				if tt.fails {
					return errWrapper
				}
				return ctx.Forward(r)
			})).To("snk", out)
			d, err := drive.New(drive.Config{Topology: build(t, b).Graph(), App: "app"})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close(false)
			err = d.Send(drive.Record{Topic: "in", Key: []byte("k"), Value: []byte("v")})
			if got := len(d.Produced()); got != tt.got {
				t.Errorf("%d records came out, want %d", got, tt.got)
			}
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
		})
	}
}

func TestWrapperSees(t *testing.T) {
	var seen []any
	b := topology.NewBuilder()
	b.WrapProcessors(func(name string) topology.Wrapping {
		seen = append(seen, name)
		return topology.Wrapping{Stores: []state.Spec{counts}, Open: func(ctx *topology.WrapContext) (topology.Around, error) {
			seen = append(seen, ctx.Task().String()+" "+ctx.App())
			return func(r topology.Record[any, any], next func() error) error {
				seen = append(seen, r.Key, r.Value, r.Origin.Topic)
				return next()
			}, nil
		}}
	})
	b.Source("src", in).Process("a", pass()).Process("b", pass()).To("snk", out)
	top := build(t, b)
	if !strings.Contains(top.Describe(), "stores: [n]") {
		t.Errorf("the store of the wrapper is not there:\n%s", top.Describe())
	}
	d, err := drive.New(drive.Config{Topology: top.Graph(), App: "app"})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close(false)
	if err := d.Send(drive.Record{Topic: "in", Key: []byte("k"), Value: []byte("v")}); err != nil {
		t.Fatal(err)
	}
	// b is bound before a, which sends to it.
	want := []any{"a", "b", "0_0 app", "0_0 app", "k", "v", "in", "k", "v", "in"}
	if !reflect.DeepEqual(seen, want) {
		t.Errorf("seen %v, want %v", seen, want)
	}
}

func TestWrapperMistakes(t *testing.T) {
	b := topology.NewBuilder()
	b.WrapProcessors(around(nil, nil))
	b.Source("src", in).Process("p", pass())
	if _, err := b.Build(); err == nil || !strings.Contains(err.Error(), `a store handle of the wrapper of node "p" is nil`) {
		t.Errorf("error %v", err)
	}
	b = topology.NewBuilder()
	b.WrapProcessors(func(string) topology.Wrapping {
		return topology.Wrapping{Open: func(*topology.WrapContext) (topology.Around, error) { return nil, errWrapper }}
	})
	b.Source("src", in).Process("p", pass())
	if err := start(t, build(t, b), 1); !errors.Is(err, errWrapper) || !strings.Contains(err.Error(), "(node p): Open of the wrapper") {
		t.Errorf("error %v", err)
	}
}
