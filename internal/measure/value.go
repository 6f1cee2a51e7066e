package measure

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Kind is the kind of a Value.
type Kind uint8

// The kinds.
const (
	Counter Kind = iota + 1
	Gauge
	Distribution
)

// Value is a metric of the user, in one node of one task.
type Value struct {
	Name, Help, Node string
	Kind             Kind
	Sum              float64 // of a gauge, its value

	Bounds []float64 // of a distribution: upper bounds, ascending
	Counts []int64   // one more than bounds
}

// Observe counts x in a distribution.
func (v *Value) Observe(x float64) {
	i, _ := slices.BinarySearch(v.Bounds, x)
	v.Counts[i]++
	v.Sum += x
}

var validName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// Prefix is that of the names of the library's own metrics.
const Prefix = "ottla_"

// Value returns the metric of a name in a node, which it makes at the first call.
func (t *Task) Value(v Value) (*Value, error) {
	switch {
	case !validName.MatchString(v.Name):
		return nil, fmt.Errorf("metric %q: the name has to be of lower case letters, digits and '_'", v.Name)
	case strings.HasPrefix(v.Name, Prefix):
		return nil, fmt.Errorf("metric %s: names with %s are the library's own", v.Name, Prefix)
	case v.Kind == Counter && !strings.HasSuffix(v.Name, "_total"):
		return nil, fmt.Errorf("metric %s: the name of a counter ends with _total", v.Name)
	case v.Kind == Distribution && (len(v.Bounds) == 0 || !slices.IsSorted(v.Bounds)):
		return nil, fmt.Errorf("metric %s: a histogram needs upper bounds in ascending order", v.Name)
	}
	for _, old := range t.Values {
		if old.Name != v.Name {
			continue
		}
		if old.Kind != v.Kind || old.Help != v.Help || !slices.Equal(old.Bounds, v.Bounds) {
			return nil, fmt.Errorf("metric %s: node %s has another one of this name: kind, help and bounds have to be equal", v.Name, old.Node)
		}
		if old.Node == v.Node {
			return old, nil
		}
	}
	v.Bounds = slices.Clone(v.Bounds)
	if v.Kind == Distribution {
		v.Counts = make([]int64, len(v.Bounds)+1)
	}
	t.Values = append(t.Values, &v)
	return &v, nil
}
