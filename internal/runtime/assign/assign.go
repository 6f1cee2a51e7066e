package assign

import "slices"

// Member is one worker of the group.
type Member struct {
	// ID is the group member id, unique in the group. A second member with the same id is ignored.
	ID string
	// Process names the process and so the state directory. Workers of one process share it: state kept by one is at the
	// hand of all, and a standby there would protect nothing. An empty Process stands for a process of its own.
	Process string
	// Instance is the static membership id, or empty. It only orders members, so that a restart changes no tie.
	Instance string
	// Owned are the tasks that the member runs as active now.
	Owned []TaskID
	// Standby are the tasks that the member keeps as standby now.
	Standby []TaskID
	// Warmup are the tasks that the member warms up now. A warm-up that goes on is preferred over any other move.
	Warmup []TaskID
	// Offsets holds for each task whose state is on disk the sum of its changelog positions, or one of the constants that
	// begin with Offset. A task that is not in the map has no state here.
	Offsets map[TaskID]int64
	// Tags place the member, for example by zone. See Config.RackTags.
	Tags map[string]string
}

const (
	// OffsetActive is the position of a task that runs as active: it has all state there is.
	OffsetActive int64 = -2
	// OffsetUnknown is the position of a task whose state is there to an unknown extent. It counts as no state, and so does
	// a position past the end: that state belongs to another changelog.
	OffsetUnknown int64 = -3
	// OffsetCurrent is the position of a copy that follows its changelogs and that its member found to be caught up when it
	// joined. A position as a number would be an old one by the time it is compared with the ends.
	OffsetCurrent int64 = -4
)

// Config holds the settings of the assignor.
type Config struct {
	// Standbys is how many standbys each stateful task has. Fewer are placed when there are too few processes.
	Standbys int
	// RackTags are the tags whose values should differ between the copies of a task, KIP-708. A process without the tag
	// counts as being in the same place as any other.
	RackTags []string
	// AcceptableLag is the number of changelog records that a process may lack and still count as caught up.
	AcceptableLag int64
	// MaxWarmups is how many warm-ups may run in the group at a time. With 0 or less there are none: tasks move at once
	// and restore at their target before they go on.
	MaxWarmups int
}

// Assignment says what each member, by its id, does next. Lists are sorted; members that have nothing are not in the maps.
type Assignment struct {
	Active  map[string][]TaskID
	Standby map[string][]TaskID
	// Warmup are copies that restore a task ahead of its move to that member.
	Warmup map[string][]TaskID
	// MovesPending says that a task is not at its target yet, because the target lacks state. Assign again once warm-ups
	// have caught up, or after a while.
	MovesPending bool
}

// Assign places tasks on members.
//
//   - Every task is active on exactly one member. Without members nothing is assigned.
//   - Active counts of members differ by at most one, as soon as no moves are pending. Of equal choices it takes the one
//     that spreads the partitions of a sub-topology over members and stateful tasks over processes.
//   - A task stays where it runs, else it goes where its state lies with the least lag. As few tasks move as balance needs.
//   - A stateful task whose target is not caught up stays with the process that is most caught up, and the target gets a
//     warm-up. If no process is caught up, it goes to its target at once.
//   - No two copies of a task (active, warm-up, standby) are in one process. Standbys differ in their rack tags first, stay
//     where they are second, and are spread evenly third.
//
// Assign changes none of its arguments and is safe for concurrent use.
func Assign(members []Member, tasks []Task, cfg Config) Assignment {
	a := Assignment{
		Active:  make(map[string][]TaskID),
		Standby: make(map[string][]TaskID),
		Warmup:  make(map[string][]TaskID),
	}
	if len(members) == 0 || len(tasks) == 0 {
		return a
	}
	c := newCluster(members, tasks, cfg)
	target := newBalance(c).targets()
	active, warmup, pending := settle(c, target)
	standby := newStandbys(c, active, warmup).place()
	for t, task := range c.tasks {
		add(a.Active, c.members[active[t]].id, task.ID)
		if warmup[t] != none {
			add(a.Warmup, c.members[warmup[t]].id, task.ID)
		}
		for _, m := range standby[t] {
			add(a.Standby, c.members[m].id, task.ID)
		}
	}
	for _, ids := range a.Standby {
		slices.SortFunc(ids, TaskID.Compare)
	}
	a.MovesPending = pending
	return a
}

func add(to map[string][]TaskID, member string, id TaskID) { to[member] = append(to[member], id) }
