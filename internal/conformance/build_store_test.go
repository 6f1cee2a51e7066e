package conformance

import (
	"strconv"
	"strings"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
)

// materialized gives a table the store that a step asks for.
func (x *interpreter) materialized(s *Step, t ktable, key, value Type) (any, error) {
	m := s.Materialized
	if m != nil && !m.empty() {
		spec, err := keyValueSpec(m, key.Serde(), value.Serde())
		if err != nil {
			return nil, err
		}
		t = t.Materialize(spec)
	}
	return x.tableStep(s, t), nil
}

// empty says that a Materialized has serdes only.
func (m *Materialized) empty() bool { return *m == Materialized{} }

// name is the name of the store, empty if it has none.
func (m *Materialized) name() string {
	if m == nil || m.Store == nil {
		return ""
	}
	return *m.Store
}

// keyValueSpec is the handle of the key-value store of a step.
func keyValueSpec[V any](m *Materialized, key serde.Serde[any], value serde.Serde[V]) (*state.KeyValueSpec[any, V], error) {
	options, err := storeOptions(m)
	if err != nil {
		return nil, err
	}
	if m != nil && m.VersionedHistoryMS != nil {
		return nil, notExpressed("versioned stores")
	}
	return state.KeyValue(m.name(), key, value, options...), nil
}

// storeOptions are the options of the store of a step.
func storeOptions(m *Materialized) ([]state.Option, error) {
	var options []state.Option
	if m == nil {
		return nil, nil
	}
	if m.Type == "in_memory" || m.Supplier == "in_memory" {
		options = append(options, state.InMemory())
	}
	if n, ok := strings.CutPrefix(m.Supplier, "lru:"); ok {
		size, err := strconv.Atoi(n)
		if err != nil {
			return nil, err
		}
		options = append(options, state.LRU(size))
	}
	if m.Supplier == "persistent" {
		return nil, notExpressed("stores without timestamps")
	}
	if m.Caching != nil {
		options = append(options, state.Cached(*m.Caching))
	}
	return append(options, loggingOptions(m.Logging)...), nil
}

func loggingOptions(l *Logging) []state.Option {
	switch {
	case l == nil:
		return nil
	case l.Off:
		return []state.Option{state.NoChangelog()}
	}
	return []state.Option{state.ChangelogConfig(l.Settings)}
}
