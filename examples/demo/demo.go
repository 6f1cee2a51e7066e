// Package demo runs an example app on a broker of its own, so that it can be
// tried where there is none.
//
// There is one type: a [Demo] sends sample records to topics, starts apps and
// reads what they write. [Main] is the func main of an example. All data is in a
// temporary folder, which is gone afterwards.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/examples/embedded"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
)

// Main runs an app: on Kafka by [stream.Main] if the program is told of brokers
// or of a command, else as a demo with the given topics, each of one partition.
// It does not return.
func Main(config stream.Config, build func() (*topology.Topology, error), topics []string, show func(*Demo) error) {
	if !embedded.Wanted(os.Args[1:]) {
		stream.Main(config, build)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := Run(ctx, os.Stdout, topics, show); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", config.ID, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// Demo is a broker of this process with its topics, and a state folder. It is
// not safe for concurrent use.
type Demo struct {
	out     io.Writer
	brokers []string
	state   string
	client  *kgo.Client            // sends
	readers map[string]*kgo.Client // by topic
	ctx     context.Context        // ends when an app fails
	fail    context.CancelCauseFunc
}

// Run calls show with a new Demo that prints to out.
func Run(ctx context.Context, out io.Writer, topics []string, show func(*Demo) error) (err error) {
	dir, err := os.MkdirTemp("", "ottla-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	broker, err := embedded.Start(filepath.Join(dir, "broker"), 1, topics...)
	if err != nil {
		return err
	}
	defer broker.Close()
	d := &Demo{out: out, brokers: broker.Addrs(), state: filepath.Join(dir, "state"), readers: make(map[string]*kgo.Client)}
	d.ctx, d.fail = context.WithCancelCause(ctx)
	defer d.fail(nil)
	if d.client, err = kgo.NewClient(kgo.SeedBrokers(d.brokers...)); err != nil {
		return err
	}
	defer d.client.Close()
	defer func() {
		for _, reader := range d.readers {
			reader.Close()
		}
	}()
	return show(d)
}

// Printf prints to the output of the demo.
func (d *Demo) Printf(format string, args ...any) { fmt.Fprintf(d.out, format, args...) }

// Start starts an app on the broker. stop commits and ends it, and has to be
// called; a second call does nothing. An app that fails ends the Demo's context.
func (d *Demo) Start(config stream.Config, build func() (*topology.Topology, error)) (stop func(), err error) {
	config.Brokers, config.StateDir, config.Workers = d.brokers, d.state, 1 // there is one partition of each topic
	config.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	top, err := build()
	if err != nil {
		return nil, err
	}
	app, err := stream.NewApp(top, config)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(d.ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := app.Run(ctx); err != nil {
			d.fail(err)
		}
	}()
	return func() { cancel(); <-done }, nil
}

// Wipe deletes the state folder, as if the machine were a new one. No app may
// be running.
func (d *Demo) Wipe() error { return os.RemoveAll(d.state) }
