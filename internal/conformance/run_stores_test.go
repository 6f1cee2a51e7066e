package conformance

import (
	"fmt"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/runtime/drive"
	"github.com/ottla-streams/ottla/serde"
)

// kvDumper is a key-value store of whatever types.
type kvDumper interface {
	Dump(yield func(k, v any, at int64, h serde.Headers) bool) error
}

// versionedDumper is a versioned store of whatever types.
type versionedDumper interface {
	Dump(yield func(k, v any, from, until int64) bool) error
}

// windowDumper is a window store of whatever types, sessionDumper a session store.
type (
	windowDumper interface {
		Dump(yield func(k, v any, start, end, at int64, h serde.Headers) bool) error
	}
	sessionDumper interface {
		Dump(yield func(k, v any, start, end int64, h serde.Headers) bool) error
	}
)

// buffer is a suppress or grace-period buffer.
type buffer interface {
	Len() int
	MinTime() (at int64, ok bool)
}

// dumpStores reads the final contents of the stores.
func (x *interpreter) dumpStores(d *drive.Driver, g *graph.Topology) error {
	for _, s := range g.Stores {
		st, err := d.StateStore(0, s.Name)
		if err != nil {
			return err
		}
		switch st := st.(type) {
		case kvDumper:
			x.run.Stores[s.Name], err = dumpKeyValue(st, !x.untimed[s.Name])
		case versionedDumper:
			x.run.Stores[s.Name], err = dumpVersioned(st)
		case windowDumper:
			x.run.Stores[s.Name], err = dumpWindows(st, !x.untimed[s.Name])
		case joinDumper:
			x.run.Stores[s.Name], err = dumpJoin(st, s.InMemory || s.Headers)
		case sharedDumper:
			x.run.Stores[s.Name], err = dumpShared(st)
		case subscriptionDumper:
			x.run.Stores[s.Name], err = dumpSubscriptions(st)
		case sessionDumper:
			x.run.Stores[s.Name], err = dumpSessions(st)
		case buffer:
			x.run.Stores[s.Name] = dumpBuffer(st)
		default:
			return fmt.Errorf("store %s: a %T can't be dumped", s.Name, st)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func dumpKeyValue(st kvDumper, timed bool) (Store, error) {
	out := Store{Kind: KindKeyValue}
	err := st.Dump(func(k, v any, at int64, h serde.Headers) bool {
		e := Entry{Key: JSON(k), Value: JSON(v), Headers: fromHeaders(h)}
		if timed {
			e.Time = &at
		}
		out.Entries = append(out.Entries, e)
		return true
	})
	return out, err
}

func dumpVersioned(st versionedDumper) (Store, error) {
	out := Store{Kind: KindVersioned}
	err := st.Dump(func(k, v any, from, until int64) bool {
		e := Entry{Key: JSON(k), Value: JSON(v), ValidFrom: &from}
		if until >= 0 {
			e.ValidTo = &until
		}
		out.Entries = append(out.Entries, e)
		return true
	})
	return out, err
}

func dumpBuffer(b buffer) Store {
	out := Store{Kind: KindBuffer, Records: int64(b.Len())}
	if at, ok := b.MinTime(); ok {
		out.MinTimestamp = &at
	}
	return out
}

func dumpWindows(st windowDumper, timed bool) (Store, error) {
	out := Store{Kind: KindWindow}
	err := st.Dump(func(k, v any, start, _, at int64, h serde.Headers) bool {
		e := Entry{Key: JSON(k), Value: JSON(v), Start: &start, Headers: fromHeaders(h)}
		if timed {
			e.Time = &at
		}
		out.Entries = append(out.Entries, e)
		return true
	})
	return out, err
}

func dumpSessions(st sessionDumper) (Store, error) {
	out := Store{Kind: KindSession}
	err := st.Dump(func(k, v any, start, end int64, h serde.Headers) bool {
		out.Entries = append(out.Entries, Entry{Key: JSON(k), Value: JSON(v), Start: &start, End: &end, Headers: fromHeaders(h)})
		return true
	})
	return out, err
}
