package serve

import (
	"iter"
	"time"

	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/window"
)

// change is one event of a watch. Without a name it opens the stream only: the
// key is here, and its changes follow.
type change struct {
	event string
	r     row
}

const (
	eventValue = "value"
	eventGone  = "gone"
)

// changeOf is the event of an update. An entry that is gone has no value.
func changeOf(r row, has bool) change {
	if has {
		return change{eventValue, r}
	}
	r.Value, r.Time = nil, nil
	return change{eventGone, r}
}

// followOne calls f with the updates of a key that has one value. stamp sets the
// time of a row.
func (c *codec[K, V]) followOne(k K, updates iter.Seq2[state.Update[V], error], stamp func(r *row, at time.Time), f func(change) error) error {
	for u, err := range updates {
		if err != nil {
			return err
		}
		r, err := c.row(k, u.Value)
		if err != nil {
			return err
		}
		if stamp(&r, u.Time); !u.Has {
			r = row{Key: r.Key}
		}
		if err := f(changeOf(r, u.Has)); err != nil {
			return err
		}
	}
	return nil
}

// followWindows calls f with the updates of a watch. It looks whether the key is here
// before: a key without windows has no update that would tell.
func (c *codec[K, V]) followWindows(now iter.Seq2[state.Entry[window.Key[K], V], error], updates iter.Seq2[state.WindowUpdate[K, V], error], f func(change) error) error {
	for _, err := range now {
		if err != nil {
			return err
		}
		break
	}
	if err := f(change{}); err != nil {
		return err
	}
	for u, err := range updates {
		if err != nil {
			return err
		}
		r, err := c.row(u.Key.Key, u.Value)
		if err != nil {
			return err
		}
		r.Time, r.Start, r.End = moment(u.Time), moment(u.Key.StartTime()), moment(u.Key.EndTime())
		if err := f(changeOf(r, u.Has)); err != nil {
			return err
		}
	}
	return nil
}
