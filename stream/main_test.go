package stream

import (
	"bytes"
	"errors"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/topology"
)

func wordcount() (*topology.Topology, error) {
	b := NewBuilder()
	b.Stream(topology.NewTopic("lines", serde.String, serde.String)).
		GroupBy(func(_, word string) string { return word }).
		Count(state.KeyValue("counts", serde.String, serde.Int64)).
		To(topology.NewTopic("totals", serde.String, serde.Int64))
	return b.Build()
}

// call runs the program with a Config whose id is "config".
func call(t *testing.T, env map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	c := Config{ID: "config", StateDir: t.TempDir()}
	code = mainWith(t.Context(), args, func(name string) string { return env[name] }, &out, &errs, c, wordcount)
	return code, out.String(), errs.String()
}

func TestMainHelp(t *testing.T) {
	for _, args := range [][]string{{"help"}, {"-h"}, {"--help"}, {"topics", "-h"}} {
		code, out, errs := call(t, nil, args...)
		if code != 0 || errs != "" {
			t.Errorf("%v: code %d, %s", args, code, errs)
		}
		for _, want := range []string{"usage: stream.test [command] [flags]", "flags of describe", "flags of reset", "-to position"} {
			if !strings.Contains(out, want) {
				t.Errorf("%v: help lacks %q:\n%s", args, want, out)
			}
		}
		for _, c := range commands {
			if !strings.Contains(out, "\n  "+c.name+" ") {
				t.Errorf("%v: help lacks the command %s", args, c.name)
			}
		}
		for _, s := range settings {
			if !strings.Contains(out, "-"+s.flag+" ") || !strings.Contains(out, s.env()) {
				t.Errorf("%v: help lacks %s", args, s.flag)
			}
		}
	}
}

func TestMainMisuse(t *testing.T) {
	tests := []struct {
		name string
		env  map[string]string
		args []string
		want string
	}{
		{"command", nil, []string{"fly"}, `command "fly" is unknown`},
		{"flag", nil, []string{"run", "-fly"}, "run: flag provided but not defined: -fly"},
		{"flag of the default command", nil, []string{"--fly"}, "run: flag provided but not defined: -fly"},
		{"flag of another command", nil, []string{"version", "-brokers", "x"}, "version: flag provided but not defined: -brokers"},
		{"argument", nil, []string{"topics", "lines"}, `topics: argument "lines" is one too many`},
		{"form", nil, []string{"describe", "-o", "svg"}, `describe: form "svg" is unknown: want text, json, dot, mermaid or asyncapi`},
		{"number", nil, []string{"-workers", "many"}, `run: invalid value "many" for flag -workers: want a whole number`},
		{"large number", nil, []string{"-replication-factor", "40000"}, `run: invalid value "40000" for flag -replication-factor: want a whole number`},
		{"time", nil, []string{"-commit-interval", "5"}, `run: invalid value "5" for flag -commit-interval: want a time such as 500ms or 2s`},
		{"guarantee", nil, []string{"-guarantee", "always"}, `run: invalid value "always" for flag -guarantee: want at-least-once or exactly-once`},
		{"truth", nil, []string{"-check-topics-only=maybe"}, `run: invalid boolean value "maybe" for -check-topics-only: want true or false`},
		{"log level", map[string]string{"OTTLA_LOG_LEVEL": "loud"}, nil, `OTTLA_LOG_LEVEL: value "loud": want debug, info, warn or error`},
		{"empty broker", nil, []string{"-brokers", "a,,b"}, `run: invalid value "a,,b" for flag -brokers: an entry of the list is empty`},
		{"environment", map[string]string{"OTTLA_BROKERS": ","}, nil, `OTTLA_BROKERS: value ",": an entry of the list is empty`},
		{"position", nil, []string{"reset", "-to", "yesterday"}, `reset: -to: position "yesterday": want earliest, latest, `},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, out, errs := call(t, tt.env, tt.args...)
			if code != 2 || out != "" {
				t.Errorf("code %d, output %q", code, out)
			}
			if !strings.HasPrefix(errs, "stream.test: "+tt.want) || !strings.Contains(errs, "\n\nusage: ") {
				t.Errorf("errors are\n%s, want %s", errs, tt.want)
			}
		})
	}
}

func TestMainErrors(t *testing.T) {
	for _, args := range [][]string{{"run"}, {"describe"}, {"topics"}, {"reset"}} {
		var out, errs bytes.Buffer
		build := func() (*topology.Topology, error) { return nil, errors.New("main.go:7: Count: no serde") }
		code := mainWith(t.Context(), args, func(string) string { return "" }, &out, &errs, Config{ID: "app"}, build)
		if code != 1 || out.Len() > 0 || errs.String() != "stream.test: main.go:7: Count: no serde\n" {
			t.Errorf("%v: code %d, output %q, errors %q", args, code, &out, &errs)
		}
	}
}

func TestMainDescribe(t *testing.T) {
	top, err := wordcount()
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := top.JSON()
	if err != nil {
		t.Fatal(err)
	}
	for form, want := range map[string]string{"text": top.Describe(), "dot": top.DOT(), "mermaid": top.Mermaid(), "json": string(asJSON)} {
		if code, out, errs := call(t, nil, "describe", "-o", form); code != 0 || out != want {
			t.Errorf("%s: code %d, errors %s, output\n%s", form, code, errs, out)
		}
	}
	if code, out, _ := call(t, nil, "describe"); code != 0 || out != top.Describe() {
		t.Errorf("by default: code %d, output\n%s", code, out)
	}
}

func TestMainTopics(t *testing.T) {
	code, out, errs := call(t, nil, "topics")
	if code != 0 || errs != "" {
		t.Fatalf("code %d, %s", code, errs)
	}
	for _, part := range []string{
		"internal topics of app config:\n\nconfig-counts-repartition\n  repartition of sub-topology 1, as many partitions as lines\n" +
			"  cleanup.policy=delete\n  message.timestamp.type=CreateTime\n  retention.ms=-1\n  segment.bytes=52428800\n",
		"\nconfig-counts-changelog\n  changelog of sub-topology 1, as many partitions as config-counts-repartition\n" +
			"  cleanup.policy=compact\n  message.timestamp.type=CreateTime\n",
		"\nrights that its user needs:\n\nREAD on topic lines\nWRITE on topic totals\nCREATE, READ, WRITE, DELETE on each topic that begins with config-",
		"\nREAD on group config\n",
	} {
		if !strings.Contains(out, part) {
			t.Errorf("output lacks\n%s\nin\n%s", part, out)
		}
	}
}

// A flag beats the environment, which beats the program.
func TestMainPrecedence(t *testing.T) {
	tests := []struct {
		env  map[string]string
		args []string
		want string
	}{
		{nil, nil, "config"},
		{map[string]string{"OTTLA_ID": ""}, nil, "config"},
		{map[string]string{"OTTLA_ID": "env"}, nil, "env"},
		{map[string]string{"OTTLA_ID": "env"}, []string{"--id=flag"}, "flag"},
		{nil, []string{"-id", "flag"}, "flag"},
		{nil, []string{"-check-topics-only", "-id", "flag"}, "flag"},
	}
	for _, tt := range tests {
		code, out, errs := call(t, tt.env, append([]string{"topics"}, tt.args...)...)
		if !strings.HasPrefix(out, "internal topics of app "+tt.want+":") {
			t.Errorf("%v, %v: code %d, %s%s", tt.env, tt.args, code, out, errs)
		}
	}
}

func TestSettings(t *testing.T) {
	values := map[string]string{
		"brokers": "a:1, b:2", "id": "app", "state-dir": "dir", "workers": "3", "guarantee": "exactly-once", "commit-interval": "20ms",
		"session-timeout": "7s", "cache-bytes": "-1", "replication-factor": "2", "check-topics-only": "true", "orphan-state": "true",
		"standbys": "2", "memory-bytes": "1000000000", "log-level": "WARN",
	}
	var c Config
	env := make(map[string]string)
	for _, s := range settings {
		if values[s.flag] == "" {
			t.Errorf("%s is not tested", s.flag)
		}
		env[s.env()] = values[s.flag]
	}
	if err := applyEnv(&c, func(name string) string { return env[name] }); err != nil {
		t.Fatal(err)
	}
	if c.Logger == nil || c.Logger.Enabled(t.Context(), slog.LevelInfo) {
		t.Error("the log level is not set")
	}
	c.Logger = nil
	want := Config{
		Brokers: []string{"a:1", "b:2"}, ID: "app", StateDir: "dir", Workers: 3, Guarantee: ExactlyOnce, CommitInterval: 20 * time.Millisecond,
		SessionTimeout: 7 * time.Second, CacheBytes: -1, ReplicationFactor: 2, CheckTopicsOnly: true, OrphanState: true,
		Standbys: 2, MemoryBytes: 1_000_000_000,
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("config is %+v", c)
	}
}

func TestMainVersion(t *testing.T) {
	code, out, _ := call(t, nil, "version")
	if lines := strings.Split(out, "\n"); code != 0 || len(lines) != 4 || !strings.HasPrefix(lines[1], "ottla ") || !strings.HasPrefix(lines[2], "go1.") {
		t.Errorf("code %d, output %q", code, out)
	}
}
