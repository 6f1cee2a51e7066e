package demo

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
)

var (
	in  = topology.NewTopic("in", serde.String, serde.String)
	out = topology.NewTopic("out", serde.String, serde.String)
)

func upper() (*topology.Topology, error) {
	b := stream.NewBuilder()
	b.Stream(in).MapValues(strings.ToUpper).To(out)
	return b.Build()
}

func TestRun(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	var printed strings.Builder
	err := Run(t.Context(), &printed, []string{"in", "out"}, func(d *Demo) error {
		stop, err := d.Start(stream.Config{ID: "upper"}, upper)
		if err != nil {
			return err
		}
		defer stop()
		at := time.UnixMilli(1000)
		if err := d.Send(in, Record[string, string]{"a", "x", at}, Record[string, string]{"b", "y", at}); err != nil {
			return err
		}
		for range 2 {
			records, err := d.Read(out, 1)
			if err != nil {
				return err
			}
			d.Printf("%s=%s at %d ", records[0].Key, records[0].Value, records[0].Time.UnixMilli())
		}
		return nil
	})
	if err != nil || printed.String() != "a=X at 1000 b=Y at 1000 " {
		t.Errorf("printed %q, %v", &printed, err)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// An app that fails ends a read that would wait for good, with its error.
func TestAppFails(t *testing.T) {
	broken := errors.New("broken")
	build := func() (*topology.Topology, error) {
		b := stream.NewBuilder()
		b.Stream(in).Process(topology.Func(func(*topology.Context[string, string], topology.Record[string, string]) error {
			return broken
		})).To(out)
		return b.Build()
	}
	err := Run(t.Context(), io.Discard, []string{"in", "out"}, func(d *Demo) error {
		stop, err := d.Start(stream.Config{ID: "fails"}, build)
		if err != nil {
			return err
		}
		defer stop()
		if err := d.Send(in, Record[string, string]{"a", "x", time.UnixMilli(1000)}); err != nil {
			return err
		}
		_, err = d.Read(out, 1)
		return err
	})
	if !errors.Is(err, broken) {
		t.Errorf("error is %v", err)
	}
}
