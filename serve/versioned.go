package serve

import (
	"context"
	"time"

	"github.com/ottla-streams/ottla/state"
)

// Versioned serves a versioned store. A key is read as of ?at=, or as it is now.
func Versioned[K, V any](handle *state.VersionedSpec[K, V]) *Served[K, V] {
	return newServed(handle, "versioned", func(c codec[K, V]) queried { return &versioned[K, V]{c, handle} })
}

type versioned[K, V any] struct {
	codec[K, V]
	handle *state.VersionedSpec[K, V]
}

func (s *versioned[K, V]) get(ctx context.Context, key string, p *params) (row, bool, error) {
	k, err := s.parsed(key)
	if err != nil {
		return row{}, false, err
	}
	q := s.app.Query(s.handle, s.options(p)...)
	var v state.Version[V]
	var ok bool
	if p.start.IsZero() {
		v, ok, err = q.Latest(ctx, k)
	} else {
		v, ok, err = q.GetAsOf(ctx, k, p.start)
	}
	if err != nil || !ok {
		return row{}, false, err
	}
	r, err := s.row(k, v.Value)
	r.From, r.Until = moment(v.From), moment(v.Until)
	return r, true, err
}

func (s *versioned[K, V]) watch(ctx context.Context, key string, p *params, f func(change) error) error {
	k, err := s.parsed(key)
	if err != nil {
		return err
	}
	q := s.app.Query(s.handle, s.options(p)...)
	return s.followOne(k, q.Watch(ctx, k), func(r *row, at time.Time) { r.From = moment(at) }, f)
}

// scan reads the versions of one key.
func (s *versioned[K, V]) scan(ctx context.Context, p *params) []part {
	only, err := s.only(p)
	if err != nil || only == nil {
		return []part{{Partition: -1, Error: "bad_request"}}
	}
	view := s.app.Query(s.handle, s.options(p)...)
	return parts(view.Ask(ctx, func(st *state.VersionedStore[K, V]) (page, error) {
		var pg page
		for v, err := range st.Versions(*only, p.since, p.until) {
			if err != nil {
				return page{}, err
			}
			r, err := s.row(*only, v.Value)
			if err != nil {
				return page{}, err
			}
			if r.Order, err = s.order(*only, v.From.UnixMilli()); err != nil {
				return page{}, err
			}
			r.From, r.Until = moment(v.From), moment(v.Until)
			if string(r.Order) > string(p.after) && !pg.add(r, p) {
				break
			}
		}
		return pg, nil
	}))
}
