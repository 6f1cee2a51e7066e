package serve

import (
	"bytes"
	"context"
	"iter"
	"time"

	"github.com/ottla-streams/ottla/state"
)

// KeyValue serves a key-value store.
func KeyValue[K, V any](handle *state.KeyValueSpec[K, V]) *Served[K, V] {
	return newServed(handle, "key-value", func(c codec[K, V]) queried { return &keyValue[K, V]{c, handle} })
}

type keyValue[K, V any] struct {
	codec[K, V]
	handle *state.KeyValueSpec[K, V]
}

func (s *keyValue[K, V]) get(ctx context.Context, key string, p *params) (row, bool, error) {
	k, err := s.parsed(key)
	if err != nil {
		return row{}, false, err
	}
	e, ok, err := s.app.Query(s.handle, s.options(p)...).GetEntry(ctx, k)
	if err != nil || !ok {
		return row{}, false, err
	}
	r, err := s.row(k, e.Value)
	r.Time = moment(e.Time)
	return r, true, err
}

func (s *keyValue[K, V]) watch(ctx context.Context, key string, p *params, f func(change) error) error {
	k, err := s.parsed(key)
	if err != nil {
		return err
	}
	q := s.app.Query(s.handle, s.options(p)...)
	return s.followOne(k, q.Watch(ctx, k), func(r *row, at time.Time) { r.Time = moment(at) }, f)
}

func (s *keyValue[K, V]) scan(ctx context.Context, p *params) []part {
	var from, to *K
	for _, end := range []struct {
		has  bool
		text string
		key  **K
	}{{p.hasFrom, p.from, &from}, {p.hasTo, p.to, &to}} {
		if !end.has {
			continue
		}
		k, err := s.parsed(end.text)
		if err != nil {
			return []part{{Partition: -1, Error: "bad_request"}}
		}
		*end.key = &k
	}
	view := s.app.Query(s.handle, s.options(p)...)
	return parts(view.Ask(ctx, func(st *state.KeyValueStore[K, V]) (page, error) {
		return s.page(ctx, s.pick(st, from, to, p), p)
	}))
}

func (s *keyValue[K, V]) pick(st *state.KeyValueStore[K, V], from, to *K, p *params) iter.Seq2[state.Entry[K, V], error] {
	if p.after != nil {
		if k, err := s.key.Decode(p.after); err == nil {
			from = &k
		}
	}
	switch {
	case p.prefix != "":
		return st.Prefix([]byte(p.prefix))
	case from != nil && to != nil:
		return st.Range(*from, *to)
	case from != nil:
		return st.RangeFrom(*from)
	case to != nil:
		return st.RangeTo(*to)
	}
	return st.All()
}

func (s *keyValue[K, V]) page(ctx context.Context, entries iter.Seq2[state.Entry[K, V], error], p *params) (page, error) {
	var pg page
	for e, err := range entries {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return page{}, err
		}
		order, err := s.order(e.Key)
		if err != nil {
			return page{}, err
		}
		if p.after != nil && bytes.Compare(order, p.after) <= 0 {
			continue
		}
		r, err := s.row(e.Key, e.Value)
		if err != nil {
			return page{}, err
		}
		r.Time, r.Order = moment(e.Time), order
		if !pg.add(r, p) {
			break
		}
	}
	return pg, nil
}

// page is the rows of one partition, as many as fit.
type page struct {
	rows []row
	size int
	more bool
}

// add adds a row if there is room.
func (pg *page) add(r row, p *params) bool {
	if pg.size += r.size(); len(pg.rows) > 0 && pg.size > p.bytes || len(pg.rows) == p.limit {
		pg.more = true
		return false
	}
	pg.rows = append(pg.rows, r)
	return true
}

// parts are the answers of the partitions. Those that others have are left out.
func parts(answers []state.Answer[page]) []part {
	var all []part
	for _, a := range answers {
		q := part{Partition: a.Partition, Rows: a.Value.rows, More: a.Value.more}
		if a.Err != nil {
			q = part{Partition: a.Partition, Error: problemOf(a.Err).code, err: a.Err}
		}
		all = append(all, q)
	}
	return all
}
