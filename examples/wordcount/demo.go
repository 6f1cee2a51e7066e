package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/examples/embedded"
	"github.com/ottla-streams/ottla/stream"
)

// demo counts the words of the input through a broker of its own, and returns
// the exit code.
func demo(config stream.Config, args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	input, err := openInput(args, os.Stdin, os.Stderr)
	if err == nil {
		defer input.Close()
		err = countAll(ctx, config, input, newScreen(os.Stdout))
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "wordcount: %v\n", err)
		return 1
	}
	return 0
}

// countAll starts a broker, runs the app, writes the input to the topic lines and
// shows what comes out of word-counts, until all words are counted. All data is in
// a temporary folder.
func countAll(ctx context.Context, config stream.Config, input io.Reader, show *screen) (err error) {
	dir, err := os.MkdirTemp("", "wordcount-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	broker, err := embedded.Start(filepath.Join(dir, "broker"), 2, lines.Name(), totals.Name())
	if err != nil {
		return err
	}
	defer broker.Close()

	config.Brokers = broker.Addrs()
	config.StateDir = filepath.Join(dir, "state")
	config.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	topology, err := wordcount()
	if err != nil {
		return err
	}
	app, err := stream.NewApp(topology, config)
	if err != nil {
		return err
	}

	ctx, fail := context.WithCancelCause(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		if err := app.Run(ctx); err != nil {
			fail(err)
		}
	})
	written := make(chan int64, 1)
	running.Go(func() {
		if words, err := write(ctx, broker.Addrs(), input); err != nil {
			fail(err)
		} else {
			written <- words
		}
	})
	err = watch(ctx, broker.Addrs(), written, show)
	fail(nil) // stops the app
	running.Wait()
	return err
}

// write sends each line of the input to the topic lines, and returns how many
// words there are in them.
func write(ctx context.Context, brokers []string, input io.Reader) (words int64, err error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.DefaultProduceTopic(lines.Name()))
	if err != nil {
		return 0, err
	}
	defer client.Close()
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	scanner := bufio.NewScanner(input)
	scanner.Buffer(nil, maxWord)
	scanner.Split(splitLines)
	for scanner.Scan() && ctx.Err() == nil {
		line := scanner.Text()
		for range strings.FieldsSeq(line) {
			words++
		}
		client.Produce(ctx, kgo.StringRecord(line), func(_ *kgo.Record, err error) {
			if err != nil {
				fail(err)
			}
		})
	}
	switch err := scanner.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return 0, fmt.Errorf("input: a word is longer than %d bytes", maxWord)
	case err != nil:
		return 0, fmt.Errorf("input: %w", err)
	}
	if err := client.Flush(ctx); err != nil {
		return 0, context.Cause(ctx)
	}
	return words, context.Cause(ctx)
}

// watch reads the topic word-counts and shows the latest count of each word,
// until they add up to the number of words that were written.
func watch(ctx context.Context, brokers []string, written <-chan int64, show *screen) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(totals.Name()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(100*time.Millisecond))
	if err != nil {
		return err
	}
	defer client.Close()
	latest := make(map[string]int64)
	words, counted := int64(-1), int64(0)
	for counted != words {
		poll, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		fetches := client.PollFetches(poll)
		cancel()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		for record := range fetches.RecordsAll() {
			word, err := totals.KeySerde().Decode(record.Key)
			if err != nil {
				return err
			}
			count, err := totals.ValueSerde().Decode(record.Value)
			if err != nil {
				return err
			}
			counted += count - latest[word]
			latest[word] = count
		}
		show.update(latest)
		select {
		case words = <-written:
		default:
		}
	}
	return show.finish(latest)
}
