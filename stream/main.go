package stream

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/ottla-streams/ottla/topology"
)

// Main makes a program of an app. It is all that a func main does:
//
//	func main() { stream.Main(stream.Config{ID: "wordcount"}, wordcount) }
//
// The program has commands: run, which is the default, describe, topics, reset,
// dlq list, dlq show, dlq replay, help and version. What c leaves open is set by
// environment variables and flags: a flag beats the environment, and that beats
// c; help lists them. An interrupt or SIGTERM stops the app as [App.Run] does
// when its context ends, a second one kills it.
//
// Main does not return. It exits with 0, with 1 after an error, which it writes
// to standard error, or with 2 if it was called in a wrong way.
func Main(c Config, build func() (*topology.Topology, error)) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(mainWith(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr, c, build))
}

// The exit codes of Main.
const (
	exitDone = iota
	exitFailed
	exitMisused
)

// program is one run of Main.
type program struct {
	name           string
	stdout, stderr io.Writer
	config         Config
	build          func() (*topology.Topology, error)
	flags          *flag.FlagSet
}

// command is what a program can do.
type command struct {
	name, usage string
	settings    bool // takes the flags of Config
	// prepare adds the command's flags and returns what it does with them.
	prepare func(p *program) func(ctx context.Context) error
}

var commands = []command{
	{"run", "run the app until it is stopped; the default", true, (*program).run},
	{"describe", "print the topology", true, (*program).describe},
	{"topics", "print the internal topics and the rights that the app needs", true, (*program).topics},
	{"reset", "start over: delete internal topics and state, and set back offsets", true, (*program).reset},
	{"dlq list", "list the dead letters", true, (*program).listLetters},
	{"dlq show", "print a dead letter with its bytes and its error", true, (*program).showLetter},
	{"dlq replay", "send dead letters back to the topics they came from", true, (*program).replayLetters},
	{"help", "print this text", false, nil},
	{"version", "print the versions of the program, of ottla and of Go", false, (*program).version},
}

// misuse is an error of those who called the program.
type misuse struct{ error }

// mainWith is Main without the process around it. It returns the exit code.
func mainWith(ctx context.Context, args []string, env func(string) string, stdout, stderr io.Writer, c Config,
	build func() (*topology.Topology, error)) int {
	p := &program{name: filepath.Base(os.Args[0]), stdout: stdout, stderr: stderr, config: c, build: build}
	err := p.execute(ctx, args, env)
	var wrong misuse
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, flag.ErrHelp):
		p.help(stdout)
		return exitDone
	case errors.As(err, &wrong):
		fmt.Fprintf(stderr, "%s: %v\n\n", p.name, err)
		p.help(stderr)
		return exitMisused
	}
	fmt.Fprintf(stderr, "%s: %v\n", p.name, err)
	return exitFailed
}

func (p *program) execute(ctx context.Context, args []string, env func(string) string) error {
	name := "run"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		name, args = args[0], args[1:]
	}
	if len(args) > 0 && findCommand(name+" "+args[0]) != nil {
		name, args = name+" "+args[0], args[1:]
	}
	cmd := findCommand(name)
	if cmd == nil {
		return misuse{fmt.Errorf("command %q is unknown", name)}
	}
	if cmd.prepare == nil {
		return flag.ErrHelp
	}
	p.flags = flag.NewFlagSet(name, flag.ContinueOnError)
	p.flags.SetOutput(io.Discard)
	p.flags.Usage = func() {}
	execute := cmd.prepare(p)
	if cmd.settings {
		if err := applyEnv(&p.config, env); err != nil {
			return misuse{err}
		}
		addFlags(p.flags, &p.config)
	}
	switch err := p.flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return err
	case err != nil:
		return misuse{fmt.Errorf("%s: %w", name, err)}
	case p.flags.NArg() > 0:
		return misuse{fmt.Errorf("%s: argument %q is one too many", name, p.flags.Arg(0))}
	}
	return execute(ctx)
}

func findCommand(name string) *command {
	for i := range commands {
		if commands[i].name == name {
			return &commands[i]
		}
	}
	return nil
}

// run runs the app until ctx ends.
func (p *program) run() func(context.Context) error {
	return func(ctx context.Context) error {
		t, err := p.build()
		if err != nil {
			return err
		}
		c := p.config
		c.RestoreListener = newProgress(p.stderr, c.RestoreListener).listen
		app, err := NewApp(t, c)
		if err != nil {
			return err
		}
		return app.Run(ctx)
	}
}

// ready returns the settings with their defaults.
func (p *program) ready() (Config, error) {
	c := p.config.withDefaults()
	return c, c.validate()
}

// version prints the versions that are compiled in.
func (p *program) version() func(context.Context) error {
	return func(context.Context) error {
		info, ok := debug.ReadBuildInfo()
		if !ok {
			info = &debug.BuildInfo{}
		}
		ours := info.Main
		for _, dep := range info.Deps {
			if dep.Path == modulePath {
				ours = *dep
			}
		}
		fmt.Fprintf(p.stdout, "%s %s\n", p.name, orUnknown(info.Main.Version))
		fmt.Fprintf(p.stdout, "ottla %s\n", orUnknown(ours.Version))
		fmt.Fprintf(p.stdout, "%s %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
		return nil
	}
}

const modulePath = "github.com/ottla-streams/ottla"

func orUnknown(version string) string {
	if version == "" {
		return "(unknown)"
	}
	return version
}
