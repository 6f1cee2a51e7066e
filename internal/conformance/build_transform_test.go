package conformance

import (
	"strconv"

	"github.com/ottla-streams/ottla/table"
)

func init() {
	ops["transformValues"] = (*interpreter).transformValues
}

func (x *interpreter) transformValues(s *Step) (any, error) {
	from, err := result[ktable](x, s.From)
	if err != nil {
		return nil, err
	}
	f, _, err := ParseTransformer(s.Fn, x.shape(s.From).Value)
	if err != nil {
		return nil, err
	}
	stores, err := x.handles(s.Stores, s.SupplierStores)
	if err != nil {
		return nil, err
	}
	t := named(s, from.TransformValues(func(ctx *table.Context) func(k, v any, ok bool) (any, bool, error) {
		return func(k, v any, _ bool) (any, bool, error) {
			out, err := x.transform(ctx, f, k, v)
			return out, out != nil, err
		}
	}, stores...))
	out := x.shape(s.ID)
	retype(t, out)
	return x.materialized(s, t, out.Key, out.Value)
}

// transform carries out a function of transformValues.
func (x *interpreter) transform(ctx *table.Context, f Transformer, k, v any) (any, error) {
	switch f.Kind {
	case TransformValue:
		return f.Value(k, v), nil
	case TransformContextTS:
		at := int64(-1)
		if t := ctx.Time(); !t.IsZero() {
			at = t.UnixMilli()
		}
		return Format(v) + "@" + strconv.FormatInt(at, 10), nil
	}
	opened, err := x.open(ctx, f.Store)
	if err != nil {
		return nil, err
	}
	store, ok := opened.(entryStore)
	if !ok {
		return nil, errNoStore
	}
	e, ok, err := store.get(k)
	if err != nil {
		return nil, err
	}
	if f.Kind == TransformLookup {
		if !ok {
			return Format(v) + "/null", nil
		}
		return Format(v) + "/" + Format(e.Value), nil
	}
	n := int64(1)
	if ok {
		n += e.Value.(int64)
	}
	return n, store.put(entry{Key: k, Value: n, Time: ctx.Time(), Headers: ctx.Headers()})
}
