package serve

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/ottla-streams/ottla/state"
)

// params are those of a query.
type params struct {
	from, to  string // keys of a range
	hasFrom   bool
	hasTo     bool
	prefix    string
	after     []byte // where a page goes on
	limit     int
	bytes     int
	start     time.Time // of a window or session, or the time of a version
	end       time.Time
	since     time.Time // the times of a range
	until     time.Time
	partial   bool
	stale     *int64
	bound     state.Position
	partition *int32
}

const longest = 4 << 10 // bytes of a key or parameter

func (h *handler) params(r *http.Request) (*params, error) {
	q := r.URL.Query()
	p := &params{
		from: q.Get("from"), to: q.Get("to"), hasFrom: q.Has("from"), hasTo: q.Has("to"), prefix: q.Get("prefix"),
		limit: min(100, h.c.MaxRows), bytes: h.c.MaxBytes, until: time.UnixMilli(1<<53 - 1), since: time.UnixMilli(0),
	}
	var err error
	fail := func(name, want string) {
		if err == nil {
			err = &badRequest{name + " is not " + want}
		}
	}
	for name, values := range q {
		if len(values) > 1 || len(values[0]) > longest {
			fail("parameter "+strconv.QuoteToASCII(name[:min(len(name), 20)]), "there once and short")
		}
	}
	if s := q.Get("limit"); s != "" {
		n, e := strconv.Atoi(s)
		if e != nil || n < 1 {
			fail("limit", "a positive number")
		}
		p.limit = min(n, h.c.MaxRows)
	}
	if s := q.Get("after"); s != "" {
		var e error
		if p.after, e = base64.RawURLEncoding.DecodeString(s); e != nil {
			fail("after", "what next was in an answer")
		}
	}
	for name, t := range map[string]*time.Time{"start": &p.start, "end": &p.end, "at": &p.start, "since": &p.since, "until": &p.until} {
		if s := q.Get(name); s != "" {
			var ok bool
			if *t, ok = parseTime(s); !ok {
				fail(name, "a time in milliseconds or RFC 3339")
			}
		}
	}
	if s := q.Get("stale"); s != "" {
		n, e := strconv.ParseInt(s, 10, 64)
		if e != nil {
			fail("stale", "a number of records")
		}
		p.stale = &n
	}
	if s := q.Get("partition"); s != "" {
		n, e := strconv.ParseInt(s, 10, 32)
		if e != nil || n < 0 {
			fail("partition", "a partition")
		}
		n32 := int32(n)
		p.partition = &n32
	}
	if s := q.Get("position"); s != "" && json.Unmarshal([]byte(s), &p.bound) != nil {
		fail("position", "an object of topics, partitions and offsets")
	}
	p.partial = q.Get("partial") == "true"
	return p, err
}

func parseTime(s string) (time.Time, bool) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return time.UnixMilli(n), n >= 0
	}
	t, err := time.Parse(time.RFC3339, s)
	return t, err == nil
}

func (p *params) options() []state.QueryOption {
	var opts []state.QueryOption
	if p.stale != nil {
		opts = append(opts, state.Stale(*p.stale))
	}
	if p.bound != nil {
		opts = append(opts, state.UpTo(p.bound))
	}
	if p.partition != nil {
		opts = append(opts, state.InPartition(*p.partition))
	}
	return opts
}
