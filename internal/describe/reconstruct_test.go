package describe

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A description can be made from its own text, except for what the text hides:
// the order of creation, and the declared order of every list. Generated names
// tell by their counter when they were taken; a named node counts as made right
// after its parents, a named source right before its children. Lists of names
// are sorted. Where parents were declared in another order, a line before the
// text says so:
//
//	# parents NODE: a, b

var (
	blockLine = regexp.MustCompile(`^ {2,3}Sub-topology: (\d+)( for global store \(will not generate tasks\))?$`)
	nodeLine  = regexp.MustCompile(`^    (Source|Processor|Sink): (\S+) \((topics|stores|topic|extractor class): (.*)\)$`)
	counter   = regexp.MustCompile(`-(\d{10})$`)
	hintLine  = regexp.MustCompile(`^# parents (\S+): (.*)$`)
)

// hints are the parents in declared order by node, from the lines before the text.
type hints map[string][]string

func splitHints(t *testing.T, data string) (hints, string) {
	t.Helper()
	h := hints{}
	for strings.HasPrefix(data, "#") {
		line, rest, _ := strings.Cut(data, "\n")
		m := hintLine.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("not a hint: %s", line)
		}
		h[m[1]] = parseNames(m[2])
		data = rest
	}
	return h, data
}

// parseText reads a text as it stands: every list is in printed order.
func parseText(text string) (Topology, error) {
	var d Topology
	rest, ok := strings.CutPrefix(text, "Topologies:\n ")
	if !ok {
		return d, fmt.Errorf("unexpected start %.20q", text)
	}
	for line := range strings.Lines(rest) {
		line = strings.TrimSuffix(line, "\n")
		if m := blockLine.FindStringSubmatch(" " + line); m != nil {
			id, _ := strconv.Atoi(m[1])
			d.Subtopologies = append(d.Subtopologies, Subtopology{ID: id, Global: m[2] != ""})
			continue
		}
		if line == "" {
			continue
		}
		if len(d.Subtopologies) == 0 {
			return d, fmt.Errorf("line %q before the first block", line)
		}
		s := &d.Subtopologies[len(d.Subtopologies)-1]
		if err := s.parseLine(line); err != nil {
			return d, err
		}
	}
	return d, nil
}

func (s *Subtopology) parseLine(line string) error {
	if m := nodeLine.FindStringSubmatch(line); m != nil {
		s.Nodes = append(s.Nodes, parseNode(m))
		return nil
	}
	if len(s.Nodes) == 0 {
		return fmt.Errorf("line %q before the first node", line)
	}
	n := &s.Nodes[len(s.Nodes)-1]
	if list, ok := strings.CutPrefix(line, "      --> "); ok {
		n.Children = parseNames(list)
	} else if list, ok := strings.CutPrefix(line, "      <-- "); ok {
		n.Parents = parseNames(list)
	} else {
		return fmt.Errorf("line %q is unknown", line)
	}
	return nil
}

func parseNode(m []string) Node {
	n := Node{Name: m[2]}
	list, inBrackets := strings.CutPrefix(m[4], "[")
	var items []string
	if list = strings.TrimSuffix(list, "]"); list != "" {
		items = strings.Split(list, ", ")
	}
	switch m[1] {
	case "Source":
		n.Kind = Source
		if inBrackets {
			n.Topics = items
		} else {
			n.Pattern = m[4]
		}
	case "Processor":
		n.Kind, n.Stores = Processor, items
	case "Sink":
		n.Kind = Sink
		if m[3] == "topic" {
			n.Topic = m[4]
		} else {
			n.TopicFunc = m[4]
		}
	}
	return n
}

func parseNames(list string) []string {
	if list == "none" {
		return nil
	}
	return strings.Split(list, ", ")
}

// unprint replaces every printed order by the declared one, as far as it can be
// known.
func (s *Subtopology) unprint(h hints) {
	times := creationTimes(s.Nodes)
	byTime := func(a, b string) int {
		return cmp.Or(cmp.Compare(times[a], times[b]), strings.Compare(a, b))
	}
	for i := range s.Nodes {
		n := &s.Nodes[i]
		slices.SortFunc(n.Children, byTime)
		slices.SortFunc(n.Parents, byTime)
		slices.Sort(n.Topics)
		slices.Sort(n.Stores)
		if list, ok := h[n.Name]; ok {
			n.Parents = list
		}
	}
	slices.SortFunc(s.Nodes, func(a, b Node) int { return byTime(a.Name, b.Name) })
	s.Nodes = parentsFirst(s.Nodes)
}

// creationTimes tells when each node was made, on the scale of the counter.
func creationTimes(nodes []Node) map[string]float64 {
	const soon = 1.0 / 1024
	times := make(map[string]float64)
	byName := make(map[string]Node)
	for _, n := range nodes {
		byName[n.Name] = n
	}
	var timeOf func(Node) float64
	timeOf = func(n Node) float64 {
		if t, ok := times[n.Name]; ok {
			return t
		}
		var t float64
		if m := counter.FindStringSubmatch(n.Name); m != nil {
			t, _ = strconv.ParseFloat(m[1], 64)
		} else if n.Kind == Source {
			t = math.Inf(1)
			for _, c := range n.Children {
				t = min(t, timeOf(byName[c])-soon)
			}
		} else {
			for _, p := range n.Parents {
				// A parent that waits for this one is not known yet.
				if byName[p].Kind != Source || counter.MatchString(p) {
					t = max(t, timeOf(byName[p])+soon)
				}
			}
		}
		times[n.Name] = t
		return t
	}
	for _, n := range nodes {
		timeOf(n)
	}
	return times
}

// parentsFirst moves nodes behind their parents, and else keeps the order.
func parentsFirst(nodes []Node) []Node {
	var sorted []Node
	done := make(map[string]bool)
	for len(sorted) < len(nodes) {
		i := slices.IndexFunc(nodes, func(n Node) bool {
			return !done[n.Name] && !slices.ContainsFunc(n.Parents, func(p string) bool { return !done[p] })
		})
		if i < 0 {
			panic("the text describes a cycle")
		}
		done[nodes[i].Name] = true
		sorted = append(sorted, nodes[i])
	}
	return sorted
}

// reconstruct returns the description behind a text.
func reconstruct(h hints, text string) (Topology, error) {
	d, err := parseText(text)
	for i := range d.Subtopologies {
		d.Subtopologies[i].unprint(h)
	}
	return d, err
}
