package conformance

import (
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/table"
)

func init() {
	ops["groupByKey"] = (*interpreter).groupByKey
	ops["groupBy"] = (*interpreter).groupBy
	ops["count"] = (*interpreter).count
	ops["reduce"] = (*interpreter).reduce
	ops["aggregate"] = (*interpreter).aggregate
	ops["cogroup"] = (*interpreter).cogroup
}

type (
	kgrouped  = *stream.KGroupedStream[any, any]
	cogrouped = *stream.CogroupedKStream[any, any]
	tgrouped  = *table.KGroupedTable[any, any]
)

func (x *interpreter) groupByKey(s *Step) (any, error) {
	from, err := result[kstream](x, s.From)
	if err != nil {
		return nil, err
	}
	in := x.shape(s.From)
	return named(s, from.Serdes(in.Key.Serde(), in.Value.Serde()).GroupByKey()), nil
}

func (x *interpreter) groupBy(s *Step) (any, error) {
	in := x.shape(s.From)
	if in.Kind == KindTable {
		return x.groupTable(s, in)
	}
	from, err := result[kstream](x, s.From)
	if err != nil {
		return nil, err
	}
	f, out, err := ParseKeyFunc(s.Fn, in.Key, in.Value)
	if err != nil {
		return nil, err
	}
	return named(s, from.GroupBy(f)).Serdes(out.Serde(), in.Value.Serde()), nil
}

func (x *interpreter) groupTable(s *Step, in Shape) (any, error) {
	from, err := result[ktable](x, s.From)
	if err != nil {
		return nil, err
	}
	key, value, out, err := x.mapper(s, in.Key, in.Value)
	if err != nil {
		return nil, err
	}
	g := from.GroupBy(func(k, v any) (any, any) { return key(k, v), value(k, v) })
	return named(s, g).Serdes(out.Key.Serde(), out.Value.Serde()), nil
}

func (x *interpreter) count(s *Step) (any, error) {
	in, out := x.shape(s.From), x.shape(s.ID)
	if in.Windows != nil {
		return x.countWindows(s)
	}
	store, err := tableSpec(x, s.Materialized, in.Key.Serde(), serde.Int64)
	if err != nil {
		return nil, err
	}
	switch from := x.results[s.From].(type) {
	case kgrouped:
		return x.tableStep(s, castCount(named(s, from.Count(store)), out)), nil
	case tgrouped:
		return x.tableStep(s, castCount(named(s, from.Count(store)), out)), nil
	}
	return nil, notExpressed("count of a " + string(in.Kind))
}

func (x *interpreter) reduce(s *Step) (any, error) {
	in, out := x.shape(s.From), x.shape(s.ID)
	f, err := ParseReducer(s.Fn, in.Value)
	if err != nil {
		return nil, err
	}
	if in.Windows != nil {
		return x.reduceWindows(s, f)
	}
	store, err := tableSpec(x, s.Materialized, in.Key.Serde(), out.Value.Serde())
	if err != nil {
		return nil, err
	}
	switch from := x.results[s.From].(type) {
	case kgrouped:
		return x.tableStep(s, named(s, from.Reduce(f, store))), nil
	case tgrouped:
		subtract, err := ParseReducer(s.Subtract, in.Value)
		if err != nil {
			return nil, err
		}
		return x.tableStep(s, named(s, from.Reduce(f, subtract, store))), nil
	}
	return nil, notExpressed("reduce of a " + string(in.Kind))
}

func (x *interpreter) aggregate(s *Step) (any, error) {
	in, out := x.shape(s.From), x.shape(s.ID)
	init, err := ParseValue(s.Init, out.Value)
	if err != nil {
		return nil, err
	}
	initial := func() any { return init }
	if in.Windows != nil {
		return x.aggregateWindows(s, initial)
	}
	store, err := tableSpec(x, s.Materialized, in.Key.Serde(), out.Value.Serde())
	if err != nil {
		return nil, err
	}
	switch from := x.results[s.From].(type) {
	case kgrouped:
		add, _, err := ParseAggregator(s.Fn, in.Value)
		if err != nil {
			return nil, err
		}
		return x.tableStep(s, named(s, from.Aggregate(initial, add, store))), nil
	case cogrouped:
		return x.tableStep(s, named(s, from.Aggregate(initial, store))), nil
	case tgrouped:
		add, _, err := ParseAggregator(s.Fn, in.Value)
		if err != nil {
			return nil, err
		}
		subtract, _, err := ParseAggregator(s.Subtract, in.Value)
		if err != nil {
			return nil, err
		}
		return x.tableStep(s, named(s, from.Aggregate(initial, add, subtract, store))), nil
	}
	return nil, notExpressed("aggregate of a " + string(in.Kind))
}

func (x *interpreter) cogroup(s *Step) (any, error) {
	var all cogrouped
	for _, g := range s.Groups {
		from, err := result[kgrouped](x, g.From)
		if err != nil {
			return nil, err
		}
		add, _, err := ParseAggregator(g.Agg, x.shape(g.From).Value)
		if err != nil {
			return nil, err
		}
		if all == nil {
			all = from.Cogroup(add)
		} else {
			all = all.Cogroup(from, add)
		}
	}
	return all, nil
}
