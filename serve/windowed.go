package serve

import (
	"bytes"
	"context"
	"iter"
	"slices"

	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/window"
)

// Windows serves a window store. A key is read with the start of its window,
// ?start=; a range takes windows that start from since to until.
func Windows[K, V any](handle *state.WindowsSpec[K, V]) *Served[K, V] {
	return newServed(handle, "window", func(c codec[K, V]) queried { return &windows[K, V]{c, handle} })
}

// Sessions serves a session store. A key is read with the start and end of its
// session, ?start= and ?end=; a range takes sessions that overlap since to until.
func Sessions[K, V any](handle *state.SessionsSpec[K, V]) *Served[K, V] {
	return newServed(handle, "session", func(c codec[K, V]) queried { return &sessions[K, V]{c, handle} })
}

type windows[K, V any] struct {
	codec[K, V]
	handle *state.WindowsSpec[K, V]
}

func (s *windows[K, V]) get(ctx context.Context, key string, p *params) (row, bool, error) {
	k, err := s.parsed(key)
	if err != nil {
		return row{}, false, err
	}
	if p.start.IsZero() {
		return row{}, false, &badRequest{"the start of the window is missing"}
	}
	v, ok, err := s.app.Query(s.handle, s.options(p)...).Fetch(ctx, k, p.start)
	if err != nil || !ok {
		return row{}, false, err
	}
	r, err := s.row(k, v)
	r.Start = moment(p.start)
	return r, true, err
}

func (s *windows[K, V]) watch(ctx context.Context, key string, p *params, f func(change) error) error {
	k, err := s.parsed(key)
	if err != nil {
		return err
	}
	q := s.app.Query(s.handle, s.options(p)...)
	return s.followWindows(q.FetchRange(ctx, k, p.since, p.until), q.Watch(ctx, k, p.since, p.until), f)
}

func (s *windows[K, V]) scan(ctx context.Context, p *params) []part {
	only, err := s.only(p)
	if err != nil {
		return []part{{Partition: -1, Error: "bad_request"}}
	}
	return parts(s.app.Query(s.handle, s.options(p)...).Ask(ctx, func(st *state.WindowStore[K, V]) (page, error) {
		if only != nil {
			return s.sorted(ctx, st.FetchRange(*only, p.since, p.until), p)
		}
		return s.sorted(ctx, st.FetchAll(p.since, p.until), p)
	}))
}

type sessions[K, V any] struct {
	codec[K, V]
	handle *state.SessionsSpec[K, V]
}

func (s *sessions[K, V]) get(ctx context.Context, key string, p *params) (row, bool, error) {
	k, err := s.parsed(key)
	if err != nil {
		return row{}, false, err
	}
	if p.start.IsZero() || p.end.IsZero() {
		return row{}, false, &badRequest{"the start and end of the session are missing"}
	}
	v, ok, err := s.app.Query(s.handle, s.options(p)...).FetchSession(ctx, k, p.start, p.end)
	if err != nil || !ok {
		return row{}, false, err
	}
	r, err := s.row(k, v)
	r.Start, r.End = moment(p.start), moment(p.end)
	return r, true, err
}

func (s *sessions[K, V]) watch(ctx context.Context, key string, p *params, f func(change) error) error {
	k, err := s.parsed(key)
	if err != nil {
		return err
	}
	q := s.app.Query(s.handle, s.options(p)...)
	return s.followWindows(q.Find(ctx, k, p.since, p.until), q.Watch(ctx, k, p.since, p.until), f)
}

func (s *sessions[K, V]) scan(ctx context.Context, p *params) []part {
	only, err := s.only(p)
	if err != nil {
		return []part{{Partition: -1, Error: "bad_request"}}
	}
	return parts(s.app.Query(s.handle, s.options(p)...).Ask(ctx, func(st *state.SessionStore[K, V]) (page, error) {
		if only != nil {
			return s.sorted(ctx, st.Find(*only, p.since, p.until), p)
		}
		return s.sorted(ctx, st.All(), p)
	}))
}

// only is the key of a range of one key: its windows or sessions.
func (c *codec[K, V]) only(p *params) (*K, error) {
	if !p.hasFrom {
		return nil, nil
	}
	if !p.hasTo || p.from != p.to {
		return nil, &badRequest{"a range of windows is of one key or of all"}
	}
	k, err := c.parsed(p.from)
	return &k, err
}

// sorted is a page of windows or sessions in order of key, start and end. Their
// stores have another order: it keeps the first rows of all that there are.
func (c *codec[K, V]) sorted(ctx context.Context, entries iter.Seq2[state.Entry[window.Key[K], V], error], p *params) (page, error) {
	var rows []row
	dropped := false
	for e, err := range entries {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return page{}, err
		}
		order, err := c.order(e.Key.Key, e.Key.Start, e.Key.End)
		if err != nil {
			return page{}, err
		}
		if p.after != nil && bytes.Compare(order, p.after) <= 0 || e.Key.Start > p.until.UnixMilli() || e.Key.End < p.since.UnixMilli() {
			continue
		}
		if dropped && bytes.Compare(order, rows[len(rows)-1].Order) >= 0 {
			continue
		}
		r, err := c.row(e.Key.Key, e.Value)
		if err != nil {
			return page{}, err
		}
		r.Time, r.Start, r.End, r.Order = moment(e.Time), moment(e.Key.StartTime()), moment(e.Key.EndTime()), order
		if rows = append(rows, r); len(rows) > 2*p.limit {
			rows, dropped = first(rows, p.limit), true
		}
	}
	more := dropped || len(rows) > p.limit
	var pg page
	for _, r := range first(rows, p.limit) {
		if !pg.add(r, p) {
			break
		}
	}
	pg.more = pg.more || more
	return pg, nil
}

func first(rows []row, n int) []row {
	slices.SortFunc(rows, func(a, b row) int { return bytes.Compare(a.Order, b.Order) })
	return rows[:min(n, len(rows))]
}
