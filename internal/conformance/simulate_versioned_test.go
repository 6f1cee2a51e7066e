package conformance

import (
	"iter"
	"strconv"
	"time"

	"github.com/ottla-streams/ottla/state"
)

// versionedStore is a versioned store; entries have the time since when they
// are valid.
type versionedStore struct {
	*state.VersionedStore[any, any]
}

func versionEntry(k any, v state.Version[any]) entry {
	return entry{Key: k, Value: v.Value, Time: v.From}
}

func (s versionedStore) asOf(k any, at time.Time) (entry, bool, error) {
	v, ok, err := s.GetAsOf(k, at)
	return versionEntry(k, v), ok, err
}

func (s versionedStore) get(k any) (entry, bool, error) {
	v, ok, err := s.Latest(k)
	return versionEntry(k, v), ok, err
}

func (s versionedStore) put(e entry) error {
	_, err := s.Put(e.Key, e.Value, e.Time)
	return err
}

func (s versionedStore) delete(any) (entry, bool, error) { return entry{}, false, errNoStore }

func (s versionedStore) scan(Command) (iter.Seq2[entry, error], error) { return nil, errNoStore }

// execute carries out one of the versioned_commands.
func (s versionedStore) execute(c Command, _ entry) (string, error) {
	k := c.Keys[0]
	switch {
	case c.Op == "put":
		p, err := s.Put(k, c.Value, time.UnixMilli(c.Times[0]))
		switch {
		case p.Expired:
			return "not put", err
		case p.Until.IsZero():
			return "undefined", err
		}
		return "valid to " + strconv.FormatInt(p.Until.UnixMilli(), 10), err
	case c.Op == "delete":
		v, ok, err := s.Delete(k, time.UnixMilli(c.Times[0]))
		return versionText(v, ok), err
	case len(c.Times) > 0:
		v, ok, err := s.GetAsOf(k, time.UnixMilli(c.Times[0]))
		return versionText(v, ok), err
	}
	v, ok, err := s.Latest(k)
	return versionText(v, ok), err
}

// versionText is a version as the case language writes it. The end of a
// version is left out: Java's stores do not tell it here.
func versionText(v state.Version[any], ok bool) string {
	if !ok {
		return "null"
	}
	return Format(v.Value) + "@" + strconv.FormatInt(v.From.UnixMilli(), 10)
}
