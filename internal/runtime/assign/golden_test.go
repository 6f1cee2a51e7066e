package assign

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the results of this run into testdata")

// TestGolden runs the scripts in testdata. A script has one command a line:
//
//	# comment
//	config standbys=1 lag=100 warmups=2 racks=zone,rack
//	tasks <sub-topology> <partitions> [stateful] [end=<offset>|end=unknown]
//	end <task> <offset>                     changes the end of one task
//	member <id> [process=] [instance=] [owned=0_0,…] [standby=0_1,…] [warmup=…]
//	       [offsets=0_0:active,0_1:90,0_2:unknown] [zone=a …]
//	leave <id>
//	catchup                                 every warm-up and standby reaches the end
//	forget                                  nothing runs any more; state stays on disk
//	assign                                  prints the assignment and makes it the state of the members
//
// The output of assign follows it, up to an empty line.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts in testdata: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got, err := runScript(string(want))
			if err != nil {
				t.Fatal(err)
			}
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			} else if !bytes.Equal(got, want) {
				t.Errorf("%s differs, got:\n%s", file, got)
			}
		})
	}
}

// script is a group that takes commands.
type script struct {
	cfg     Config
	members map[string]*Member
	tasks   map[TaskID]*Task
}

func runScript(text string) ([]byte, error) {
	s := &script{members: make(map[string]*Member), tasks: make(map[TaskID]*Task)}
	var out bytes.Buffer
	skipping := false
	for i, line := range strings.SplitAfter(text, "\n") {
		if skipping {
			skipping = strings.TrimSpace(line) != ""
			continue
		}
		out.WriteString(line)
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] == "#" {
			continue
		}
		if fields[0] == "assign" {
			out.WriteString(s.assign())
			out.WriteString("\n")
			skipping = true
			continue
		}
		if err := s.command(fields); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	return out.Bytes(), nil
}

func (s *script) command(f []string) error {
	switch f[0] {
	case "config":
		return s.config(f[1:])
	case "tasks":
		return s.addTasks(f[1:])
	case "end":
		id, err := ParseTaskID(f[1])
		if err != nil {
			return err
		}
		s.tasks[id].EndOffset, err = strconv.ParseInt(f[2], 10, 64)
		return err
	case "member":
		return s.addMember(f[1], f[2:])
	case "leave":
		delete(s.members, f[1])
	case "catchup":
		for _, m := range s.members {
			for _, id := range slices.Concat(m.Standby, m.Warmup) {
				m.Offsets[id] = s.tasks[id].EndOffset
			}
		}
	case "forget":
		for _, m := range s.members {
			for _, id := range m.Owned {
				if m.Offsets[id] == OffsetActive {
					m.Offsets[id] = s.tasks[id].EndOffset
				}
			}
			m.Owned, m.Standby, m.Warmup = nil, nil, nil
		}
	default:
		return fmt.Errorf("unknown command %q", f[0])
	}
	return nil
}

func (s *script) config(args []string) error {
	for _, arg := range args {
		key, value, _ := strings.Cut(arg, "=")
		n, err := strconv.Atoi(value)
		switch key {
		case "standbys":
			s.cfg.Standbys = n
		case "lag":
			s.cfg.AcceptableLag = int64(n)
		case "warmups":
			s.cfg.MaxWarmups = n
		case "racks":
			s.cfg.RackTags, err = strings.Split(value, ","), nil
		default:
			return fmt.Errorf("unknown setting %q", key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *script) addTasks(f []string) error {
	sub, err := strconv.Atoi(f[0])
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(f[1])
	if err != nil {
		return err
	}
	for p := range n {
		task := Task{ID: TaskID{int32(sub), int32(p)}}
		for _, arg := range f[2:] {
			switch {
			case arg == "stateful":
				task.Stateful = true
			case arg == "end=unknown":
				task.EndOffset = EndUnknown
			case strings.HasPrefix(arg, "end="):
				if task.EndOffset, err = strconv.ParseInt(arg[len("end="):], 10, 64); err != nil {
					return err
				}
			default:
				return fmt.Errorf("unknown argument %q", arg)
			}
		}
		s.tasks[task.ID] = &task
	}
	return nil
}

func (s *script) addMember(id string, args []string) error {
	m := &Member{ID: id, Process: id, Offsets: make(map[TaskID]int64), Tags: make(map[string]string)}
	for _, arg := range args {
		key, value, _ := strings.Cut(arg, "=")
		var err error
		switch key {
		case "process":
			m.Process = value
		case "instance":
			m.Instance = value
		case "owned":
			m.Owned, err = parseIDs(value)
		case "standby":
			m.Standby, err = parseIDs(value)
		case "warmup":
			m.Warmup, err = parseIDs(value)
		case "offsets":
			err = parseOffsets(m.Offsets, value)
		default:
			m.Tags[key] = value
		}
		if err != nil {
			return err
		}
	}
	s.members[id] = m
	return nil
}

func parseIDs(list string) ([]TaskID, error) {
	var ids []TaskID
	for text := range strings.SplitSeq(list, ",") {
		id, err := ParseTaskID(text)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func parseOffsets(to map[TaskID]int64, list string) error {
	for pair := range strings.SplitSeq(list, ",") {
		text, offset, _ := strings.Cut(pair, ":")
		id, err := ParseTaskID(text)
		if err != nil {
			return err
		}
		switch offset {
		case "active":
			to[id] = OffsetActive
		case "unknown":
			to[id] = OffsetUnknown
		case "current":
			to[id] = OffsetCurrent
		default:
			if to[id], err = strconv.ParseInt(offset, 10, 64); err != nil {
				return err
			}
		}
	}
	return nil
}

// assign prints an assignment and applies it.
func (s *script) assign() string {
	var members []Member
	for _, id := range slices.Sorted(maps.Keys(s.members)) {
		members = append(members, *s.members[id])
	}
	var tasks []Task
	for _, task := range s.tasks {
		tasks = append(tasks, *task)
	}
	a := Assign(members, tasks, s.cfg)
	var out strings.Builder
	for _, m := range members {
		fmt.Fprintf(&out, "  %s:", m.ID)
		printIDs(&out, "active", a.Active[m.ID])
		printIDs(&out, "standby", a.Standby[m.ID])
		printIDs(&out, "warmup", a.Warmup[m.ID])
		out.WriteString("\n")
		apply(s.members[m.ID], a, s.tasks)
	}
	if a.MovesPending {
		out.WriteString("  moves pending\n")
	}
	return out.String()
}

func printIDs(out *strings.Builder, role string, ids []TaskID) {
	if len(ids) > 0 {
		fmt.Fprintf(out, " %s %s", role, strings.Trim(fmt.Sprint(ids), "[]"))
	}
}

// apply makes the assignment what member m has: what it runs is whole, what it keeps starts with what it had, and what it
// no longer has stays on disk.
func apply(m *Member, a Assignment, tasks map[TaskID]*Task) {
	for _, id := range m.Owned {
		if m.Offsets[id] == OffsetActive && tasks[id] != nil {
			m.Offsets[id] = tasks[id].EndOffset
		}
	}
	m.Owned = a.Active[m.ID]
	m.Standby, m.Warmup = a.Standby[m.ID], a.Warmup[m.ID]
	for _, id := range m.Owned {
		if tasks[id].Stateful {
			m.Offsets[id] = OffsetActive
		}
	}
	for _, id := range slices.Concat(m.Standby, m.Warmup) {
		if _, ok := m.Offsets[id]; !ok {
			m.Offsets[id] = 0
		}
	}
}
