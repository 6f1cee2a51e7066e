package stream

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ottla-streams/ottla/internal/describe"
	"github.com/ottla-streams/ottla/internal/runtime/statedir"
)

// ErrStateOrphaned is wrapped by the error of an app whose topology has no use
// for state that the last run of this instance had.
var ErrStateOrphaned = errors.New("state would be orphaned")

// compareTopology compares the topology with that of the instance's last run. It
// returns whether local state that the topology does not have may be deleted.
//
// The last topology lies in the state folder, as the brokers can't tell the
// topics of this app from those of one whose id begins alike.
func (a *App) compareTopology(dir *statedir.Dir) (dropOrphans bool, err error) {
	text, err := dir.Topology()
	if err != nil {
		return false, err
	}
	now := a.g.Describe()
	if len(text) == 0 {
		return a.c.OrphanState, saveTopology(dir, now)
	}
	old, err := describe.ParseJSON(text)
	if err != nil {
		a.log.Warn("topology of the last run can't be read: nothing is known of what has changed", "error", err)
		return a.c.OrphanState, saveTopology(dir, now)
	}
	var lost []string
	unreadable := false
	for _, c := range describe.Compare(old, now) {
		switch {
		case c.Loses():
			lost = append(lost, c.String())
			unreadable = unreadable || c.Fate == describe.Changed
		case c.Fate != describe.Kept:
			a.log.Info("topology has changed since the last run", "change", c.String())
		}
	}
	if len(lost) > 0 {
		if !a.c.OrphanState || unreadable {
			return false, orphaned(lost, unreadable)
		}
		a.log.Warn("topology has changed since the last run, and leaves state behind", "changes", lost)
	}
	return true, saveTopology(dir, now)
}

// orphaned is the error of a topology that would leave state behind.
func orphaned(lost []string, unreadable bool) error {
	advice := "give back the names, with names of your own for stores and repartitions, or set OrphanState (-orphan-state) to go on without"
	if unreadable {
		advice = "undo the change, or give what changed another name, or reset the app"
	}
	return fmt.Errorf("%w: the topology has changed since the last run: %s; %s", ErrStateOrphaned, strings.Join(lost, "; "), advice)
}

func saveTopology(dir *statedir.Dir, t describe.Topology) error {
	text, err := describe.JSON(t)
	if err != nil {
		return err
	}
	return dir.SetTopology(text)
}
