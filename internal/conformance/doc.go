// Package conformance holds what is needed to run the conformance cases, in
// which a topology, its input and everything Kafka Streams did with them are
// pinned. It is used by tests only.
//
// [Case] is one parsed case and [Run] what an implementation did with it;
// [Compare] tells them apart level by level and [Tally] adds up the verdicts.
// [Infer] computes the static [Type] of every step, and the Parse functions
// turn the functions of the case language, such as "concat:+", into Go
// functions over any, where nil is null.
//
// Values are string, int64, []byte, [window.Key] of any, or nil.
package conformance
