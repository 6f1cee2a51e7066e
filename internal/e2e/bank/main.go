// Bank keeps the balances of accounts from a stream of transfers. It is the
// client of a fault test: it stays up through whatever passes by itself, and is
// told everything by environment variables that begin with CHAOS_.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/ottla-streams/ottla/internal/e2e/bank/ledger"
	"github.com/ottla-streams/ottla/stream"
)

func main() {
	if err := run(); err != nil {
		slog.Error("bank ends", "error", err)
		os.Exit(1)
	}
}

func run() error {
	top, err := ledger.Topology()
	if err != nil {
		return err
	}
	c, err := config(os.Getenv)
	if err != nil {
		return err
	}
	app, err := stream.NewApp(top, c)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	return app.Run(ctx)
}

// config reads the settings from the environment.
func config(env func(string) string) (stream.Config, error) {
	var bad []string
	number := func(name string, missing int) int {
		text := env("CHAOS_" + name)
		if text == "" {
			return missing
		}
		n, err := strconv.Atoi(text)
		if err != nil {
			bad = append(bad, "CHAOS_"+name+" is no number")
		}
		return n
	}
	millis := func(name string, missing int) time.Duration {
		return time.Duration(number(name, missing)) * time.Millisecond
	}
	c := stream.Config{
		ID:                 env("CHAOS_APPLICATION_ID"),
		Brokers:            strings.Split(env("CHAOS_BOOTSTRAP"), ","),
		StateDir:           env("CHAOS_STATE_DIR"),
		Workers:            number("THREADS", 1),
		Standbys:           number("STANDBYS", 0),
		CommitInterval:     millis("COMMIT_INTERVAL_MS", 1000),
		SessionTimeout:     millis("SESSION_TIMEOUT_MS", 10_000),
		TransactionTimeout: millis("TRANSACTION_TIMEOUT_MS", 10_000),
		ReplicationFactor:  1,
		CacheBytes:         -1,
		OnError:            stream.ErrorPolicy{Decode: stream.SkipOnError},
	}
	switch g := env("CHAOS_GUARANTEE"); g {
	case "exactly_once_v2":
		c.Guarantee = stream.ExactlyOnce
	case "at_least_once", "":
	default:
		bad = append(bad, "CHAOS_GUARANTEE is neither exactly_once_v2 nor at_least_once")
	}
	if len(bad) > 0 {
		return c, fmt.Errorf("environment: %s", strings.Join(bad, "; "))
	}
	return c, nil
}
