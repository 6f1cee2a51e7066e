package conformance

import (
	"time"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/table"
	"github.com/ottla-streams/ottla/window"
)

func init() {
	ops["windowedBy"] = (*interpreter).windowedBy
}

type (
	kwindowed          = *stream.TimeWindowedKStream[any, any]
	ksessions          = *stream.SessionWindowedKStream[any, any]
	kwindowedCogroup   = *stream.TimeWindowedCogroupedKStream[any, any]
	ksessionedCogroup  = *stream.SessionWindowedCogroupedKStream[any, any]
	windowTable[V any] = table.KTable[window.Key[any], V]
)

func (x *interpreter) windowedBy(s *Step) (any, error) {
	session := s.Windows.Type == SessionWindows
	switch from := x.results[s.From].(type) {
	case kgrouped:
		if session {
			w := from.WindowedBySession(s.Windows.session())
			if s.Emit == "window_close" {
				w = w.EmitOnClose()
			}
			return w, nil
		}
		w := from.WindowedBy(s.Windows.window())
		if s.Emit == "window_close" {
			w = w.EmitOnClose()
		}
		return w, nil
	case cogrouped:
		if s.Emit == "window_close" {
			return nil, notExpressed("cogroups that emit on close")
		}
		if session {
			return from.WindowedBySession(s.Windows.session()), nil
		}
		return from.WindowedBy(s.Windows.window()), nil
	}
	return nil, notExpressed("windowedBy of a " + string(x.shape(s.From).Kind))
}

func duration(ms *int64) time.Duration {
	if ms == nil {
		return 0
	}
	return millis(*ms)
}

// window is the window of a step. A grace period that is not given is none.
func (w *Windows) window() window.Window {
	switch w.Type {
	case SlidingWindows:
		return window.Sliding(duration(w.TimeDifferenceMS)).Grace(duration(w.GraceMS))
	case UnlimitedWindows:
		return window.Unlimited().StartingAt(time.UnixMilli(duration(w.StartMS).Milliseconds()))
	}
	size := duration(w.SizeMS)
	if w.AdvanceMS == nil {
		return window.Tumbling(size).Grace(duration(w.GraceMS))
	}
	return window.Hopping(size, duration(w.AdvanceMS)).Grace(duration(w.GraceMS))
}

func (w *Windows) session() window.SessionWindow {
	return window.Session(duration(w.GapMS)).Grace(duration(w.GraceMS))
}

// windowStoreOptions are the options of the store of a windowed step.
func windowStoreOptions(m *Materialized) ([]state.Option, error) {
	options, err := storeOptions(m)
	if err == nil && m != nil && m.RetentionMS != nil {
		options = append(options, state.Retention(millis(*m.RetentionMS)))
	}
	return options, err
}

func windowSpec[V any](x *interpreter, s *Step, value serde.Serde[V]) (*state.WindowsSpec[any, V], error) {
	options, err := windowStoreOptions(s.Materialized)
	if err != nil {
		return nil, err
	}
	if m := s.Materialized; m != nil && m.Supplier == "persistent" {
		return nil, notExpressed("window stores without timestamps")
	}
	spec := state.Windows(s.Materialized.name(), x.shape(s.From).Key.Serde(), value, options...)
	x.handle(spec)
	return spec, nil
}

func sessionSpec[V any](x *interpreter, s *Step, value serde.Serde[V]) (*state.SessionsSpec[any, V], error) {
	options, err := windowStoreOptions(s.Materialized)
	if err != nil {
		return nil, err
	}
	spec := state.Sessions(s.Materialized.name(), x.shape(s.From).Key.Serde(), value, options...)
	x.handle(spec)
	return spec, nil
}

// windowStep is the table of a windowed step, seen through a cast.
func windowStep[V any](x *interpreter, s *Step, t *windowTable[V], value cast[V]) (any, error) {
	return x.tableStep(s, castTable(named(s, t), x.shape(s.ID), windowKeys, value)), nil
}

func (x *interpreter) countWindows(s *Step) (any, error) {
	switch from := x.results[s.From].(type) {
	case kwindowed:
		store, err := windowSpec(x, s, serde.Int64)
		if err != nil {
			return nil, err
		}
		return windowStep(x, s, from.Count(store), integer)
	case ksessions:
		store, err := sessionSpec(x, s, serde.Int64)
		if err != nil {
			return nil, err
		}
		return windowStep(x, s, from.Count(store), integer)
	}
	return nil, notExpressed("count of a " + string(x.shape(s.From).Kind))
}

func (x *interpreter) reduceWindows(s *Step, f Reducer) (any, error) {
	value := x.shape(s.ID).Value.Serde()
	switch from := x.results[s.From].(type) {
	case kwindowed:
		store, err := windowSpec(x, s, value)
		if err != nil {
			return nil, err
		}
		return windowStep(x, s, from.Reduce(f, store), plain)
	case ksessions:
		store, err := sessionSpec(x, s, value)
		if err != nil {
			return nil, err
		}
		return windowStep(x, s, from.Reduce(f, store), plain)
	}
	return nil, notExpressed("reduce of a " + string(x.shape(s.From).Kind))
}

func (x *interpreter) aggregateWindows(s *Step, initial func() any) (any, error) {
	in, out := x.shape(s.From), x.shape(s.ID)
	var add Aggregator
	var merge Merger
	var err error
	if s.Fn != "" {
		if add, _, err = ParseAggregator(s.Fn, in.Value); err != nil {
			return nil, err
		}
	}
	if in.Windows.Type == SessionWindows {
		if merge, err = ParseMerger(s.Merger, out.Value); err != nil {
			return nil, err
		}
		store, err := sessionSpec(x, s, out.Value.Serde())
		if err != nil {
			return nil, err
		}
		if from, ok := x.results[s.From].(ksessions); ok {
			return windowStep(x, s, from.Aggregate(initial, add, merge, store), plain)
		}
		return windowStep(x, s, x.results[s.From].(ksessionedCogroup).Aggregate(initial, merge, store), plain)
	}
	store, err := windowSpec(x, s, out.Value.Serde())
	if err != nil {
		return nil, err
	}
	if from, ok := x.results[s.From].(kwindowed); ok {
		return windowStep(x, s, from.Aggregate(initial, add, store), plain)
	}
	return windowStep(x, s, x.results[s.From].(kwindowedCogroup).Aggregate(initial, store), plain)
}
