package conformance

import (
	"errors"

	"github.com/ottla-streams/ottla/join"
	"github.com/ottla-streams/ottla/state"
)

func init() {
	ops["join"] = (*interpreter).join
	ops["leftJoin"] = (*interpreter).join
	ops["outerJoin"] = (*interpreter).join
}

// joinedBy is the joiner of a step in the forms that the DSL takes.
type joinedBy struct{ f Joiner }

func (j joinedBy) inner(l, r any) any                            { return j.f(nil, l, r) }
func (j joinedBy) innerWithKey(k, l, r any) any                  { return j.f(k, l, r) }
func (j joinedBy) left(l, r any, _ bool) any                     { return j.f(nil, l, r) }
func (j joinedBy) leftWithKey(k, l, r any, _ bool) any           { return j.f(k, l, r) }
func (j joinedBy) outer(p join.Pair[any, any]) any               { return j.f(nil, p.Left, p.Right) }
func (j joinedBy) outerWithKey(k any, p join.Pair[any, any]) any { return j.f(k, p.Left, p.Right) }

func (x *interpreter) join(s *Step) (any, error) {
	f, _, err := ParseJoiner(s.Joiner, x.shape(s.Left).Value, x.shape(s.Right).Value)
	if err != nil {
		return nil, err
	}
	by := joinedBy{f}
	switch {
	case x.shape(s.Left).Kind == KindTable:
		return x.joinTables(s, by)
	case x.shape(s.Right).Kind == KindTable:
		return x.joinTable(s, by)
	case x.shape(s.Right).Kind == KindGlobalTable:
		return x.joinGlobal(s, by)
	}
	return x.joinStreams(s, by)
}

func (w *Windows) join() join.Window {
	var d, grace int64
	if w.TimeDifferenceMS != nil {
		d = *w.TimeDifferenceMS
	}
	if w.GraceMS != nil {
		grace = *w.GraceMS
	}
	j := join.Within(millis(d)).Grace(millis(grace))
	if w.BeforeMS != nil {
		j = j.Before(millis(*w.BeforeMS))
	}
	if w.AfterMS != nil {
		j = j.After(millis(*w.AfterMS))
	}
	return j
}

func (x *interpreter) joinStreams(s *Step, by joinedBy) (any, error) {
	l, err := result[kstream](x, s.Left)
	if err != nil {
		return nil, err
	}
	r, err := result[kstream](x, s.Right)
	if err != nil {
		return nil, err
	}
	name, w := s.Store.Name, s.Windows.join()
	opts, err := joinOptions(s)
	if err != nil {
		return nil, err
	}
	var to kstream
	switch withKey := JoinsWithKey(s.Joiner); {
	case s.Op == "join" && withKey:
		to = l.JoinWithKey(r, name, w, by.innerWithKey, opts...)
	case s.Op == "join":
		to = l.Join(r, name, w, by.inner, opts...)
	case s.Op == "leftJoin" && withKey:
		to = l.LeftJoinWithKey(r, name, w, by.leftWithKey, opts...)
	case s.Op == "leftJoin":
		to = l.LeftJoin(r, name, w, by.left, opts...)
	case withKey:
		to = l.OuterJoinWithKey(r, name, w, by.outerWithKey, opts...)
	default:
		to = l.OuterJoin(r, name, w, by.outer, opts...)
	}
	return x.joined(s, to), nil
}

// joined names the result of a join and gives it its types.
func (x *interpreter) joined(s *Step, to kstream) kstream {
	out := x.shape(s.ID)
	return named(s, to).Serdes(out.Key.Serde(), out.Value.Serde())
}

func joinOptions(s *Step) ([]state.JoinOption, error) {
	var opts []state.JoinOption
	add := func(options []state.Option, err error) error {
		for _, o := range options {
			opts = append(opts, o)
		}
		return err
	}
	if err := add(typeOptions(s.StoreType)); err != nil {
		return nil, err
	}
	if err := add(loggingOptions(s.Logging), nil); err != nil {
		return nil, err
	}
	for i, spec := range []*StoreSpec{s.ThisStore, s.OtherStore} {
		if spec == nil {
			continue
		}
		if spec.RetainDuplicates != nil && !*spec.RetainDuplicates {
			return nil, errors.New("the windows of a join keep duplicates")
		}
		options, err := typeOptions(spec.Type)
		if err != nil {
			return nil, err
		}
		options = append(options, loggingOptions(spec.Logging)...)
		if i == 0 {
			opts = append(opts, state.LeftWindow(spec.Store, options...))
		} else {
			opts = append(opts, state.RightWindow(spec.Store, options...))
		}
	}
	return opts, nil
}

func (x *interpreter) joinTable(s *Step, by joinedBy) (any, error) {
	l, err := result[kstream](x, s.Left)
	if err != nil {
		return nil, err
	}
	r, err := result[ktable](x, s.Right)
	if err != nil {
		return nil, err
	}
	var opts []join.TableOption
	if s.GraceMS != nil {
		opts = append(opts, join.Wait(millis(*s.GraceMS)))
	}
	var to kstream
	switch withKey := JoinsWithKey(s.Joiner); {
	case s.Op == "join" && withKey:
		to = l.JoinTableWithKey(r, by.innerWithKey, opts...)
	case s.Op == "join":
		to = l.JoinTable(r, by.inner, opts...)
	case withKey:
		to = l.LeftJoinTableWithKey(r, by.leftWithKey, opts...)
	default:
		to = l.LeftJoinTable(r, by.left, opts...)
	}
	return x.joined(s, to), nil
}

func (x *interpreter) joinGlobal(s *Step, by joinedBy) (any, error) {
	l, err := result[kstream](x, s.Left)
	if err != nil {
		return nil, err
	}
	r, err := result[gtable](x, s.Right)
	if err != nil {
		return nil, err
	}
	in := x.shape(s.Left)
	key, _, err := ParseKeyFunc(s.KeyFn, in.Key, in.Value)
	if err != nil {
		return nil, err
	}
	var to kstream
	switch withKey := JoinsWithKey(s.Joiner); {
	case s.Op == "join" && withKey:
		to = l.JoinGlobalWithKey(r, key, by.innerWithKey)
	case s.Op == "join":
		to = l.JoinGlobal(r, key, by.inner)
	case withKey:
		to = l.LeftJoinGlobalWithKey(r, key, by.leftWithKey)
	default:
		to = l.LeftJoinGlobal(r, key, by.left)
	}
	return x.joined(s, to), nil
}

func (x *interpreter) joinTables(s *Step, by joinedBy) (any, error) {
	l, err := result[ktable](x, s.Left)
	if err != nil {
		return nil, err
	}
	r, err := result[ktable](x, s.Right)
	if err != nil {
		return nil, err
	}
	if s.FKFn != "" {
		return x.joinForeign(s, l, r, by)
	}
	var to ktable
	switch withKey := JoinsWithKey(s.Joiner); {
	case s.Op == "join" && withKey:
		to = l.JoinWithKey(r, by.innerWithKey)
	case s.Op == "join":
		to = l.Join(r, by.inner)
	case s.Op == "leftJoin" && withKey:
		to = l.LeftJoinWithKey(r, by.leftWithKey)
	case s.Op == "leftJoin":
		to = l.LeftJoin(r, by.left)
	case withKey:
		to = l.OuterJoinWithKey(r, by.outerWithKey)
	default:
		to = l.OuterJoin(r, by.outer)
	}
	out := x.shape(s.ID)
	retype(to, out)
	return x.materialized(s, named(s, to), out.Key, out.Value)
}

func (x *interpreter) joinForeign(s *Step, l, r ktable, by joinedBy) (any, error) {
	in := x.shape(s.Left)
	key, _, err := ParseKeyFunc(s.FKFn, in.Key, in.Value)
	if err != nil {
		return nil, err
	}
	fk := func(k, v any) (any, bool) { return key(k, v), true }
	var to ktable
	switch withKey := JoinsWithKey(s.Joiner); {
	case s.Op == "join" && withKey:
		to = l.JoinForeignWithKey(r, fk, by.innerWithKey)
	case s.Op == "join":
		to = l.JoinForeign(r, fk, by.inner)
	case withKey:
		to = l.LeftJoinForeignWithKey(r, fk, by.leftWithKey)
	default:
		to = l.LeftJoinForeign(r, fk, by.left)
	}
	out := x.shape(s.ID)
	retype(to, out)
	return x.materialized(s, named(s, to), out.Key, out.Value)
}
