package worker

import "fmt"

// A member that was away for longer than its session may learn of it from its
// next join: the group does not know it, and the client joins anew under another
// id. The client keeps its partitions meanwhile, and the group may give them back,
// though others had them in between and went on.

// membership returns the member id and the generation to commit with. Only the
// member that was given the tasks may speak for them.
func (w *Worker) membership() (id string, generation int32, err error) {
	id, generation = w.consumer.GroupMetadata()
	switch {
	case id == "":
		err = fmt.Errorf("%w: not a member of the group", errFenced)
	case w.member != "" && id != w.member:
		err = fmt.Errorf("%w: the group had forgotten this member", errFenced)
	}
	return id, generation, err
}

// joined takes note of the id under which the group knows us. If that is a new
// one, the tasks we kept begin anew, where the group says that they stand.
func (w *Worker) joined(id string) {
	was := w.member
	w.member = id
	if was == "" || was == id || len(w.tasks) == 0 {
		return
	}
	w.log.Warn("the group had forgotten this member: tasks go back to the last commit that the group knows", "tasks", len(w.tasks))
	w.fail(unlessPassing(w.abortTransaction()))
	w.m.Lost += int64(len(w.tasks))
	for _, e := range w.tasks {
		w.revive(e, 0)
	}
	w.unsure, w.fenced = true, false
}
