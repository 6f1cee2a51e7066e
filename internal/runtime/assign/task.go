package assign

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// TaskID names a task: a sub-topology pinned to one partition number. Its text form is "<sub-topology>_<partition>".
type TaskID struct {
	Subtopology int32
	Partition   int32
}

// String returns the text form, for example "0_3".
func (id TaskID) String() string {
	return strconv.Itoa(int(id.Subtopology)) + "_" + strconv.Itoa(int(id.Partition))
}

// Compare orders task ids by sub-topology, then by partition.
func (id TaskID) Compare(other TaskID) int {
	return cmp.Or(cmp.Compare(id.Subtopology, other.Subtopology), cmp.Compare(id.Partition, other.Partition))
}

// ParseTaskID is the inverse of [TaskID.String]. It accepts only what String writes for ids that are not negative.
func ParseTaskID(s string) (TaskID, error) {
	sub, partition, ok := strings.Cut(s, "_")
	a, errA := strconv.ParseInt(sub, 10, 32)
	b, errB := strconv.ParseInt(partition, 10, 32)
	id := TaskID{int32(a), int32(b)}
	if !ok || errA != nil || errB != nil || a < 0 || b < 0 || id.String() != s {
		return TaskID{}, fmt.Errorf("task id %q: want <sub-topology>_<partition>", s)
	}
	return id, nil
}

// Task is one unit of work to be placed.
type Task struct {
	ID TaskID
	// Stateful says that the task has stores with a changelog. Only such tasks have standbys and warm-ups.
	Stateful bool
	// EndOffset is the sum of the end offsets of the task's changelogs, or EndUnknown.
	EndOffset int64
}

// EndUnknown is the end offset of a task whose changelogs could not be asked. Nobody counts as caught up with it except
// the member that runs it, so that the task stays where it runs.
const EndUnknown int64 = -1
