package serve

import (
	"bytes"
	"context"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// scan answers GET /stores/{store}: rows of all instances in order of their keys.
func (h *handler) scan(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), h.c.Timeout)
	defer cancel()
	s, err := h.store(r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	p, err := h.params(r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	local := s.scan(ctx, p)
	for _, q := range local {
		if q.Partition < 0 && q.err != nil {
			h.fail(w, r, q.err)
			return
		}
		if q.Error == "bad_request" {
			h.fail(w, r, &badRequest{"the range is not one of this store"})
			return
		}
	}
	if r.Header.Get(hop) != "" {
		local = slices.DeleteFunc(local, func(q part) bool { return q.Error == notLocal.code })
		h.write(w, http.StatusOK, map[string]any{"parts": local})
		return
	}
	h.answer(w, r, h.gather(ctx, r, local), p)
}

// gather adds the partitions of other instances. The result has each partition
// once, in order.
func (h *handler) gather(ctx context.Context, r *http.Request, local []part) []part {
	byPartition := make(map[int32]part)
	missing := false
	for _, q := range local {
		byPartition[q.Partition] = q
		missing = missing || q.Error == notLocal.code
	}
	hosts, err := h.app.MetadataForStore(r.PathValue("store"))
	if err != nil || !missing {
		hosts = nil
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, host := range hosts {
		if host.Local || host.Host == "" {
			continue
		}
		wg.Go(func() {
			parts, err := h.partsOf(ctx, r, host.Host)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				for _, partitions := range host.Stores {
					for _, n := range partitions {
						if q, ok := byPartition[n]; ok && q.Error == notLocal.code {
							byPartition[n] = part{Partition: n, Error: problemOf(err).code, err: err}
						}
					}
				}
				return
			}
			for _, q := range parts {
				if old, ok := byPartition[q.Partition]; ok && old.Error != "" && (q.Error == "" || old.Error == notLocal.code) {
					byPartition[q.Partition] = q
				}
			}
		})
	}
	wg.Wait()
	all := make([]part, 0, len(byPartition))
	for _, q := range byPartition {
		all = append(all, q)
	}
	slices.SortFunc(all, func(a, b part) int { return int(a.Partition) - int(b.Partition) })
	return all
}

// answer merges the rows of partitions into one page. Where a partition has more
// rows than it gave, the page ends with its last one: what lies behind is not known.
func (h *handler) answer(w http.ResponseWriter, r *http.Request, all []part, p *params) {
	var rows []row
	var end []byte
	type failure struct {
		Partition int32  `json:"partition"`
		Error     string `json:"error"`
	}
	var failed []failure
	for _, q := range all {
		if q.Error != "" {
			if q.Error == notLocal.code {
				q.Error = "not_ready"
			}
			failed = append(failed, failure{q.Partition, q.Error})
			if !p.partial {
				h.fail(w, r, problemError(q.Error))
				return
			}
		}
		rows = append(rows, q.Rows...)
		if n := len(q.Rows); q.More && n > 0 && (end == nil || bytes.Compare(q.Rows[n-1].Order, end) < 0) {
			end = q.Rows[n-1].Order
		}
	}
	slices.SortStableFunc(rows, func(a, b row) int { return bytes.Compare(a.Order, b.Order) })
	keep, size := 0, 0
	for keep < len(rows) && keep < p.limit && (end == nil || bytes.Compare(rows[keep].Order, end) <= 0) {
		if size += rows[keep].size(); keep > 0 && size > p.bytes {
			break
		}
		keep++
	}
	next := ""
	if keep > 0 && (keep < len(rows) || end != nil) {
		next = base64.RawURLEncoding.EncodeToString(rows[keep-1].Order)
	}
	rows = rows[:keep]
	for i := range rows {
		rows[i].Order = nil
	}
	if rows == nil {
		rows = []row{}
	}
	answer := map[string]any{"rows": rows}
	if next != "" {
		answer["next"] = next
		q := r.URL.Query()
		q.Set("after", next)
		w.Header().Set("Link", "<"+strings.TrimSuffix(r.URL.EscapedPath(), "?")+"?"+q.Encode()+`>; rel="next"`)
	}
	if len(failed) > 0 {
		answer["failed"] = failed
	}
	h.write(w, http.StatusOK, answer)
}
