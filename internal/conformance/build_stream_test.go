package conformance

import (
	"iter"
	"slices"
)

func init() {
	ops["filter"] = (*interpreter).filter
	ops["filterNot"] = (*interpreter).filter
	ops["mapValues"] = (*interpreter).mapValues
	ops["map"] = onStream((*interpreter).mapRecords)
	ops["flatMapValues"] = onStream((*interpreter).flatMapValues)
	ops["flatMap"] = onStream((*interpreter).flatMap)
	ops["selectKey"] = onStream((*interpreter).selectKey)
	ops["peek"] = onStream((*interpreter).peek)
	ops["foreach"] = onStream((*interpreter).peek)
	ops["merge"] = (*interpreter).merge
}

// onStream makes an operation of one that is applied to a stream, and names
// the stream that it returns.
func onStream(f func(x *interpreter, s *Step, from kstream, in Shape) (kstream, error)) func(*interpreter, *Step) (any, error) {
	return func(x *interpreter, s *Step) (any, error) {
		from, err := result[kstream](x, s.From)
		if err != nil {
			return nil, err
		}
		to, err := f(x, s, from, x.shape(s.From))
		if err != nil {
			return nil, err
		}
		return named(s, to), nil
	}
}

func (x *interpreter) filter(s *Step) (any, error) {
	keep, err := ParsePredicate(s.Fn)
	if err != nil {
		return nil, err
	}
	if x.shape(s.From).Kind == KindTable {
		return x.filterTable(s, keep)
	}
	from, err := result[kstream](x, s.From)
	if err != nil {
		return nil, err
	}
	if s.Op == "filterNot" {
		return named(s, from.FilterNot(keep)), nil
	}
	return named(s, from.Filter(keep)), nil
}

func (x *interpreter) mapValues(s *Step) (any, error) {
	in := x.shape(s.From)
	f, _, err := ParseValueFunc(s.Fn, in.Value)
	if err != nil {
		return nil, err
	}
	if in.Kind == KindTable {
		return x.mapTable(s, f)
	}
	from, err := result[kstream](x, s.From)
	if err != nil {
		return nil, err
	}
	return named(s, from.MapValuesWithKey(f).Serdes(nil, x.shape(s.ID).Value.Serde())), nil
}

func (x *interpreter) mapRecords(s *Step, from kstream, in Shape) (kstream, error) {
	key, value, out, err := x.mapper(s, in.Key, in.Value)
	if err != nil {
		return nil, err
	}
	return from.Map(func(k, v any) (any, any) { return key(k, v), value(k, v) }).Serdes(out.Key.Serde(), out.Value.Serde()), nil
}

// mapper is the key and value functions of a step and the types that they make.
func (x *interpreter) mapper(s *Step, key, value Type) (k KeyFunc, v ValueFunc, out Shape, err error) {
	if k, out.Key, err = ParseKeyFunc(s.KeyFn, key, value); err != nil {
		return nil, nil, out, err
	}
	v, out.Value, err = ParseValueFunc(s.ValueFn, value)
	return k, v, out, err
}

func (x *interpreter) flatMapValues(s *Step, from kstream, in Shape) (kstream, error) {
	f, out, err := ParseFlatFunc(s.Fn, in.Value)
	if err != nil {
		return nil, err
	}
	return from.FlatMapValues(func(v any) iter.Seq[any] {
		list := f(v)
		if list == nil {
			return nil
		}
		return slices.Values(list)
	}).Serdes(nil, out.Serde()), nil
}

func (x *interpreter) flatMap(s *Step, from kstream, in Shape) (kstream, error) {
	f, element, err := ParseFlatFunc(s.Fn, in.Value)
	if err != nil {
		return nil, err
	}
	key, value, out, err := x.mapper(s, in.Key, element)
	if err != nil {
		return nil, err
	}
	return from.FlatMap(func(k, v any) iter.Seq2[any, any] {
		list := f(v)
		if list == nil {
			return nil
		}
		return func(yield func(any, any) bool) {
			for _, e := range list {
				if !yield(key(k, e), value(k, e)) {
					return
				}
			}
		}
	}).Serdes(out.Key.Serde(), out.Value.Serde()), nil
}

func (x *interpreter) selectKey(s *Step, from kstream, in Shape) (kstream, error) {
	f, out, err := ParseKeyFunc(s.Fn, in.Key, in.Value)
	if err != nil {
		return nil, err
	}
	return from.SelectKey(f).Serdes(out.Serde(), nil), nil
}

func (x *interpreter) peek(s *Step, from kstream, _ Shape) (kstream, error) {
	call := func(k, v any) { x.run.Called(x.event, s.ID, k, v) }
	if s.Op == "foreach" {
		return from.ForEach(call), nil
	}
	return from.Peek(call), nil
}

func (x *interpreter) merge(s *Step) (any, error) {
	left, err := result[kstream](x, s.Left)
	if err != nil {
		return nil, err
	}
	right, err := result[kstream](x, s.Right)
	if err != nil {
		return nil, err
	}
	return named(s, left.Merge(right)), nil
}
