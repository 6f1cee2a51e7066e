package conformance

import (
	"github.com/ottla-streams/ottla/internal/dsl"
)

func init() {
	ops["toStream"] = (*interpreter).toStream
}

func (x *interpreter) toStream(s *Step) (any, error) {
	from, err := result[ktable](x, s.From)
	if err != nil {
		return nil, err
	}
	to := named(s, toStream(from))
	if s.Fn == "" {
		return to, nil
	}
	in := x.shape(s.From)
	f, out, err := ParseKeyFunc(s.Fn, in.Key, in.Value)
	if err != nil {
		return nil, err
	}
	return to.SelectKey(f).Serdes(out.Serde(), nil), nil
}

func (x *interpreter) filterTable(s *Step, keep Predicate) (any, error) {
	return nil, notExpressed("filter of a table")
}

func (x *interpreter) mapTable(s *Step, f ValueFunc) (any, error) {
	return nil, notExpressed("mapValues of a table")
}

// tableStep notes that the result of a step is a table.
func (x *interpreter) tableStep(s *Step, t ktable) ktable {
	x.names = append(x.names, func() {
		x.run.QueryableStoreNames[s.ID] = queryableName(t)
	})
	return t
}

// queryableName is the name of the store of a table, nil if it has none that
// was given to it.
func queryableName(t ktable) *string {
	r := dsl.Of((*dsl.Table[any, any])(t))
	if r.Store == nil || !r.Named {
		return nil
	}
	return &r.Store.Name
}
