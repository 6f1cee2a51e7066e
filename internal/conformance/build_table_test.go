package conformance

import (
	"github.com/ottla-streams/ottla/internal/dsl"
	"github.com/ottla-streams/ottla/stream"
)

func init() {
	ops["toStream"] = (*interpreter).toStream
	ops["toTable"] = (*interpreter).toTable
}

func (x *interpreter) toStream(s *Step) (any, error) {
	from, err := result[ktable](x, s.From)
	if err != nil {
		return nil, err
	}
	to := named(s, stream.Of(from))
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

func (x *interpreter) toTable(s *Step) (any, error) {
	from, err := result[kstream](x, s.From)
	if err != nil {
		return nil, err
	}
	in := x.shape(s.From)
	t := named(s, from.Serdes(in.Key.Serde(), in.Value.Serde()).ToTable())
	return x.materialized(s, t, in.Key, in.Value)
}

func (x *interpreter) filterTable(s *Step, keep Predicate) (any, error) {
	from, err := result[ktable](x, s.From)
	if err != nil {
		return nil, err
	}
	in := x.shape(s.From)
	var t ktable
	if s.Op == "filterNot" {
		t = named(s, from.FilterNot(keep))
	} else {
		t = named(s, from.Filter(keep))
	}
	return x.materialized(s, t, in.Key, in.Value)
}

func (x *interpreter) mapTable(s *Step, f ValueFunc) (any, error) {
	from, err := result[ktable](x, s.From)
	if err != nil {
		return nil, err
	}
	out := x.shape(s.ID)
	t := named(s, from.MapValuesWithKey(f))
	retype(t, out)
	return x.materialized(s, t, out.Key, out.Value)
}

// retype sets the serdes of a table: a change between two types of the case
// language is none between Go types, so that the table keeps the old serde.
func retype(t ktable, out Shape) {
	r := dsl.Of((*dsl.Table[any, any])(t))
	r.Key, r.Value = out.Key.Serde(), out.Value.Serde()
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
	if r.Generated != nil && !r.Named {
		name := r.Generated() // Java tells it though it was not given
		return &name
	}
	if r.Store == nil || !r.Named {
		return nil
	}
	return &r.Store.Name
}
