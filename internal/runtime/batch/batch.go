package batch

import (
	"errors"
	"fmt"
)

// Batch is one record batch of format 2 whose header was checked and whose
// records are not decoded yet.
type Batch struct {
	Base, Last int64  // the offset of the batch, and that of the last record that it had when written
	Epoch      int32  // of the leader that took it
	Records    int    // how many it holds; compaction takes some out
	FirstTime  int64  // milliseconds since the epoch, which the times of records count from
	MaxTime    int64  // milliseconds since the epoch
	AppendTime bool   // all records have MaxTime, the time of the broker
	Codec      uint8  // that it was compressed with, 0 for none
	Compressed int    // bytes of the records as they came
	Payload    []byte // the records, inflated
}

// Aborted is a transaction whose records are left out: those of the producer
// from offset First until its abort marker.
type Aborted struct{ Producer, First int64 }

// What can be wrong with a batch.
var (
	// ErrCorrupt is a batch whose fields don't fit together.
	ErrCorrupt = errors.New("corrupt record batch")
	// ErrCRC is a batch that is not what its checksum was made of.
	ErrCRC = errors.New("checksum of record batch does not match")
	// ErrTooOld is a message set, the format before Kafka 0.11.
	ErrTooOld = errors.New("message format before 2")
)

// Error tells of a batch that can't be read.
type Error struct {
	Offset int64 // of the batch
	// Next is the offset to go on from without the batch. It lies behind it only
	// if its header is sound, as what can't be inflated: no other tells how far
	// it goes.
	Next int64
	Err  error
}

func (e *Error) Error() string { return fmt.Sprintf("batch at offset %d: %v", e.Offset, e.Err) }

// Unwrap returns what is wrong.
func (e *Error) Unwrap() error { return e.Err }
