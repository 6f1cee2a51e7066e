package flow

import "sort"

// Again decodes records of a fetched batch once more.
type Again interface {
	// Again returns the record at a place of the batch, which is there for sure.
	Again(at int32) *Origin
}

// Causes remembers which input records a number of outputs came from, with little
// more than the place in its batch for each. Its zero value remembers none.
type Causes struct {
	at   []int32 // place in the batch, or in own; -1 for no cause
	runs []causeRun
	own  []Origin // of records that can't be decoded again
}

// causeRun is outputs in a row whose causes are of the same batch, nil for own.
type causeRun struct {
	of    Again
	first int // of the outputs
}

// Set notes the cause of output i, nil for none. Outputs come in order. What o
// points to is not kept.
func (c *Causes) Set(i int, o *Origin) {
	if o == nil {
		return
	}
	for len(c.at) < i {
		c.at = append(c.at, -1)
	}
	at := o.At
	if o.From == nil {
		at = int32(len(c.own))
		c.own = append(c.own, *o)
	}
	if n := len(c.runs); n == 0 || c.runs[n-1].of != o.From {
		c.runs = append(c.runs, causeRun{o.From, i})
	}
	c.at = append(c.at, at)
}

// Of returns the cause of output i, nil for none.
func (c *Causes) Of(i int) *Origin {
	if i >= len(c.at) || c.at[i] < 0 {
		return nil
	}
	r := c.runs[sort.Search(len(c.runs), func(r int) bool { return c.runs[r].first > i })-1]
	if r.of != nil {
		return r.of.Again(c.at[i])
	}
	own := c.own[c.at[i]]
	return &own
}

// Reset forgets all, and keeps the room.
func (c *Causes) Reset() {
	clear(c.runs)
	clear(c.own)
	c.at, c.runs, c.own = c.at[:0], c.runs[:0], c.own[:0]
}
