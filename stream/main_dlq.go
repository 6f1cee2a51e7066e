package stream

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ottla-streams/ottla/internal/runtime/client"
	"github.com/ottla-streams/ottla/internal/runtime/deadletter"
)

// letterBox adds the flags of where the dead letters lie, and returns what opens
// that topic.
func (p *program) letterBox() func() (*deadletter.Box, error) {
	topic := p.flags.String("topic", "", "the dead letter `topic` (default the app's own)")
	return func() (*deadletter.Box, error) {
		c, err := p.ready()
		if err != nil {
			return nil, err
		}
		if *topic == "" {
			*topic = c.DeadLetterTopic
		}
		if *topic == "" {
			return nil, misuse{errors.New("the app has no dead letter topic: name one with -topic")}
		}
		return deadletter.Open(client.Config{Brokers: c.Brokers, Opts: c.Client, Name: c.ID, Logger: c.Logger}, c.ID, *topic)
	}
}

// letterPlace adds the flags that name one letter.
func (p *program) letterPlace() (place func() (at deadletter.Place, given bool, err error)) {
	partition := p.flags.Int("partition", -1, "`number` of the letter's partition")
	offset := p.flags.Int64("offset", -1, "the letter's `offset`")
	return func() (deadletter.Place, bool, error) {
		given := *partition >= 0 && *offset >= 0
		if !given && (*partition >= 0 || *offset >= 0) {
			return deadletter.Place{}, false, misuse{errors.New("-partition and -offset name a dead letter together")}
		}
		return deadletter.Place{Partition: int32(*partition), Offset: *offset}, given, nil
	}
}

// listLetters prints a line for each dead letter.
func (p *program) listLetters() func(context.Context) error {
	open := p.letterBox()
	return func(ctx context.Context) error {
		box, err := open()
		if err != nil {
			return err
		}
		defer box.Close()
		return p.writeLetters(box.Letters(ctx))
	}
}

func (p *program) writeLetters(letters iter.Seq2[deadletter.Letter, error]) error {
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PARTITION\tOFFSET\tTIME\tFROM\tERROR")
	for l, err := range letters {
		if err != nil {
			return errors.Join(w.Flush(), err)
		}
		first, _, _ := strings.Cut(l.Message, "\n")
		fmt.Fprintf(w, "%d\t%d\t%s\t%s\t%s\n", l.Record.Partition, l.Record.Offset, l.Time.UTC().Format(time.RFC3339), l.Source(), printable(first))
	}
	return w.Flush()
}

// showLetter prints a dead letter.
func (p *program) showLetter() func(context.Context) error {
	open, place := p.letterBox(), p.letterPlace()
	return func(ctx context.Context) error {
		at, given, err := place()
		if err == nil && !given {
			err = misuse{errors.New("dlq show: -partition and -offset are missing: dlq list has them")}
		}
		if err != nil {
			return err
		}
		box, err := open()
		if err != nil {
			return err
		}
		defer box.Close()
		l, err := box.Letter(ctx, at)
		if err != nil {
			return err
		}
		fmt.Fprintf(p.stdout, "from       %s\ntime       %s\nexception  %s\nmessage    %s\n", l.Source(),
			l.Time.UTC().Format(time.RFC3339Nano), printable(l.Exception), printable(l.Message))
		for _, h := range l.Headers {
			if !strings.HasPrefix(h.Key, "__streams.errors.") {
				fmt.Fprintf(p.stdout, "header     %s = %q\n", printable(h.Key), h.Value)
			}
		}
		writeBytes(p.stdout, "key", l.Key)
		writeBytes(p.stdout, "value", l.Value)
		fmt.Fprintf(p.stdout, "trace\n%s\n", printable(l.Stack))
		return nil
	}
}

// writeBytes prints bytes as text where they are text, else in hexadecimal.
func writeBytes(w io.Writer, name string, b []byte) {
	switch {
	case b == nil:
		fmt.Fprintf(w, "%-10s (null)\n", name)
	case utf8.Valid(b) && printable(string(b)) == string(b):
		fmt.Fprintf(w, "%-10s %s\n", name, b)
	default:
		fmt.Fprintf(w, "%-10s %d bytes\n%s", name, len(b), hex.Dump(b))
	}
}

// printable keeps what comes from records from steering the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return utf8.RuneError
	}, s)
}

// replayLetters sends dead letters back. Without -execute it only lists them.
func (p *program) replayLetters() func(context.Context) error {
	open, place := p.letterBox(), p.letterPlace()
	execute := p.flags.Bool("execute", false, "do it, rather than list what would be sent")
	return func(ctx context.Context) error {
		at, one, err := place()
		if err != nil {
			return err
		}
		box, err := open()
		if err != nil {
			return err
		}
		defer box.Close()
		letters := box.Waiting(ctx)
		if one {
			letters = func(yield func(deadletter.Letter, error) bool) { yield(box.Letter(ctx, at)) }
		}
		if !*execute {
			if err := p.writeLetters(letters); err != nil {
				return err
			}
			fmt.Fprintln(p.stdout, "nothing was sent: add -execute to do it")
			return nil
		}
		sent, err := box.Replay(ctx, letters, !one)
		fmt.Fprintf(p.stdout, "sent %d dead letters back\n", sent)
		return err
	}
}
