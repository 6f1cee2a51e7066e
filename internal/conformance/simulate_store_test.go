package conformance

import (
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/ottla-streams/ottla/state"
)

// entryStore is a key-value store of whatever Go types.
type entryStore interface {
	get(k any) (e entry, ok bool, err error)
	put(e entry) error
	delete(k any) (e entry, ok bool, err error)
	scan(c Command) (iter.Seq2[entry, error], error)
}

type entry = state.Entry[any, any]

// commanded is a store of another kind, which takes commands only. at has the
// time and headers of the record.
type commanded interface {
	execute(c Command, at entry) (string, error)
}

// open opens a store in a processor: an entryStore or a commanded store, or both.
func (x *interpreter) open(ctx state.Context, name string) (any, error) {
	v, err := ctx.StateStore(name)
	if err != nil {
		return nil, err
	}
	switch s := v.(type) {
	case *state.KeyValueStore[any, any]:
		return plainStore{s, x.untimed[name]}, nil
	case *state.KeyValueStore[any, int64]:
		return countStore{s}, nil
	case *state.VersionedStore[any, any]:
		return versionedStore{s}, nil
	case *state.WindowStore[any, any]:
		return windowStore{s, !x.untimed[name]}, nil
	case *state.SessionStore[any, any]:
		return sessionStore{s}, nil
	}
	return nil, fmt.Errorf("store %s is a %T: %w", name, v, errNoStore)
}

// plainStore is a key-value store; untimed says that the case's has no
// timestamps, so that a put gets that of the record.
type plainStore struct {
	*state.KeyValueStore[any, any]
	untimed bool
}

func (s plainStore) get(k any) (entry, bool, error) { return s.GetEntry(k) }

func (s plainStore) put(e entry) error {
	if s.untimed {
		return s.Put(e.Key, e.Value)
	}
	return s.PutEntry(e)
}

func (s plainStore) delete(k any) (entry, bool, error) {
	e, ok, err := s.GetEntry(k)
	if err == nil {
		err = s.Remove(k)
	}
	return e, ok, err
}

func (s plainStore) scan(c Command) (iter.Seq2[entry, error], error) {
	switch c.Op {
	case "all":
		return s.All(), nil
	case "reverse_all":
		return s.AllReverse(), nil
	case "prefix":
		return s.Prefix([]byte(c.Keys[0].(string))), nil
	}
	from, to, reverse := c.Keys[0], c.Keys[1], strings.HasPrefix(c.Op, "reverse_")
	switch {
	case from == nil && to == nil && reverse:
		return s.AllReverse(), nil
	case from == nil && to == nil:
		return s.All(), nil
	case from == nil && reverse:
		return s.RangeToReverse(to), nil
	case from == nil:
		return s.RangeTo(to), nil
	case to == nil && reverse:
		return s.RangeFromReverse(from), nil
	case to == nil:
		return s.RangeFrom(from), nil
	case reverse:
		return s.RangeReverse(from, to), nil
	}
	return s.Range(from, to), nil
}

// countStore is the store of a count, which processors only read.
type countStore struct {
	*state.KeyValueStore[any, int64]
}

func (s countStore) get(k any) (entry, bool, error) {
	e, ok, err := s.GetEntry(k)
	return entry{Key: e.Key, Value: e.Value, Time: e.Time, Headers: e.Headers}, ok, err
}

func (s countStore) put(entry) error { return errNoStore }

func (s countStore) delete(any) (entry, bool, error) { return entry{}, false, errNoStore }

func (s countStore) scan(Command) (iter.Seq2[entry, error], error) { return nil, errNoStore }

// open opens the processor's store.
func (p *simulated) open() error {
	store, err := p.x.open(p.ctx, p.p.Store)
	p.store, _ = store.(entryStore)
	p.commanded, _ = store.(commanded)
	return err
}

// withStore carries out the processors that have a store.
func (p *simulated) withStore(r record) error {
	if r.Key == nil {
		switch p.p.Kind {
		case "dedup":
			return p.forward(r)
		case "lookup":
			return p.value(r, Format(r.Value)+"/null")
		case "kv_commands", "window_commands", "session_commands", "versioned_commands":
		default:
			return nil
		}
	}
	at := entry{Key: r.Key, Value: r.Value, Time: r.Time, Headers: r.Headers}
	switch p.p.Kind {
	case "dedup":
		if _, ok, err := p.store.get(r.Key); ok || err != nil {
			return err
		}
		if err := p.store.put(at); err != nil {
			return err
		}
		return p.forward(r)
	case "count", "count_punctuate":
		return p.count(r, at)
	case "previous":
		old, ok, err := p.store.get(r.Key)
		if err != nil {
			return err
		}
		if err := p.store.put(at); err != nil {
			return err
		}
		if !ok {
			return p.value(r, nil)
		}
		return p.value(r, old.Value)
	case "lookup":
		get := p.store.get
		if s, ok := p.store.(versionedStore); ok {
			get = func(k any) (entry, bool, error) { return s.asOf(k, r.Time) }
		}
		e, ok, err := get(r.Key)
		if err != nil {
			return err
		}
		return p.value(r, Format(r.Value)+"/"+p.entryText(e, ok))
	case "store_put":
		return p.store.put(at)
	}
	return p.command(r)
}

func (p *simulated) count(r record, at entry) error {
	old, ok, err := p.store.get(r.Key)
	if err != nil {
		return err
	}
	n := int64(1)
	if ok {
		n += old.Value.(int64)
	}
	at.Value = n
	if err := p.store.put(at); err != nil || p.p.Kind == "count_punctuate" {
		return err
	}
	return p.value(r, n)
}

// forwardCounts is the punctuation of count_punctuate.
func (p *simulated) forwardCounts(at time.Time) error {
	if err := p.open(); err != nil {
		return err
	}
	all, err := p.store.scan(Command{Op: "all"})
	if err != nil {
		return err
	}
	for e, err := range all {
		if err != nil {
			return err
		}
		if err := p.forward(record{Key: e.Key, Value: e.Value, Time: at}); err != nil {
			return err
		}
	}
	return nil
}

// entryText is an entry as the case language writes it.
func (p *simulated) entryText(e entry, ok bool) string {
	if !ok {
		return "null"
	}
	text := Format(e.Value)
	if p.x.untimed[p.p.Store] {
		return text
	}
	text += fmt.Sprintf("@%d", e.Time.UnixMilli())
	if spec := p.x.specs[p.p.Store]; spec != nil && spec.Format == FormatHeadersKV {
		list := []any{}
		for _, h := range e.Headers {
			list = append(list, []any{h.Key, string(h.Value)})
		}
		text += string(JSON(list))
	}
	return text
}

// command carries out a command to a key-value store.
func (p *simulated) command(r record) error {
	spec := p.x.specs[p.p.Store]
	c, err := ParseCommand(p.p.Kind, Format(r.Value), spec.KeyType(), spec.ValueType())
	if err != nil {
		return err
	}
	var text string
	at := entry{Time: r.Time, Headers: r.Headers}
	if p.commanded != nil {
		text, err = p.commanded.execute(c, at)
	} else {
		text, err = p.execute(c, at)
	}
	if err != nil {
		return err
	}
	return p.value(r, text)
}

// execute returns the result of a command. at has the time and headers of a put.
func (p *simulated) execute(c Command, at entry) (string, error) {
	if len(c.Keys) > 0 {
		at.Key, at.Value = c.Keys[0], c.Value
	}
	switch c.Op {
	case "put":
		return "ok", p.store.put(at)
	case "put_all":
		for _, pair := range c.Pairs {
			at.Key, at.Value = pair.Key, pair.Value
			if err := p.store.put(at); err != nil {
				return "", err
			}
		}
		return "ok", nil
	case "put_if_absent":
		old, ok, err := p.store.get(at.Key)
		if err == nil && !ok {
			err = p.store.put(at)
		}
		return p.entryText(old, ok), err
	case "get":
		e, ok, err := p.store.get(at.Key)
		return p.entryText(e, ok), err
	case "delete":
		e, ok, err := p.store.delete(at.Key)
		return p.entryText(e, ok), err
	}
	found, err := p.store.scan(c)
	if err != nil {
		return "", err
	}
	var list []string
	for e, err := range found {
		if err != nil {
			return "", err
		}
		list = append(list, Format(e.Key)+"="+p.entryText(e, true))
	}
	return "[" + strings.Join(list, " ") + "]", nil
}
