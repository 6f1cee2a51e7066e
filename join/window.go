package join

import (
	"fmt"
	"time"
)

// Window is how far apart in time two records may be to be joined: a record of
// the left stream at time t is joined with those of the right stream from
// t-before to t+after, both included. A Window is a value; its methods return a
// changed copy. Times count in whole milliseconds.
type Window struct{ before, after, grace time.Duration }

// Within returns the window of records that are at most d apart, without a
// grace period.
func Within(d time.Duration) Window { return Window{before: d, after: d} }

// Before sets how much earlier than the left record the right one may be. It
// may be negative: the right record then has to be later by that much. Before
// and after together must not be negative.
func (w Window) Before(d time.Duration) Window { w.before = d; return w }

// After sets how much later than the left record the right one may be. It may
// be negative: the right record then has to be earlier by that much.
func (w Window) After(d time.Duration) Window { w.after = d; return w }

// Grace is how long after the end of a record's window a left or outer join
// waits for a late record of the other side, before it emits the record alone.
// The stores keep records that much longer. The default is not to wait. (KIP-633)
func (w Window) Grace(d time.Duration) Window { w.grace = d; return w }

// Millis returns the window in milliseconds.
func (w Window) Millis() (before, after, grace int64) {
	return w.before.Milliseconds(), w.after.Milliseconds(), w.grace.Milliseconds()
}

// Problem says what is wrong with the window, or "". It is for builders.
func (w Window) Problem() string {
	before, after, grace := w.Millis()
	switch {
	case before+after < 0:
		return fmt.Sprintf("the window reaches %v back and %v ahead: together they can't be negative", w.before, w.after)
	case grace < 0:
		return fmt.Sprintf("the grace period is %v: it can't be negative", w.grace)
	}
	return ""
}
