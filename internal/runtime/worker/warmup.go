package worker

import (
	"time"

	"github.com/ottla-streams/ottla/internal/runtime/assign"
)

// firstAsk is how long a warm-up that has caught up waits before it asks again.
// The time doubles up to the probing interval.
const firstAsk = 5 * time.Second

// known sums what a copy's stores stand for. ok is false if that is not known.
func (t *TaskInfo) known() (sum int64, ok bool) {
	for _, s := range t.Stores {
		sum += s.Position
	}
	return sum, t.Phase != Waiting
}

// askToMove asks the group to look again when a warm-up has caught up, so that
// its task moves now. The group may see it otherwise: the next time is later.
func (w *Worker) askToMove() {
	now := w.now()
	for _, s := range w.standbys {
		if s.role != Warmup || w.balancing || now.Before(s.ask) {
			continue
		}
		if t := s.info(); t.Phase != Tailing || t.Lag() > w.c.WarmupLag {
			continue
		}
		s.asks = min(max(2*s.asks, firstAsk), w.c.ProbingInterval)
		s.ask = now.Add(s.asks)
		w.publish()
		w.log.Info("warm-up has caught up", "task", s.id.String())
		w.consumer.ForceRebalance()
		return
	}
}

// tells fills in what the member says of its copies when it joins.
func (w *Worker) tells(standby, warmup *[]assign.TaskID, sums map[assign.TaskID]int64) {
	for _, t := range w.Tasks() {
		id := assignID(t.ID)
		switch t.Role {
		case Standby:
			*standby = append(*standby, id)
		case Warmup:
			*warmup = append(*warmup, id)
		default:
			continue
		}
		sum, ok := t.known()
		switch {
		case t.Phase == Tailing && t.Lag() <= w.c.WarmupLag:
			sums[id] = assign.OffsetCurrent // the sum is an old one when the group decides
		case ok:
			sums[id] = sum
		}
	}
}
