package stream

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// setting is a field of Config that those who start a program can set: by a flag,
// or by an environment variable, which is the flag's name in capitals behind
// OTTLA_, with underscores.
type setting struct {
	flag, value string // value stands for the value in the usage; empty for true and false
	usage       string
	set         func(c *Config, text string) error
}

// settings are all of them.
var settings = []setting{
	{"brokers", "HOST:PORT,…", "some brokers of the cluster (default localhost:9092)", func(c *Config, text string) error {
		return setList(&c.Brokers, text)
	}},
	{"id", "ID", "application id: the consumer group, and the prefix of internal topics", func(c *Config, text string) error {
		c.ID = text
		return nil
	}},
	{"state-dir", "FOLDER", "folder of the state (default ottla in the user's cache folder)", func(c *Config, text string) error {
		c.StateDir = text
		return nil
	}},
	{"workers", "N", "goroutines that run tasks (default one per CPU)", func(c *Config, text string) error {
		return setNumber(&c.Workers, text)
	}},
	{"guarantee", "G", "at-least-once or exactly-once (default at-least-once)", setGuarantee},
	{"commit-interval", "TIME", "time between commits (default 1s, exactly once 100ms)", func(c *Config, text string) error {
		return setTime(&c.CommitInterval, text)
	}},
	{"session-timeout", "TIME", "silence after which an instance's tasks go to others (default 10s)", func(c *Config, text string) error {
		return setTime(&c.SessionTimeout, text)
	}},
	{"standbys", "N", "copies of each stateful task on other instances (default 0)", func(c *Config, text string) error {
		return setNumber(&c.Standbys, text)
	}},
	{"cache-bytes", "N", "size of a task's record cache (default 10 MiB)", func(c *Config, text string) error {
		return setNumber(&c.CacheBytes, text)
	}},
	{"memory-bytes", "N", "bound of records and state in memory (default half of GOMEMLIMIT, or a quarter of what there is)", func(c *Config, text string) error {
		return setNumber(&c.MemoryBytes, text)
	}},
	{"replication-factor", "N", "replicas of topics to create (default the brokers' own)", func(c *Config, text string) error {
		return setNumber(&c.ReplicationFactor, text)
	}},
	{"check-topics-only", "", "create no topics, demand that they exist", func(c *Config, text string) error {
		return setBool(&c.CheckTopicsOnly, text)
	}},
	{"orphan-state", "", "start over state that the topology no longer has", func(c *Config, text string) error {
		return setBool(&c.OrphanState, text)
	}},
	{"log-level", "LEVEL", "debug, info, warn or error (default info)", setLogLevel},
}

func (s setting) env() string {
	return "OTTLA_" + strings.ToUpper(strings.ReplaceAll(s.flag, "-", "_"))
}

func setNumber[N int | int16 | int64](n *N, text string) error {
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil || int64(N(v)) != v {
		return errors.New("want a whole number")
	}
	*n = N(v)
	return nil
}

func setBool(b *bool, text string) error {
	v, err := strconv.ParseBool(text)
	if err != nil {
		return errors.New("want true or false")
	}
	*b = v
	return nil
}

func setTime(d *time.Duration, text string) error {
	v, err := time.ParseDuration(text)
	if err != nil {
		return errors.New("want a time such as 500ms or 2s")
	}
	*d = v
	return nil
}

func setGuarantee(c *Config, text string) error {
	switch text {
	case "at-least-once":
		c.Guarantee = AtLeastOnce
	case "exactly-once":
		c.Guarantee = ExactlyOnce
	default:
		return errors.New("want at-least-once or exactly-once")
	}
	return nil
}

// setLogLevel replaces the program's logger by one that writes to standard error.
func setLogLevel(c *Config, text string) error {
	var level slog.Level
	if err := level.UnmarshalText([]byte(text)); err != nil {
		return errors.New("want debug, info, warn or error")
	}
	c.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	return nil
}

func setList(list *[]string, text string) error {
	parts := strings.Split(text, ",")
	for i, part := range parts {
		if parts[i] = strings.TrimSpace(part); parts[i] == "" {
			return errors.New("an entry of the list is empty")
		}
	}
	*list = parts
	return nil
}

// applyEnv sets what the environment says. Empty variables say nothing.
func applyEnv(c *Config, env func(string) string) error {
	var errs []error
	for _, s := range settings {
		if text := env(s.env()); text != "" {
			if err := s.set(c, text); err != nil {
				errs = append(errs, fmt.Errorf("%s: value %q: %w", s.env(), text, err))
			}
		}
	}
	return errors.Join(errs...)
}

// addFlags adds a flag for each setting.
func addFlags(flags *flag.FlagSet, c *Config) {
	for _, s := range settings {
		set := func(text string) error { return s.set(c, text) }
		if s.value == "" {
			flags.BoolFunc(s.flag, s.usage, set)
		} else {
			flags.Func(s.flag, s.usage, set)
		}
	}
}

// help prints how to call the program.
func (p *program) help(w io.Writer) {
	fmt.Fprintf(w, "usage: %s [command] [flags]\n\ncommands:\n", p.name)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, c := range commands {
		fmt.Fprintf(t, "  %s\t%s\n", c.name, c.usage)
	}
	fmt.Fprintf(t, "\nflags of all commands but help and version, with their environment variables:\n")
	for _, s := range settings {
		fmt.Fprintf(t, "  -%s %s\t%s\t%s\n", s.flag, s.value, s.env(), s.usage)
	}
	for _, c := range commands {
		writeOwnFlags(t, c)
	}
	t.Flush()
}

// writeOwnFlags lists the flags that only one command has.
func writeOwnFlags(w io.Writer, c command) {
	if c.prepare == nil {
		return
	}
	p := &program{flags: flag.NewFlagSet(c.name, flag.ContinueOnError)}
	c.prepare(p)
	first := true
	p.flags.VisitAll(func(f *flag.Flag) {
		if first {
			fmt.Fprintf(w, "\nflags of %s:\n", c.name)
			first = false
		}
		value, usage := flag.UnquoteUsage(f)
		if f.DefValue != "" && f.DefValue != "false" {
			usage += fmt.Sprintf(" (default %s)", f.DefValue)
		}
		fmt.Fprintf(w, "  -%s %s\t%s\n", f.Name, value, usage)
	})
}
