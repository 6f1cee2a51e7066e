package conformance

import (
	"errors"
	"math/rand/v2"
	"slices"
)

// mutation changes one thing of a run, so that it is not as expected on one
// level. It reports whether there was such a thing.
type mutation struct {
	name  string
	level Level
	apply func(rng *rand.Rand, c *Case, r *Run) bool
}

var mutations = slices.Concat(
	recordMutations("output", Results, func(r *Run) *[][]Record { return &r.Outputs }),
	recordMutations("repartition", WireFormats, func(r *Run) *[][]Record { return &r.Repartitions }),
	changelogMutations,
	otherMutations,
	storeMutations,
)

// pick chooses an element of the list of a random event, among those that are
// suitable.
func pick[T any](rng *rand.Rand, lists [][]T, suitable func(event, i int) bool) (event, i int, ok bool) {
	var all [][2]int
	for e, list := range lists {
		for i := range list {
			if suitable == nil || suitable(e, i) {
				all = append(all, [2]int{e, i})
			}
		}
	}
	if len(all) == 0 {
		return 0, 0, false
	}
	at := all[rng.IntN(len(all))]
	return at[0], at[1], true
}

// recordMutations are the mutations of a list of records in order.
func recordMutations(what string, level Level, of func(*Run) *[][]Record) []mutation {
	record := func(name string, change func(r *Record)) mutation {
		return mutation{what + " " + name, level, func(rng *rand.Rand, _ *Case, r *Run) bool {
			lists := *of(r)
			e, i, ok := pick(rng, lists, nil)
			if ok {
				change(&lists[e][i])
			}
			return ok
		}}
	}
	return []mutation{
		record("topic", func(r *Record) { r.Topic += "x" }),
		record("key", func(r *Record) { r.Key = otherBytes(r.Key) }),
		record("value", func(r *Record) { r.Value = otherBytes(r.Value) }),
		record("value null or not", func(r *Record) { r.Value = nullOrNot(r.Value) }),
		record("ts", func(r *Record) { r.Time++ }),
		record("header more", func(r *Record) { r.Headers = append(r.Headers, Header{Name: "more"}) }),
		{what + " header less", level, func(rng *rand.Rand, _ *Case, r *Run) bool {
			lists := *of(r)
			e, i, ok := pick(rng, lists, func(e, i int) bool { return len(lists[e][i].Headers) > 0 })
			if ok {
				lists[e][i].Headers = lists[e][i].Headers[1:]
			}
			return ok
		}},
		{what + " header value", level, func(rng *rand.Rand, _ *Case, r *Run) bool {
			lists := *of(r)
			e, i, ok := pick(rng, lists, func(e, i int) bool { h := lists[e][i].Headers; return len(h) > 0 && !h[0].Any })
			if ok {
				lists[e][i].Headers[0].Value = otherBytes(lists[e][i].Headers[0].Value)
			}
			return ok
		}},
		{what + " missing", level, func(rng *rand.Rand, _ *Case, r *Run) bool {
			lists := *of(r)
			e, i, ok := pick(rng, lists, nil)
			if ok {
				lists[e] = slices.Delete(lists[e], i, i+1)
			}
			return ok
		}},
		{what + " twice", level, func(rng *rand.Rand, _ *Case, r *Run) bool {
			lists := *of(r)
			e, i, ok := pick(rng, lists, nil)
			if ok {
				lists[e] = append(lists[e], lists[e][i])
			}
			return ok
		}},
		{what + " out of order", level, func(rng *rand.Rand, _ *Case, r *Run) bool {
			lists := *of(r)
			e, i, ok := pick(rng, lists, func(e, i int) bool {
				if i == 0 {
					return false
				}
				a, b := &lists[e][i-1], &lists[e][i]
				return a.Topic == b.Topic && (!sameBytes(a.Key, b.Key) || !sameBytes(a.Value, b.Value))
			})
			if ok {
				lists[e][i-1], lists[e][i] = lists[e][i], lists[e][i-1]
			}
			return ok
		}},
		{what + " in another event", level, func(rng *rand.Rand, c *Case, r *Run) bool {
			lists := *of(r)
			e, i, ok := pick(rng, lists, func(e, _ int) bool { return e+1 < len(lists) })
			if ok {
				rec := lists[e][i]
				lists[e] = slices.Delete(lists[e], i, i+1)
				lists[e+1] = append(lists[e+1], rec)
			}
			return ok
		}},
	}
}

func otherBytes(b []byte) []byte {
	if b == nil {
		return []byte("x")
	}
	return append(slices.Clone(b), 'x')
}

func nullOrNot(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return nil
}

// lastOfEntry chooses a changelog record that no later one of its event
// replaces.
func lastOfEntry(rng *rand.Rand, c *Case, r *Run, suitable func(x *ExpectedRecord) bool) (event, i int, ok bool) {
	versioned := (&comparison{c: c}).versionedChangelogs()
	id := func(e, i int) entryID {
		id := r.Changelogs[e][i].entry()
		if !versioned[id.topic] {
			id.from = 0
		}
		return id
	}
	return pick(rng, r.Changelogs, func(e, i int) bool {
		for j := i + 1; j < len(r.Changelogs[e]); j++ {
			if id(e, i) == id(e, j) {
				return false
			}
		}
		return suitable(&c.Expected.Changelogs[e][i])
	})
}

func changelogMutation(name string, suitable func(x *ExpectedRecord) bool, change func(r *Record)) mutation {
	return mutation{"changelog " + name, WireFormats, func(rng *rand.Rand, c *Case, r *Run) bool {
		e, i, ok := lastOfEntry(rng, c, r, suitable)
		if ok {
			change(&r.Changelogs[e][i])
		}
		return ok
	}}
}

func anyRecord(*ExpectedRecord) bool { return true }
func notNull(x *ExpectedRecord) bool { return x.Value != nil }

var changelogMutations = []mutation{
	changelogMutation("value", anyRecord, func(r *Record) { r.Value = otherBytes(r.Value) }),
	changelogMutation("null", notNull, func(r *Record) { r.Value = nil }),
	changelogMutation("key", notNull, func(r *Record) { r.Key = otherBytes(r.Key) }),
	changelogMutation("topic", notNull, func(r *Record) { r.Topic += "x" }),
	changelogMutation("ts", func(x *ExpectedRecord) bool { return notNull(x) && x.Time != nil }, func(r *Record) { r.Time++ }),
	changelogMutation("header", anyRecord, func(r *Record) { r.Headers = append(r.Headers, Header{Name: "more"}) }),
	{"changelog missing", WireFormats, func(rng *rand.Rand, c *Case, r *Run) bool {
		// The only record of its key, so that no other one takes its place.
		e, i, ok := pick(rng, r.Changelogs, func(e, i int) bool {
			rec := r.Changelogs[e][i]
			same := 0
			for _, o := range r.Changelogs[e] {
				if o.Topic == rec.Topic && sameBytes(o.Key, rec.Key) {
					same++
				}
			}
			return rec.Value != nil && same == 1
		})
		if ok {
			r.Changelogs[e] = slices.Delete(r.Changelogs[e], i, i+1)
		}
		return ok
	}},
	{"changelog more", WireFormats, func(rng *rand.Rand, c *Case, r *Run) bool {
		if len(r.Changelogs) == 0 {
			return false
		}
		r.Produced(rng.IntN(len(r.Changelogs)), Record{Topic: changelogOf("more"), Key: []byte("k"), Value: []byte{}})
		return true
	}},
}

var otherMutations = []mutation{
	{"describe", Describe, func(_ *rand.Rand, c *Case, r *Run) bool { r.Describe += "x"; return c.Expected.Describe != nil }},
	{"dropped", Results, func(_ *rand.Rand, c *Case, r *Run) bool { r.Dropped++; return c.Expected.Metrics != nil }},
	{"error missing", Results, func(_ *rand.Rand, c *Case, r *Run) bool {
		r.Error = nil
		return c.Expected.Error != nil
	}},
	{"error in another event", Results, func(_ *rand.Rand, c *Case, r *Run) bool {
		if r.Error == nil || r.Error.Phase != PhaseEvent {
			return false
		}
		r.Error.Event++
		return true
	}},
	{"error in another phase", Results, func(_ *rand.Rand, c *Case, r *Run) bool {
		if r.Error == nil {
			return false
		}
		if r.Error.Phase == PhaseBuild {
			r.Error.Phase = PhaseStart
		} else if r.Error.Phase == PhaseEvent {
			r.Error.Phase = PhaseStart
		} else {
			r.Error.Phase = PhaseEvent
		}
		return true
	}},
	{"error more", Results, func(_ *rand.Rand, c *Case, r *Run) bool {
		r.Error = &RunError{Phase: PhaseEvent, Err: errors.New("unexpected")}
		return c.Expected.Error == nil
	}},
	callMutation("step", func(c *Call) { c.Step += "x" }),
	callMutation("key", func(c *Call) { c.Key = JSON("none of the keys") }),
	callMutation("value", func(c *Call) { c.Value = JSON("none of the values") }),
	{"call more", Results, func(rng *rand.Rand, c *Case, r *Run) bool {
		if c.Expected.Error != nil || len(c.Events) == 0 {
			return false
		}
		r.Called(rng.IntN(len(c.Events)), "more", "k", int64(1))
		return true
	}},
	structureMutation("sink topic", func(s *Subtopology) bool { s.SinkTopics = append(s.SinkTopics, "more"); return true }),
	structureMutation("source topic", func(s *Subtopology) bool { s.SourceTopics = s.SourceTopics[:len(s.SourceTopics)/2]; return true }),
	structureMutation("id", func(s *Subtopology) bool { s.ID += 100; return true }),
	structureMutation("changelog setting", func(s *Subtopology) bool {
		if len(s.ChangelogTopics) == 0 {
			return false
		}
		s.ChangelogTopics[0].Config["cleanup.policy"] += "x"
		return true
	}),
	structureMutation("repartition partitions", func(s *Subtopology) bool {
		if len(s.RepartitionTopics) == 0 {
			return false
		}
		n := int32(77)
		s.RepartitionTopics[0].Partitions = &n
		return true
	}),
	{"copartition group", Structure, func(_ *rand.Rand, c *Case, r *Run) bool {
		if len(r.CopartitionGroups) == 0 {
			return false
		}
		r.CopartitionGroups[0] = r.CopartitionGroups[0][1:]
		return true
	}},
	{"subtopology missing", Structure, func(_ *rand.Rand, c *Case, r *Run) bool {
		if len(r.Subtopologies) == 0 {
			return false
		}
		r.Subtopologies = r.Subtopologies[1:]
		return true
	}},
	{"branch names", Structure, func(_ *rand.Rand, c *Case, r *Run) bool {
		for id := range r.BranchNames {
			r.BranchNames[id] = append(r.BranchNames[id], "more")
			return true
		}
		return false
	}},
	{"queryable name", Structure, func(_ *rand.Rand, c *Case, r *Run) bool {
		other := "other"
		for id := range r.QueryableStoreNames {
			r.QueryableStoreNames[id] = &other
			return true
		}
		return false
	}},
}

func callMutation(name string, change func(*Call)) mutation {
	return mutation{"call " + name, Results, func(rng *rand.Rand, _ *Case, r *Run) bool {
		e, i, ok := pick(rng, r.Calls, nil)
		if ok {
			change(&r.Calls[e][i])
		}
		return ok
	}}
}

func structureMutation(name string, change func(*Subtopology) bool) mutation {
	return mutation{"subtopology " + name, Structure, func(rng *rand.Rand, _ *Case, r *Run) bool {
		if len(r.Subtopologies) == 0 {
			return false
		}
		return change(&r.Subtopologies[rng.IntN(len(r.Subtopologies))])
	}}
}

var storeMutations = []mutation{
	storeMutation("kind", func(_ *rand.Rand, s *Store) bool { s.Kind += "x"; return true }),
	storeMutation("records", func(_ *rand.Rand, s *Store) bool { s.Records++; return s.Kind == KindBuffer }),
	storeMutation("min timestamp", func(_ *rand.Rand, s *Store) bool {
		n := int64(-77)
		s.MinTimestamp = &n
		return s.Kind == KindBuffer
	}),
	entryMutation("key", func(e *Entry) bool { e.Key = JSON("none of the keys"); return true }),
	entryMutation("value", func(e *Entry) bool { e.Value = JSON([]any{"none of the values"}); return true }),
	entryMutation("start", func(e *Entry) bool { return increment(&e.Start) }),
	entryMutation("end", func(e *Entry) bool { return increment(&e.End) }),
	entryMutation("ts", func(e *Entry) bool { return increment(&e.Time) }),
	entryMutation("valid_from", func(e *Entry) bool { return increment(&e.ValidFrom) }),
	entryMutation("valid_to", func(e *Entry) bool { return increment(&e.ValidTo) }),
	entryMutation("headers", func(e *Entry) bool { e.Headers = append(e.Headers, Header{Name: "more"}); return true }),
	storeMutation("entry twice", func(rng *rand.Rand, s *Store) bool {
		if len(s.Entries) > 0 {
			s.Entries = append(s.Entries, s.Entries[rng.IntN(len(s.Entries))])
		}
		return len(s.Entries) > 0
	}),
	{"store entry missing", State, func(rng *rand.Rand, c *Case, r *Run) bool {
		for name, s := range r.Stores {
			if c.Config.CacheMaxBytes == 0 && len(s.Entries) > 0 {
				s.Entries = slices.Delete(s.Entries, 0, 1)
				r.Stores[name] = s
				return true
			}
		}
		return false
	}},
	{"store missing", State, func(_ *rand.Rand, _ *Case, r *Run) bool {
		for name := range r.Stores {
			delete(r.Stores, name)
			return true
		}
		return false
	}},
	{"store more", State, func(_ *rand.Rand, c *Case, r *Run) bool {
		r.Stores["more"] = Store{Kind: KindKeyValue}
		return c.Expected.Stores != nil
	}},
}

// increment replaces a number by the next one, so that others keep theirs.
func increment(n **int64) bool {
	if *n == nil {
		return false
	}
	next := **n + 1
	*n = &next
	return true
}

func storeMutation(name string, change func(*rand.Rand, *Store) bool) mutation {
	return mutation{"store " + name, State, func(rng *rand.Rand, _ *Case, r *Run) bool {
		names := sortedKeys(r.Stores, nil)
		if len(names) == 0 {
			return false
		}
		name := names[rng.IntN(len(names))]
		s := r.Stores[name]
		ok := change(rng, &s)
		r.Stores[name] = s
		return ok
	}}
}

func entryMutation(name string, change func(*Entry) bool) mutation {
	return storeMutation("entry "+name, func(rng *rand.Rand, s *Store) bool {
		return len(s.Entries) > 0 && change(&s.Entries[rng.IntN(len(s.Entries))])
	})
}
