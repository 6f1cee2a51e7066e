package topology_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/ottla-streams/ottla/internal/runtime/drive"
	"github.com/ottla-streams/ottla/topology"
)

// start runs a topology with the given partitions and returns the error of its start.
func start(t *testing.T, top *topology.Topology, partitions int32) error {
	t.Helper()
	d, err := drive.New(drive.Config{Topology: top.Graph(), App: "app", Partitions: partitions})
	if err != nil {
		return err
	}
	return d.Close(true)
}

// advance runs a topology, moves the wall clock and returns the error.
func advance(t *testing.T, top *topology.Topology) error {
	t.Helper()
	d, err := drive.New(drive.Config{Topology: top.Graph(), App: "app"})
	if err != nil {
		t.Fatal(err)
	}
	err = d.AdvanceWall(1000)
	if closed := d.Close(false); closed != nil {
		t.Error(closed)
	}
	return err
}

// lifecycle notes what is called.
type lifecycle struct {
	log  *[]string
	init error
	late func(ctx *context) error
	ctx  *context
}

func (l *lifecycle) Init(ctx *context) error {
	*l.log = append(*l.log, fmt.Sprintf("init %s of %s", ctx.Task(), ctx.App()))
	l.ctx = ctx
	return l.init
}

func (l *lifecycle) Process(ctx *context, r record) error { return ctx.Forward(r) }

func (l *lifecycle) Close() error {
	*l.log = append(*l.log, "close")
	if l.late != nil {
		return l.late(l.ctx)
	}
	return nil
}

func TestLifecycle(t *testing.T) {
	tests := []struct {
		name string
		init error
		late func(ctx *context) error
		log  []string
		err  string
	}{
		{name: "one per task", log: []string{"init 0_0 of app", "init 0_1 of app", "close", "close"}},
		{name: "Init fails", init: errors.New("no"), log: []string{"init 0_0 of app"},
			err: "lifecycle_test.go:LINE: Process (node p): Init: no"},
		{name: "forward in Close", late: func(ctx *context) error { return ctx.Forward(record{}) },
			log: []string{"init 0_0 of app", "init 0_1 of app", "close", "close"},
			err: "Process (node p): Close: record forwarded outside Process and punctuations"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var log []string
			b := topology.NewBuilder()
			b.Source("src", in).Process("p", func() *lifecycle { return &lifecycle{log: &log, init: tt.init, late: tt.late} })
			err := start(t, build(t, b), 2)
			if !reflect.DeepEqual(log, tt.log) {
				t.Errorf("got %q, want %q", log, tt.log)
			}
			want := strings.Split(tt.err, "LINE")
			for _, part := range want {
				if part != "" && (err == nil || !strings.Contains(err.Error(), part)) {
					t.Errorf("error %v lacks %q", err, part)
				}
			}
			if tt.err == "" && err != nil {
				t.Error(err)
			}
		})
	}
}
