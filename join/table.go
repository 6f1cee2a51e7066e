package join

import (
	"fmt"
	"time"
)

// TableOption changes how a stream is joined with a table.
type TableOption func(*TableOptions)

// TableOptions is what TableOption values add up to. It is for builders.
type TableOptions struct {
	Buffered bool
	Grace    time.Duration
}

// Wait lets records of the stream wait until stream time has passed them by
// grace, so that updates of the table that come late are seen. They are then
// joined in the order of their times, with the rows that the table had at these
// times. A record that is older than that when it comes is joined at once. The
// table must be versioned and keep its history for at least as long. (KIP-923)
func Wait(grace time.Duration) TableOption {
	return func(o *TableOptions) { o.Buffered, o.Grace = true, grace }
}

// Options adds options up. It is for builders.
func Options(opts []TableOption) TableOptions {
	var o TableOptions
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

// Problem says what is wrong with the options, or "". It is for builders.
func (o TableOptions) Problem() string {
	if o.Grace < 0 {
		return fmt.Sprintf("the grace period is %v: it can't be negative", o.Grace)
	}
	return ""
}

// Partitioners choose the partitions of the two internal topics of a
// foreign-key join, for tables that are not partitioned by the hash of their
// keys. partitions is how many there are. A nil one leaves the choice to the
// hash of the key, and for Left to the partition that the row came from. (KIP-775)
type Partitioners[K, FK any] struct {
	Left    func(k K, partitions int) int   // as the left table is partitioned
	Foreign func(fk FK, partitions int) int // as the other table is partitioned
}
