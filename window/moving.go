package window

import "time"

// SlidingWindow is windows that move with the records: each window holds
// records of a key whose times differ by at most the difference, and there is
// one window for each set of such records. Start and end belong to a window.
// No window starts before the epoch: records before the difference share the
// window that does. (KIP-450)
type SlidingWindow struct{ difference, grace millis }

// Sliding returns windows of records whose times differ by at most difference.
func Sliding(difference time.Duration) SlidingWindow {
	return SlidingWindow{difference: millis{difference}}
}

// Grace lets windows take records until stream time is d past their end. The
// default is no grace.
func (w SlidingWindow) Grace(d time.Duration) SlidingWindow {
	w.grace = millis{d}
	return w
}

// End returns the end of a window, at most the largest int64.
func (w SlidingWindow) End(start int64) int64 { return add(start, w.difference.value()) }

// Problem says what is wrong with the window, or "".
func (w SlidingWindow) Problem() string {
	return first(w.difference.problem("time difference", 1), w.grace.problem("grace period", 0))
}

// SizeMillis is the time difference.
func (w SlidingWindow) SizeMillis() int64 { return w.difference.value() }

// GraceMillis is how long a window takes records after its end.
func (w SlidingWindow) GraceMillis() int64 { return w.grace.value() }

// RetentionMillis is how long a store has to keep windows: twice the difference,
// and the grace period.
func (w SlidingWindow) RetentionMillis() int64 {
	d := w.difference.value()
	return add(add(d, d), w.grace.value())
}

func (SlidingWindow) sealed() {}

// SessionWindow is windows of activity: records of a key that are at most the
// gap apart are in one session, whose start and end are the times of its first
// and last record. A record between two sessions merges them. (KIP-94)
type SessionWindow struct{ gap, grace millis }

// Session returns sessions that end when there is no record for longer than gap.
// With a gap of zero a session holds the records of one time.
func Session(gap time.Duration) SessionWindow { return SessionWindow{gap: millis{gap}} }

// Grace lets sessions take records until stream time is gap and d past their
// end. The default is no grace.
func (w SessionWindow) Grace(d time.Duration) SessionWindow {
	w.grace = millis{d}
	return w
}

// Problem says what is wrong with the window, or "".
func (w SessionWindow) Problem() string {
	return first(w.gap.problem("gap", 0), w.grace.problem("grace period", 0))
}

// GapMillis is how long a session lasts without a record.
func (w SessionWindow) GapMillis() int64 { return w.gap.value() }

// GraceMillis is how long a session takes records after its gap.
func (w SessionWindow) GraceMillis() int64 { return w.grace.value() }

// RetentionMillis is how long a store has to keep sessions, from their end: gap
// and grace.
func (w SessionWindow) RetentionMillis() int64 { return add(w.gap.value(), w.grace.value()) }
