package conformance

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// state compares the final contents of the stores. Whether a store is
// persistent and how many bytes a buffer takes are matters of the
// implementation.
func (cmp *comparison) state() {
	x := &cmp.c.Expected
	if x.Stores == nil {
		return
	}
	cmp.res.apply(State)
	for _, name := range sortedKeys(x.Stores, cmp.r.Stores) {
		want, expected := x.Stores[name]
		got, exists := cmp.r.Stores[name]
		field := "store " + name
		switch {
		case !exists:
			cmp.res.differ(State, -1, field, want.Kind, "none")
		case !expected:
			cmp.res.differ(State, -1, field, "none", got.Kind)
		case want.Kind != got.Kind:
			cmp.res.differ(State, -1, field+" kind", want.Kind, got.Kind)
		case want.Kind == KindBuffer:
			cmp.compareBuffer(field, &want, &got)
		default:
			cmp.compareEntries(name, &want, &got)
		}
	}
}

func (cmp *comparison) compareBuffer(field string, want, got *Store) {
	if want.Records != got.Records {
		cmp.res.differ(State, -1, field+" records", want.Records, got.Records)
	}
	if w, g := intText(want.MinTimestamp), intText(got.MinTimestamp); w != g {
		cmp.res.differ(State, -1, field+" min_timestamp", w, g)
	}
}

// compareEntries compares entries by key and window or version. Entries of the
// same key and window, which stores with duplicates have, are compared in
// order.
func (cmp *comparison) compareEntries(name string, want, got *Store) {
	wanted, found := entriesByID(want), entriesByID(got)
	expired := cmp.expiry(name, want)
	for _, id := range sortedKeys(wanted, found) {
		w, g := wanted[id], found[id]
		for i := range max(len(w), len(g)) {
			field := "store " + name + " entry " + id
			switch {
			case i >= len(w):
				cmp.res.differ(State, -1, field, "none", g[i].text())
			case i >= len(g) && expired(&w[i]):
				cmp.res.note("store %s: the expired entry %s is missing", name, id)
			case i >= len(g):
				cmp.res.differ(State, -1, field, w[i].text(), "none")
			default:
				if a, b := w[i].text(), g[i].text(); a != b {
					cmp.res.differ(State, -1, field, a, b)
				}
			}
		}
	}
}

func entriesByID(s *Store) map[string][]Entry {
	byID := make(map[string][]Entry, len(s.Entries))
	for _, e := range s.Entries {
		id := canonical(e.Key)
		for _, n := range []*int64{e.Start, e.End, e.ValidFrom} {
			if n != nil {
				id += "@" + strconv.FormatInt(*n, 10)
			}
		}
		byID[id] = append(byID[id], e)
	}
	return byID
}

// text is all that is compared of an entry.
func (e *Entry) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s=%s", canonical(e.Key), canonical(e.Value))
	for i, n := range []*int64{e.Start, e.End, e.Time, e.ValidFrom, e.ValidTo} {
		if n != nil {
			fmt.Fprintf(&b, " %s=%d", [...]string{"start", "end", "ts", "valid_from", "valid_to"}[i], *n)
		}
	}
	for _, h := range e.Headers {
		fmt.Fprintf(&b, " %s:%s", h.Name, bytesText(h.Value))
	}
	return b.String()
}

func intText(n *int64) string {
	if n == nil {
		return "none"
	}
	return strconv.FormatInt(*n, 10)
}

// expiry tells which entries of a store may be missing.
//
// A cache of Java's returns entries that have expired in the store behind it,
// so that cached window and session stores list them. Without such a cache, or
// with one that knows the retention, they are gone. Expired is what lies at or
// below the highest window start or session end put so far minus the
// retention.
func (cmp *comparison) expiry(name string, s *Store) func(*Entry) bool {
	never := func(*Entry) bool { return false }
	if cmp.c.Config.CacheMaxBytes == 0 || s.Kind != KindWindow && s.Kind != KindSession {
		return never
	}
	retention, ok := cmp.retention(name)
	if !ok {
		return never
	}
	latest := cmp.latestPut(name, s)
	return func(e *Entry) bool { return *e.position(s.Kind) <= latest-retention }
}

// position is the time by which an entry expires.
func (e *Entry) position(kind StoreKind) *int64 {
	if kind == KindSession {
		return e.End
	}
	return e.Start
}

// latestPut is the highest position put into a store so far, by its entries
// and by its changelog, if it has one.
func (cmp *comparison) latestPut(name string, s *Store) int64 {
	latest := int64(math.MinInt64)
	for i := range s.Entries {
		latest = max(latest, *s.Entries[i].position(s.Kind))
	}
	// The keys of a changelog end with start and sequence number, or with end
	// and start of a session.
	suffix := 12
	if s.Kind == KindSession {
		suffix = 16
	}
	for _, event := range cmp.c.Expected.Changelogs {
		for _, r := range event {
			if r.Topic == changelogOf(name) && len(r.Key) >= suffix {
				latest = max(latest, int64(binary.BigEndian.Uint64(r.Key[len(r.Key)-suffix:])))
			}
		}
	}
	return latest
}

func changelogOf(store string) string { return AppID + "-" + store + "-changelog" }

// extraRetention is what Kafka Streams adds to the retention of a store in
// that of its changelog.
const extraRetention = 24 * 60 * 60 * 1000

// retention is the retention of a window or session store in milliseconds: by
// the setting of its changelog, or by its step, where there is no changelog or
// where a store supplier has a retention that the changelog does not know.
func (cmp *comparison) retention(name string) (int64, bool) {
	step := slices.IndexFunc(cmp.c.Topology, func(s Step) bool {
		return s.Materialized != nil && s.Materialized.Store != nil && *s.Materialized.Store == name
	})
	if step >= 0 && cmp.c.Topology[step].Materialized.Supplier != "" {
		return cmp.stepRetention(step)
	}
	for _, s := range cmp.c.Expected.Subtopologies {
		for _, t := range s.ChangelogTopics {
			if t.Name == changelogOf(name) {
				n, err := strconv.ParseInt(t.Config["retention.ms"], 10, 64)
				return n - extraRetention, err == nil
			}
		}
	}
	if step < 0 {
		return 0, false
	}
	return cmp.stepRetention(step)
}

// stepRetention is the retention of the store of an aggregation.
func (cmp *comparison) stepRetention(step int) (int64, bool) {
	s := &cmp.c.Topology[step]
	if ms := s.Materialized.RetentionMS; ms != nil {
		return *ms, true
	}
	from := slices.IndexFunc(cmp.c.Topology, func(o Step) bool { return o.ID == s.From })
	if from < 0 || cmp.c.Topology[from].Windows == nil {
		return 0, false
	}
	return cmp.c.Topology[from].Windows.retention(), true
}

// retention is the default retention of an aggregation over windows: their
// length, twice the difference for sliding ones, and the grace period.
func (w *Windows) retention() int64 {
	var sum int64
	for _, n := range []*int64{w.SizeMS, w.TimeDifferenceMS, w.TimeDifferenceMS, w.GapMS, w.GraceMS} {
		if n != nil {
			sum += *n
		}
	}
	return sum
}
