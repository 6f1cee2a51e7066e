package graph

import (
	"errors"
	"maps"
	"regexp"
	"strings"
	"testing"
)

type counts = map[string]int32

func TestPartitions(t *testing.T) {
	tests := []struct {
		name  string
		draw  func(s *sketch)
		input counts
		want  counts // internal topics, without the prefix
		tasks string
	}{
		{"repartition and changelog", func(s *sketch) {
			s.keep(s.process("count", s.internal("r", 0, s.read("in"))), &Store{Name: "counts", Kind: KeyValueStore, Logged: true})
		}, counts{"in": 4, "else": 9}, counts{"r": 4, "counts-changelog": 4}, "0:4 1:4"},
		{"the largest input counts", func(s *sketch) {
			s.keep(s.process("count", s.internal("r", 0, s.process("merge", s.read("a", "b"), s.read("c")))),
				&Store{Name: "counts", Kind: KeyValueStore, Logged: true})
		}, counts{"a": 2, "b": 7, "c": 5}, counts{"r": 7, "counts-changelog": 7}, "0:7 1:7"},
		{"fixed by the user", func(s *sketch) {
			s.keep(s.process("count", s.internal("r", 2, s.read("in"))), &Store{Name: "counts", Kind: KeyValueStore, Logged: true})
		}, counts{"in": 4}, counts{"r": 2, "counts-changelog": 2}, "0:4 1:2"},
		{"behind another repartition", func(s *sketch) {
			s.internal("r2", 0, s.process("p", s.internal("r1", 0, s.read("in")), s.read("small")))
		}, counts{"in": 6, "small": 2}, counts{"r1": 6, "r2": 6}, "0:6 1:6 2:6"},
		{"written twice", func(s *sketch) {
			s.b.AddRepartition(&Repartition{Name: "r"})
			s.write("r", s.process("p", s.read("a")))
			b := s.read("b")
			s.b.Add(&Node{Name: "more", Kind: SinkNode, Sink: &Sink{Topic: Topic{Name: "r", Internal: true}}}, b)
			s.reread("r")
		}, counts{"a": 2, "b": 3}, counts{"r": 3}, "0:2 1:3 2:3"},
		{"no changelog", func(s *sketch) {
			n := s.process("p", s.read("in"))
			s.keep(n, &Store{Name: "scratch", Kind: KeyValueStore})
			s.keep(n, &Store{Name: "rows", Kind: KeyValueStore, Logged: true, SourceTopic: &Topic{Name: "in"}})
		}, counts{"in": 2}, counts{}, "0:2"},
		{"global store", func(s *sketch) {
			n := s.process("g", s.read("global"))
			st := s.keep(n, &Store{Name: "g", Kind: KeyValueStore, Logged: true, Global: true})
			st.Nodes = append(st.Nodes, n)
			s.read("in")
		}, counts{"in": 2, "global": 5}, counts{}, "1:2"},
		{"a free one is raised to the other free one", func(s *sketch) {
			s.join("join", s.internal("r1", 0, s.read("a")), s.internal("r2", 0, s.read("b")))
		}, counts{"a": 2, "b": 8}, counts{"r1": 8, "r2": 8}, "0:2 1:8 2:8"},
		{"a fixed one decides", func(s *sketch) {
			s.join("join", s.internal("r1", 0, s.read("a")), s.internal("r2", 3, s.read("b")))
		}, counts{"a": 2, "b": 8}, counts{"r1": 3, "r2": 3}, "0:2 1:3 2:8"},
		{"a topic that exists decides, upwards", func(s *sketch) {
			s.join("join", s.internal("r", 0, s.read("a")), s.read("t"))
		}, counts{"a": 2, "t": 8}, counts{"r": 8}, "0:2 1:8"},
		{"a topic that exists decides, downwards", func(s *sketch) {
			s.join("join", s.internal("r", 0, s.read("a")), s.read("t"))
		}, counts{"a": 8, "t": 2}, counts{"r": 2}, "0:8 1:2"},
		{"groups in a chain", func(s *sketch) {
			r1, r2 := s.internal("r1", 0, s.read("a")), s.internal("r2", 0, s.read("b"))
			s.join("j1", r1, r2)
			s.join("j2", r2, s.read("t"))
		}, counts{"a": 1, "b": 2, "t": 8}, counts{"r1": 8, "r2": 8}, "0:1 1:8 2:2"},
		{"foreign-key join", func(s *sketch) {
			left, right := s.read("left"), s.read("right")
			registration := s.internal("registration", 0, left)
			j := s.join("foreign", registration, right)
			s.keep(j, &Store{Name: "subscriptions", Kind: KeyValueStore, Logged: true})
			s.join("resolve", s.internal("response", 0, j), left)
		}, counts{"left": 3, "right": 5}, counts{"registration": 5, "response": 3, "subscriptions-changelog": 5}, "0:3 1:5"},
		{"pattern", func(s *sketch) {
			s.internal("r", 0, s.match("in-.*|app-.*"))
		}, counts{"in-1": 2, "in-2": 4, "xin-3": 9, "app-r": 7}, counts{"r": 4}, "0:4 1:4"},
		{"pattern without a match", func(s *sketch) {
			s.keep(s.process("p", s.match("in-.*")), &Store{Name: "st", Kind: KeyValueStore, Logged: true})
		}, counts{"a": 2}, counts{}, ""},
		{"pattern in a group", func(s *sketch) {
			s.join("j", s.match("in-.*"), s.internal("r", 0, s.read("a")))
		}, counts{"in-1": 3, "in-2": 3, "a": 1}, counts{"r": 3}, "0:3 1:1"},
		{"nobody reads it", func(s *sketch) {
			s.b.AddRepartition(&Repartition{Name: "r"})
			s.write("r", s.read("in"))
		}, counts{"in": 3}, counts{"r": 3}, "0:3"},
		{"not known at the first pass", func(s *sketch) {
			early, late := "early", "late"
			for _, name := range []string{early, late} {
				s.b.AddRepartition(&Repartition{Name: name})
			}
			s.reread(early)
			s.write(early, s.reread(late))
			s.write(late, s.read("in"))
		}, counts{"in": 3}, counts{"early": 3, "late": 3}, "0:3 1:3 2:3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSketch(t)
			tt.draw(s)
			got, tasks, err := Partitions(s.build(), "app", tt.input)
			if err != nil {
				t.Fatal(err)
			}
			want := make(counts)
			for name, n := range tt.want {
				want["app-"+name] = n
			}
			if !maps.Equal(got, want) {
				t.Errorf("partitions are %v, want %v", got, want)
			}
			if text := taskText(t, tasks); text != tt.tasks {
				t.Errorf("tasks are %q, want %q", text, tt.tasks)
			}
		})
	}
}

// taskText is "sub-topology:tasks …". Tasks must come in order.
func taskText(t *testing.T, tasks []TaskID) string {
	t.Helper()
	var parts []string
	for i, id := range tasks {
		last := i+1 == len(tasks) || tasks[i+1].Subtopology != id.Subtopology
		first := i == 0 || tasks[i-1].Subtopology != id.Subtopology
		if !last && tasks[i+1].Partition != id.Partition+1 || first && id.Partition != 0 {
			t.Errorf("tasks are not in order: %v", tasks)
		}
		if last {
			id.Partition++
			parts = append(parts, strings.ReplaceAll(id.String(), "_", ":"))
		}
	}
	return strings.Join(parts, " ")
}

func TestPartitionsErrors(t *testing.T) {
	tests := []struct {
		name  string
		draw  func(s *sketch)
		input counts
		want  []string // lines, in full
	}{
		{"missing topics", func(s *sketch) {
			s.internal("r", 0, s.process("p", s.read("a", "b"), s.read("c")))
			s.read("d")
		}, counts{"b": 1, "c": 0}, []string{
			"input topics do not exist: topic a (a.go:1: Stream), topic c (c.go:1: Stream), topic d (d.go:1: Stream): create them first",
		}},
		{"pattern that a repartition depends on", func(s *sketch) { s.internal("r", 0, s.match("in-.*")) }, counts{"a": 1}, []string{
			"input topics do not exist: any topic that matches in-.* (match.go:1: Stream): create them first",
		}},
		{"topic that feeds itself", func(s *sketch) {
			s.read("in")
			s.b.AddRepartition(&Repartition{Name: "r", Place: "r.go:1"})
			s.write("r", s.reread("r"))
		}, counts{"in": 1}, []string{"r.go:1: topic app-r: its number of partitions follows from no input topic: fix it"}},
		{"patterns that overlap", func(s *sketch) {
			s.match("in-.*")
			s.b.Add(&Node{Name: "x", Kind: SourceNode, Place: "x.go:1", Op: "Stream", Source: &Source{Pattern: regexp.MustCompile("in-1")}})
		}, counts{"in-1": 1}, []string{
			"x.go:1: Stream: topic in-1 is read at match.go:1 already: one source reads a topic, so that patterns must not overlap",
		}},
		{"existing topics differ", func(s *sketch) { s.join("join", s.read("a"), s.read("b")) }, counts{"a": 2, "b": 3}, []string{
			"join.go:1: Join: topics must have equal numbers of partitions: a has 2, b has 3: repartition one side to the number of the other",
		}},
		{"fixed ones differ", func(s *sketch) {
			s.join("join", s.internal("r1", 2, s.read("a")), s.internal("r2", 3, s.read("b")))
		}, counts{"a": 1, "b": 1}, []string{
			"join.go:1: Join: topics must have equal numbers of partitions: app-r1 is fixed at 2, app-r2 is fixed at 3: repartition one side to the number of the other",
		}},
		{"a fixed one differs from an existing one", func(s *sketch) {
			s.join("join", s.internal("r", 2, s.read("a")), s.read("b"))
		}, counts{"a": 1, "b": 3}, []string{
			"join.go:1: Join: topics must have equal numbers of partitions: app-r is fixed at 2, b has 3: repartition one side to the number of the other",
		}},
		{"the second join of a re-keyed stream", func(s *sketch) {
			r := s.internal("r", 0, s.read("a"))
			s.join("first", r, s.read("t1"))
			s.join("second", r, s.read("t2"))
		}, counts{"a": 2, "t1": 2, "t2": 3}, []string{
			"second.go:1: Join: topics must have equal numbers of partitions: t1 has 2, t2 has 3, while app-r can have any: repartition one side to the number of the other",
		}},
		{"two joins", func(s *sketch) {
			a := s.read("a")
			s.join("first", a, s.read("b"))
			s.join("second", a, s.read("c"))
			s.join("third", s.read("d"), s.read("e"))
		}, counts{"a": 2, "b": 3, "c": 4, "d": 1, "e": 1}, []string{
			"first.go:1: Join: topics must have equal numbers of partitions: a has 2, b has 3, c has 4: repartition one side to the number of the other",
			"second.go:1: Join: topics must have equal numbers of partitions: a has 2, b has 3, c has 4: repartition one side to the number of the other",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSketch(t)
			tt.draw(s)
			internal, tasks, err := Partitions(s.build(), "app", tt.input)
			if err == nil {
				t.Fatalf("no error, but %v and %v", internal, tasks)
			}
			if want := strings.Join(tt.want, "\n"); err.Error() != want {
				t.Errorf("error is\n%s, want\n%s", err, want)
			}
		})
	}
}

func TestPartitionsErrorTypes(t *testing.T) {
	s := newSketch(t)
	s.join("join", s.read("a"), s.read("b"))
	top := s.build()
	_, _, err := Partitions(top, "app", counts{"a": 1})
	if missing, ok := errors.AsType[*MissingTopicsError](err); !ok || len(missing.Topics) != 1 || missing.Topics[0].Name != "b" {
		t.Errorf("error is %v", err)
	}
	_, _, err = Partitions(top, "app", counts{"a": 1, "b": 2})
	if differ, ok := errors.AsType[*CopartitionError](err); !ok || differ.Op != "Join" || len(differ.Topics) != 2 {
		t.Errorf("error is %v", err)
	}
}
