package conformance

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
)

// materialized gives a table the store that a step asks for.
func (x *interpreter) materialized(s *Step, t ktable, key, value Type) (any, error) {
	if s.Materialized != nil {
		spec, err := tableSpec(x, s.Materialized, key.Serde(), value.Serde())
		if err != nil {
			return nil, err
		}
		t = t.Materialize(spec)
	}
	return x.tableStep(s, t), nil
}

// name is the name of the store, empty if it has none.
func (m *Materialized) name() string {
	if m == nil || m.Store == nil {
		return ""
	}
	return *m.Store
}

// tableSpec is the handle of the store of a step that makes a table.
func tableSpec[V any](x *interpreter, m *Materialized, key serde.Serde[any], value serde.Serde[V]) (state.TableSpec[any, V], error) {
	options, err := storeOptions(m)
	if err != nil {
		return nil, err
	}
	var spec state.TableSpec[any, V]
	switch {
	case m != nil && m.VersionedHistoryMS != nil:
		options = append(options, segmentOptions(m.SegmentIntervalMS)...)
		spec = state.Versioned(m.name(), key, value, millis(*m.VersionedHistoryMS), options...)
	case m != nil && m.Supplier == "persistent":
		x.untimed[m.name()] = true // ours keeps timestamps anyway
		fallthrough
	default:
		spec = state.KeyValue(m.name(), key, value, options...)
	}
	x.handle(spec)
	return spec, nil
}

func segmentOptions(interval *int64) []state.Option {
	if interval == nil {
		return nil
	}
	return []state.Option{state.SegmentInterval(millis(*interval))}
}

// millis is a duration in milliseconds; one that is too long for a Duration is
// the longest.
func millis(n int64) time.Duration {
	if n > math.MaxInt64/int64(time.Millisecond) {
		return math.MaxInt64
	}
	return time.Duration(n) * time.Millisecond
}

// handle remembers the handle of a store with a name.
func (x *interpreter) handle(spec state.Spec) {
	if name := spec.StoreName(); name != "" && x.stores[name] == nil {
		x.stores[name] = spec
	}
}

// handles are the handles of stores that a step names. A name without a handle
// does not compile in a real program.
func (x *interpreter) handles(names []string, specs []StoreSpec) ([]state.Spec, error) {
	var all []state.Spec
	for _, name := range names {
		spec := x.stores[name]
		if spec == nil {
			return nil, fmt.Errorf("store %s has no handle", name)
		}
		all = append(all, spec)
	}
	for i := range specs {
		spec, err := x.storeSpec(&specs[i])
		if err != nil {
			return nil, err
		}
		all = append(all, spec)
	}
	return all, nil
}

// storeSpec is the handle that a store specification asks for.
func (x *interpreter) storeSpec(s *StoreSpec) (state.Spec, error) {
	options, err := typeOptions(s.Type)
	if err != nil {
		return nil, err
	}
	options = append(options, loggingOptions(s.Logging)...)
	if s.Caching != nil {
		options = append(options, state.Cached(*s.Caching))
	}
	key, value := s.KeyType().Serde(), s.ValueType().Serde()
	var spec state.Spec
	switch s.FormatOrDefault() {
	case FormatKV:
		x.untimed[s.Store] = true
		spec = state.KeyValue(s.Store, key, value, options...)
	case FormatTimestampedKV:
		spec = state.KeyValue(s.Store, key, value, options...)
	case FormatHeadersKV:
		spec = state.KeyValue(s.Store, key, value, append(options, state.WithHeaders())...)
	case FormatVersioned:
		options = append(options, segmentOptions(s.SegmentIntervalMS)...)
		spec = state.Versioned(s.Store, key, value, millis(*s.VersionedHistoryMS), options...)
	case FormatWindow, FormatTimestampedWindow:
		x.untimed[s.Store] = s.Format == FormatWindow
		spec = state.Windows(s.Store, key, value, append(options, windowOptions(s)...)...)
	case FormatSession:
		spec = state.Sessions(s.Store, key, value, append(options, windowOptions(s)...)...)
	default:
		return nil, notExpressed(s.Format + " stores")
	}
	x.specs[s.Store] = s
	x.handle(spec)
	return spec, nil
}

// windowOptions are the options of a window or session store.
func windowOptions(s *StoreSpec) []state.Option {
	var options []state.Option
	if s.RetentionMS != nil {
		options = append(options, state.Retention(millis(*s.RetentionMS)))
	}
	if s.WindowSizeMS != nil {
		options = append(options, state.WindowSize(millis(*s.WindowSizeMS)))
	}
	if s.RetainDuplicates != nil && *s.RetainDuplicates {
		options = append(options, state.Duplicates())
	}
	return options
}

// typeOptions are the options of a type of stores.
func typeOptions(kind string) ([]state.Option, error) {
	if n, ok := strings.CutPrefix(kind, "lru:"); ok {
		size, err := strconv.Atoi(n)
		return []state.Option{state.LRU(size)}, err
	}
	if kind == "in_memory" {
		return []state.Option{state.InMemory()}, nil
	}
	return nil, nil
}

// storeOptions are the options of the store of a step.
func storeOptions(m *Materialized) ([]state.Option, error) {
	if m == nil {
		return nil, nil
	}
	options, err := typeOptions(m.Type)
	if err != nil {
		return nil, err
	}
	more, err := typeOptions(m.Supplier)
	if err != nil {
		return nil, err
	}
	options = append(options, more...)
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
	case l.Settings == nil:
		return nil
	}
	return []state.Option{state.ChangelogConfig(l.Settings)}
}
