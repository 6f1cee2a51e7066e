package conformance

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/overlay"
	"github.com/ottla-streams/ottla/internal/runtime/drive"
	"github.com/ottla-streams/ottla/internal/runtime/task"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state/engine/memory"
)

// What an application does must not depend on the layer that its state lies
// in. So every case that the DSL can express has the same results when each
// commit writes all state out to the engine and keeps nothing above it.
func TestWrittenOut(t *testing.T) {
	ran := 0
	for _, c := range loadCases(t) {
		want, err := runSafely(c, nil)
		if err != nil {
			continue // told by TestConformance
		}
		got, err := runSafely(c, func(d *drive.Config) {
			d.Persistent, d.Dir, d.LayerBytes = memory.Opener{}, t.TempDir(), 1
		})
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		ran++
		sameRuns(t, c, want, got)
	}
	t.Logf("%d cases", ran)
}

// sameRuns compares two runs of a case, one of which plays Java.
func sameRuns(t *testing.T, c *Case, want, got *Run) {
	t.Helper()
	if (want.Error == nil) != (got.Error == nil) {
		t.Errorf("%s: error %v, want %v", c.Name, got.Error, want.Error)
		return
	}
	java := *c
	java.Tags = nil
	java.Expected = Expected{
		Outputs: expectRecords(want.Outputs), Repartitions: expectRecords(want.Repartitions),
		Changelogs: expectRecords(want.Changelogs), Calls: want.Calls, Stores: want.Stores,
		Metrics: &Metrics{Dropped: want.Dropped},
	}
	if want.Error != nil {
		java.Expected.Error = &ExpectedError{Phase: want.Error.Phase, Event: want.Error.Event}
	}
	if res := Compare(&java, got); !res.Passed() {
		t.Error(res)
	}
}

// expectRecords is what a run produced as an expectation.
func expectRecords(lists [][]Record) [][]ExpectedRecord {
	out := make([][]ExpectedRecord, len(lists))
	for i, list := range lists {
		for _, r := range list {
			for i := range r.Headers {
				r.Headers[i].Any = strings.HasSuffix(r.Headers[i].Name, ".stacktrace")
			}
			out[i] = append(out[i], ExpectedRecord{Topic: r.Topic, Key: r.Key, Value: r.Value, Time: &r.Time, Headers: r.Headers})
		}
	}
	return out
}

// A store that is restored from its changelog holds what it held before.
func TestRestored(t *testing.T) {
	ran := 0
	for _, c := range loadCases(t) {
		before, err := runSafely(c, nil)
		if err != nil || before.Error != nil {
			continue
		}
		after, err := restored(c, before)
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		for name, got := range after {
			ran++
			want := before.Stores[name]
			res := &Result{Case: c.Name}
			cmp := &comparison{c: c, r: &Run{}, res: res}
			if want.Kind == KindBuffer {
				if want.MinTimestamp != nil && got.MinTimestamp != nil && *want.MinTimestamp < *got.MinTimestamp {
					want.MinTimestamp = got.MinTimestamp // a buffer of joins knows a lower bound only
				}
				cmp.compareBuffer("store "+name, &want, &got)
			} else {
				cmp.compareEntries(name, &want, &got)
			}
			if !res.Passed() {
				t.Error(res)
			}
		}
	}
	t.Logf("%d stores", ran)
}

// restored is the contents of the stores that have a changelog of their own,
// restored from what a run logged.
func restored(c *Case, r *Run) (stores map[string]Store, err error) {
	x, top, err := interpret(c)
	if err != nil {
		return nil, err
	}
	logged := map[string]bool{}
	config := x.driveConfig(top)
	config.Restore = func(task *task.Task) error {
		for _, s := range top.Graph().Stores {
			if !s.Logged || s.Global || s.SourceTopic != nil {
				continue
			}
			logged[s.Name] = true
			topic := graph.Topic{Name: s.Name + "-changelog", Internal: true}.Full(AppID)
			if err := task.Restore(s.Name, changelog(r, topic), 1); err != nil {
				return err
			}
		}
		return nil
	}
	d, err := drive.New(config)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.Close(true)) }()
	if err := x.dumpStores(d, top.Graph()); err != nil {
		return nil, err
	}
	for _, s := range top.Graph().Stores {
		st := x.run.Stores[s.Name]
		if !logged[s.Name] {
			delete(x.run.Stores, s.Name)
		} else if s.Kind == graph.VersionedStore {
			st.Entries = current(st.Entries, s.RetentionMillis)
			x.run.Stores[s.Name] = st
			before := r.Stores[s.Name]
			before.Entries = current(before.Entries, s.RetentionMillis)
			r.Stores[s.Name] = before
		}
	}
	return x.run.Stores, nil
}

// current is the versions that are within the history: others may or may not
// be there still.
func current(versions []Entry, history int64) []Entry {
	highest := int64(0)
	for _, v := range versions {
		highest = max(highest, *v.ValidFrom)
	}
	return slices.DeleteFunc(versions, func(v Entry) bool { return v.ValidTo != nil && *v.ValidTo <= highest-history })
}

// changelog is the records of a changelog.
func changelog(r *Run, topic string) []overlay.Record {
	var records []overlay.Record
	for _, event := range r.Changelogs {
		for _, rec := range event {
			if rec.Topic != topic {
				continue
			}
			var headers serde.Headers
			for _, h := range rec.Headers {
				headers = append(headers, serde.Header{Key: h.Name, Value: h.Value})
			}
			records = append(records, overlay.Record{Key: rec.Key, Value: rec.Value, Time: rec.Time, Headers: headers})
		}
	}
	return records
}
