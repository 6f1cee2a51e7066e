package worker

import "github.com/ottla-streams/ottla/internal/runtime/group"

// tellTasks tells those who query how many tasks each sub-topology has.
func (w *Worker) tellTasks() {
	if w.c.Shelf == nil {
		return
	}
	for id := range w.layout.byID {
		w.c.Shelf.SetTasks(id, w.layout.tasks(id))
	}
}

// tellHosts hands on which instance has which tasks.
func (w *Worker) tellHosts(a group.Assignment) {
	if w.c.OnHosts == nil || a.Error != group.ErrorNone {
		return
	}
	_, generation := w.consumer.GroupMetadata()
	w.c.OnHosts(generation, a.Hosts)
}
