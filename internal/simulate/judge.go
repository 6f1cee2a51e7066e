package simulate

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/e2e/bank/ledger"
)

// judge compares what came out with the truth.
type judge struct {
	run     *run
	exactly bool
	truth   truth
	read    *reader
}

func (j *judge) all() {
	j.postings()
	if j.exactly {
		j.table("balances", func(e ledger.Entry) string { return strconv.FormatInt(e.Balance, 10) })
		j.table(changelog, func(e ledger.Entry) string {
			return fmt.Sprintf("%s,%d,%d,%d", e.Transfer, e.Change, e.Count, e.Balance)
		})
	}
	if j.run.s.Wide {
		j.pairs()
		j.windows()
	}
}

// account is what was read of one account.
type account struct {
	partition int32
	last      ledger.Entry
	numbers   []int64 // of the last transfer, by input partition
}

// postings checks the results one by one.
func (j *judge) postings() {
	accounts := make(map[string]*account)
	times := make(map[string]int)
	for _, r := range j.read.all("applied") {
		name := string(r.Key)
		e, err := ledger.Applied.ValueSerde().Decode(r.Value)
		if err != nil {
			j.run.fail("applied: partition %d, offset %d: %v", r.Partition, r.Offset, err)
			continue
		}
		a := accounts[name]
		if a == nil {
			a = &account{partition: r.Partition, numbers: make([]int64, j.run.s.Partitions)}
			accounts[name] = a
		}
		times[e.Transfer+" "+name]++
		where := fmt.Sprintf("applied: partition %d, offset %d: account %s, transfer %s", r.Partition, r.Offset, name, e.Transfer)
		if change, ok := j.truth.postings[e.Transfer][name]; !ok || change != e.Change {
			j.run.fail("%s: nobody sent that", where)
			continue
		}
		if a.partition != r.Partition {
			j.run.fail("%s: account was in partition %d", where, a.partition)
		}
		if j.exactly {
			j.follows(where, a, e)
		}
		a.last = e
	}
	for id, sides := range j.truth.postings {
		for name := range sides {
			j.times(times[id+" "+name], "applied: account %s, transfer %s", name, id)
		}
	}
}

// times checks how often a result came that has to come.
func (j *judge) times(n int, format string, args ...any) {
	what := fmt.Sprintf(format, args...)
	switch {
	case n == 0:
		j.run.fail("%w: %s", errMissing, what)
	case n > 1 && j.exactly:
		j.run.fail("%s: %d times", what, n)
	}
}

// follows checks an entry against the one before.
func (j *judge) follows(where string, a *account, e ledger.Entry) {
	if e.Count != a.last.Count+1 || e.Balance != a.last.Balance+e.Change {
		j.run.fail("%s: count %d and balance %d after %d and %d", where, e.Count, e.Balance, a.last.Count, a.last.Balance)
	}
	text, number, _ := strings.Cut(e.Transfer, "-")
	p, _ := strconv.Atoi(text)
	n, _ := strconv.ParseInt(number, 10, 64)
	if n <= a.numbers[p] {
		j.run.fail("%s: after transfer %d of its partition", where, a.numbers[p])
	}
	a.numbers[p] = n
}

// table checks the last value of each account against the last result.
func (j *judge) table(topic string, text func(ledger.Entry) string) {
	last := make(map[string]*kgo.Record)
	for _, r := range j.read.all(topic) {
		last[string(r.Key)] = r
	}
	want := make(map[string]ledger.Entry)
	for _, r := range j.read.all("applied") {
		if e, err := ledger.Applied.ValueSerde().Decode(r.Value); err == nil {
			want[string(r.Key)] = e
		}
	}
	for name, n := range j.truth.counts {
		e := want[name]
		if e.Count < n {
			j.run.fail("%w: account %s ends with count %d, truth is %d", errMissing, name, e.Count, n)
		} else if e.Count != n || e.Balance != j.truth.balances[name] {
			j.run.fail("account %s ends with count %d and balance %d, truth is %d and %d", name, e.Count, e.Balance, n, j.truth.balances[name])
		}
		r := last[name]
		if r == nil && e.Count == 0 {
			continue // which was told above
		}
		if r == nil {
			j.run.fail("topic %s: account %s is missing", topic, name)
			continue
		}
		// A changelog's value may begin with the time of the entry.
		if got := string(r.Value); got != text(e) && !strings.HasSuffix(got, text(e)) {
			j.run.fail("topic %s: account %s ends with %q, want %q", topic, name, got, text(e))
		}
	}
}

// pairs checks the join: one result for each transfer.
func (j *judge) pairs() {
	times := make(map[string]int)
	for _, r := range j.read.all("confirmed") {
		id := string(r.Key)
		times[id]++
		if j.truth.postings[id] == nil || string(r.Value) != "by "+id {
			j.run.fail("confirmed: partition %d, offset %d: nobody sent that", r.Partition, r.Offset)
		}
	}
	for id := range j.truth.postings {
		j.times(times[id], "confirmed: transfer %s", id)
	}
}

// windows checks the windows that have closed: each comes once, with the number
// of results in it.
func (j *judge) windows() {
	if !j.exactly {
		return // an entry's time depends on what was processed twice
	}
	type key struct {
		account string
		start   int64
	}
	want, got := make(map[key]int64), make(map[key]int)
	for _, r := range j.read.all("applied") {
		start := r.Timestamp.Truncate(windowSize)
		if start.Before(j.truth.flushed.Add(-time.Minute)) {
			want[key{string(r.Key), start.UnixMilli()}]++
		}
	}
	for _, r := range j.read.all("per-window") {
		if len(r.Key) < 8 || len(r.Value) != 8 {
			j.run.fail("per-window: partition %d, offset %d: malformed", r.Partition, r.Offset)
			continue
		}
		at := len(r.Key) - 8
		k := key{string(r.Key[:at]), int64(binary.BigEndian.Uint64(r.Key[at:]))}
		got[k]++
		if n := int64(binary.BigEndian.Uint64(r.Value)); n != want[k] {
			j.run.fail("per-window: account %s, window %d: %d results, want %d", k.account, k.start, n, want[k])
		}
	}
	for k := range want {
		j.times(got[k], "per-window: account %s, window %d", k.account, k.start)
	}
}
