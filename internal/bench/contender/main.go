// Contender runs the workloads of the performance bench, whose contract it
// obeys: it reads the topics of a workload from the earliest offset, writes the
// workload's output and runs until SIGTERM. It uses the public API as any
// program would.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime/pprof"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/stream"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// flags are those of the contract.
type flags struct {
	workload, bootstrap, id, guarantee, dir, compression string
	threads, cache, batch, commit                        int
}

func parse() flags {
	var f flags
	flag.StringVar(&f.workload, "workload", "", "what to run")
	flag.StringVar(&f.bootstrap, "bootstrap", "", "brokers")
	flag.StringVar(&f.id, "app-id", "", "application id")
	flag.IntVar(&f.threads, "threads", 1, "workers")
	flag.StringVar(&f.guarantee, "guarantee", "at_least_once", "or exactly_once_v2")
	flag.StringVar(&f.dir, "state-dir", "", "folder of the state")
	flag.IntVar(&f.commit, "commit-interval-ms", 0, "milliseconds between commits")
	flag.IntVar(&f.cache, "cache-bytes", 0, "size of the record cache, 0 for none")
	flag.StringVar(&f.compression, "compression", "", "none or lz4")
	flag.Int("linger-ms", 0, "not used: there is no linger")
	flag.IntVar(&f.batch, "batch-bytes", 0, "size of the producer's batches")
	flag.Parse()
	return f
}

func (f flags) config() stream.Config {
	c := stream.Config{
		ID: f.id, Brokers: strings.Split(f.bootstrap, ","), Workers: f.threads, StateDir: f.dir,
		CommitInterval: time.Duration(f.commit) * time.Millisecond, CacheBytes: max(f.cache, -1),
		ReplicationFactor: 1, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	}
	if f.cache == 0 {
		c.CacheBytes = -1
	}
	if f.guarantee == "exactly_once_v2" {
		c.Guarantee = stream.ExactlyOnce
	}
	codec := kgo.NoCompression()
	if f.compression == "lz4" {
		codec = kgo.Lz4Compression()
	}
	c.Client = append(c.Client, kgo.ProducerBatchCompression(codec))
	if f.batch > 0 {
		c.Client = append(c.Client, kgo.ProducerBatchMaxBytes(int32(f.batch)))
	}
	return c
}

func run() error {
	f := parse()
	top, err := build(f.workload, f.id, f.cache > 0)
	if err != nil {
		return err
	}
	if path := os.Getenv("CONTENDER_CPUPROFILE"); path != "" {
		file, err := os.Create(path)
		if err != nil {
			return err
		}
		defer file.Close()
		if err := pprof.StartCPUProfile(file); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	app, err := stream.NewApp(top, f.config())
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	return app.Run(ctx)
}
