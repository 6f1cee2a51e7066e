package conformance

import "strings"

// Run is what an implementation did with a case. Lists per event are indexed
// by event; events beyond the end of a list have none.
type Run struct {
	Describe            string // before the start, internal topics without the application id
	Subtopologies       []Subtopology
	CopartitionGroups   [][]string
	BranchNames         map[string][]string
	QueryableStoreNames map[string]*string

	Outputs      [][]Record // topics other than internal ones
	Repartitions [][]Record // repartition, subscription and response topics
	Changelogs   [][]Record
	Calls        [][]Call

	Stores  map[string]Store
	Dropped int64
	Error   *RunError // nil: the run went through
}

// Record is a record as it stands in a topic. A nil key or value is null.
type Record struct {
	Topic   string
	Key     []byte
	Value   []byte
	Time    int64
	Headers []Header
}

// RunError says where a run ended early.
type RunError struct {
	Phase Phase
	Event int // in the phase event
	Err   error
}

func (e *RunError) Error() string { return string(e.Phase) + ": " + e.Err.Error() }

func (e *RunError) Unwrap() error { return e.Err }

// Produced adds a record that an event produced, to the list that its topic
// belongs to.
func (r *Run) Produced(event int, rec Record) {
	switch {
	case !strings.HasPrefix(rec.Topic, AppID+"-"):
		r.Outputs = appendAt(r.Outputs, event, rec)
	case strings.HasSuffix(rec.Topic, "-changelog"):
		r.Changelogs = appendAt(r.Changelogs, event, rec)
	default:
		r.Repartitions = appendAt(r.Repartitions, event, rec)
	}
}

// Called adds a call of a peek or foreach step.
func (r *Run) Called(event int, step string, key, value any) {
	r.Calls = appendAt(r.Calls, event, Call{Step: step, Key: JSON(key), Value: JSON(value)})
}

// appendAt appends to the list of one event, which may be beyond the end.
func appendAt[T any](lists [][]T, event int, v T) [][]T {
	for len(lists) <= event {
		lists = append(lists, nil)
	}
	lists[event] = append(lists[event], v)
	return lists
}

// at is the list of one event.
func at[T any](lists [][]T, event int) []T {
	if event < len(lists) {
		return lists[event]
	}
	return nil
}
