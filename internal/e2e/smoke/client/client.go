// Package client makes programs of the apps that Kafka's smoke tests judge.
//
// There is only [Main]. Such a program is told everything by flags or by
// environment variables of the same names behind SMOKE_, where a flag beats the
// environment. It stays up through whatever passes by itself; SIGTERM stops it.
package client

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
)

// Main runs an app until SIGTERM. It does not return: it exits with 0, with 1
// after an error, or with 2 if it was called in a wrong way.
func Main(build func() (*topology.Topology, error)) {
	config, err := settings(os.Args[1:], os.Getenv)
	if err != nil {
		slog.Error("settings", "error", err)
		os.Exit(2)
	}
	if err := run(config, build); err != nil {
		slog.Error("client ends", "error", err)
		os.Exit(1)
	}
}

func run(config stream.Config, build func() (*topology.Topology, error)) error {
	top, err := build()
	if err != nil {
		return err
	}
	app, err := stream.NewApp(top, config)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	return app.Run(ctx)
}

// settings reads flags and environment. Two variables have names of their own:
// SMOKE_APPLICATION_ID and SMOKE_STATE_DIR.
func settings(args []string, env func(string) string) (c stream.Config, err error) {
	threads, err := number(env, "SMOKE_THREADS", 1)
	if err != nil {
		return c, err
	}
	standbys, err := number(env, "SMOKE_STANDBYS", 0)
	if err != nil {
		return c, err
	}
	f := flag.NewFlagSet("client", flag.ContinueOnError)
	bootstrap := f.String("bootstrap", env("SMOKE_BOOTSTRAP"), "`addresses` of brokers")
	f.StringVar(&c.ID, "app", env("SMOKE_APPLICATION_ID"), "application `id`")
	guarantee := f.String("guarantee", env("SMOKE_GUARANTEE"), "at_least_once or exactly_once_v2")
	f.StringVar(&c.StateDir, "state", env("SMOKE_STATE_DIR"), "`folder` of the state")
	f.IntVar(&c.Workers, "threads", threads, "`number` of workers")
	f.IntVar(&c.Standbys, "standbys", standbys, "`number` of standby replicas")
	if err := f.Parse(args); err != nil {
		return c, err
	}
	if f.NArg() > 0 {
		return c, fmt.Errorf("argument %q is none", f.Arg(0))
	}
	switch *guarantee {
	case "exactly_once_v2":
		c.Guarantee = stream.ExactlyOnce
	case "at_least_once", "":
	default:
		return c, fmt.Errorf("guarantee %q is neither exactly_once_v2 nor at_least_once", *guarantee)
	}
	if *bootstrap != "" {
		c.Brokers = strings.Split(*bootstrap, ",")
	}
	c.CommitInterval = time.Second
	c.SessionTimeout = 10 * time.Second
	c.TransactionTimeout = 10 * time.Second
	c.ReplicationFactor = 1
	c.MaxBuffered = 100
	return c, nil
}

func number(env func(string) string, name string, missing int) (int, error) {
	text := env(name)
	if text == "" {
		return missing, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("%s: %q is no number", name, text)
	}
	return n, nil
}
