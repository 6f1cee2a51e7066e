// Package window says how time divides a stream.
//
// It is pure: windows are values, and finding the windows of a timestamp is a
// function. There are only a few types: a [TimeWindow] is tumbling or hopping, a
// [SlidingWindow] and a [SessionWindow] follow the records, an [UnlimitedWindow]
// has no end; [Window] is what they share, and [Key] is the key of a windowed
// result. All are values, safe for concurrent use.
//
// Times are in milliseconds since the epoch. Durations have to be whole
// milliseconds. A mistake is told when the topology is built.
package window

import "time"

// Key is a key within a window. For time windows End is exclusive, for session
// and sliding windows it is inclusive. Both are milliseconds since the epoch.
type Key[K any] struct {
	Key   K
	Start int64
	End   int64
}

// StartTime is Start as a time.
func (k Key[K]) StartTime() time.Time { return time.UnixMilli(k.Start) }

// EndTime is End as a time.
func (k Key[K]) EndTime() time.Time { return time.UnixMilli(k.End) }
