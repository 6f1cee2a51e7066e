package worker

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// A task that moves is nobody's from when its owner gave it up until the group was
// balanced again. Its next owner learns of that rebalance by a heartbeat, the first
// of which the client sends after half a second: records of the task would wait for
// as long. So who waits for a task asks the group sooner and more often.

// The first question comes after firstListen, and each one a quarter later than
// the one before: what is lost is a quarter of what the owner takes, at most
// lastListen.
const (
	firstListen = 20 * time.Millisecond
	lastListen  = 250 * time.Millisecond
)

// listen asks the group whether it is being balanced again, and joins as soon as
// it is.
func (w *Worker) listen() {
	w.listenNoMore()
	ctx, cancel := context.WithCancel(w.life)
	w.unheard = cancel
	w.side.Go(func() {
		defer cancel()
		for pause := firstListen; ; pause = min(pause+pause/4, lastListen) {
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause):
			}
			member, generation := w.consumer.GroupMetadata()
			answer, err := w.heartbeat(ctx, member, generation)
			switch {
			case err != nil || ctx.Err() != nil || w.joining.Load(): // the client was faster, and the loop is yet to hear of it
				return
			case answer == kerr.RebalanceInProgress:
				w.consumer.ForceRebalance()
				return
			case answer != nil:
				return // the client's own heartbeats find what is wrong
			}
		}
	})
}

// listenNoMore ends what listen began: a join is under way, or there is no group.
func (w *Worker) listenNoMore() {
	if w.unheard != nil {
		w.unheard()
		w.unheard = nil
	}
}
