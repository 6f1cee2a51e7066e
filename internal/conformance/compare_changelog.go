package conformance

import (
	"fmt"
	"slices"
	"strings"
)

// entryID identifies an entry of a store in its changelog. The entries of a
// versioned store are versions: their validity times belong to the identity.
type entryID struct {
	topic string
	key   string
	from  int64
}

// changelogs compares the changelogs of each event.
//
// Java logs every put; a changelog written at the commit has the last value of
// each entry only, and in any order. So the records of an event are reduced to
// the last one of each entry, on both sides, and compared without order. That
// is all that a restore can see.
func (cmp *comparison) changelogs() {
	versioned := cmp.versionedChangelogs()
	live := map[entryID]bool{} // by the expected changelogs of the events before
	for i := range cmp.events() {
		want := lastOfEntries(at(cmp.c.Expected.Changelogs, i), versioned, (*ExpectedRecord).entry)
		got := lastOfEntries(at(cmp.r.Changelogs, i), versioned, (*Record).entry)
		for _, id := range idsOf(want, got) {
			w, expected := want[id]
			g, logged := got[id]
			cmp.changelogEntry(i, id, w, expected, g, logged, live[id])
			if expected {
				live[id] = w.Value != nil
			}
		}
	}
}

// changelogEntry compares what an event logged for one entry.
//
// A tombstone for an entry that was absent before the event says nothing. Java
// writes one when it puts and deletes an entry within an event, or deletes
// what is not there, but a Java cache in front of the store swallows it; a
// changelog of commits may have it or not. So such a tombstone may be missing,
// and one may be there where Java has none. Absent is what the expected
// changelog shows to be absent: it never had the entry, or its last record
// before the event is a tombstone.
func (cmp *comparison) changelogEntry(event int, id entryID, want ExpectedRecord, expected bool, got Record, logged, live bool) {
	field := "changelog " + id.topic + " entry " + bytesText([]byte(id.key))
	switch {
	case expected && logged:
		if part := want.differs(&got); part != "" {
			cmp.res.differ(WireFormats, event, field+" "+part, want.text(), got.text())
		}
	case expected && want.Value == nil && !live:
		cmp.res.note("event %d: no tombstone for the absent entry %s of %s", event, bytesText([]byte(id.key)), id.topic)
	case expected:
		cmp.res.differ(WireFormats, event, field, want.text(), "none")
	case got.Value == nil && !live:
		cmp.res.note("event %d: a tombstone for the absent entry %s of %s", event, bytesText([]byte(id.key)), id.topic)
	default:
		cmp.res.differ(WireFormats, event, field, "none", got.text())
	}
}

// versionedChangelogs is the names of the changelogs of versioned stores,
// which only they give a minimal compaction lag.
func (cmp *comparison) versionedChangelogs() map[string]bool {
	names := map[string]bool{}
	for _, s := range cmp.c.Expected.Subtopologies {
		for _, topic := range s.ChangelogTopics {
			if _, ok := topic.Config["min.compaction.lag.ms"]; ok {
				names[topic.Name] = true
			}
		}
	}
	return names
}

func (want *ExpectedRecord) entry() entryID {
	id := entryID{topic: want.Topic, key: string(want.Key)}
	if want.Time != nil {
		id.from = *want.Time
	}
	return id
}

func (r *Record) entry() entryID {
	return entryID{topic: r.Topic, key: string(r.Key), from: r.Time}
}

// lastOfEntries is the last record of each entry.
func lastOfEntries[R any](records []R, versioned map[string]bool, entry func(*R) entryID) map[entryID]R {
	last := make(map[entryID]R, len(records))
	for i := range records {
		id := entry(&records[i])
		if !versioned[id.topic] {
			id.from = 0
		}
		last[id] = records[i]
	}
	return last
}

// idsOf is the entries of both sides in a fixed order.
func idsOf(want map[entryID]ExpectedRecord, got map[entryID]Record) []entryID {
	ids := make([]entryID, 0, len(want))
	for id := range want {
		ids = append(ids, id)
	}
	for id := range got {
		if _, ok := want[id]; !ok {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b entryID) int {
		return strings.Compare(fmt.Sprint(a), fmt.Sprint(b))
	})
	return ids
}
