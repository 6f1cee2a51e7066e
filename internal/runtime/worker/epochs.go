package worker

// epochs remembers with which leader epoch the offsets of a partition came, so
// that a commit can tell the one of the record before it (KIP-320).
type epochs []epochFrom

type epochFrom struct {
	offset int64
	epoch  int32
}

func (e *epochs) note(offset int64, epoch int32) {
	if n := len(*e); n == 0 || (*e)[n-1].epoch != epoch {
		*e = append(*e, epochFrom{offset, epoch})
	}
}

// skip notes that nobody told the epochs of what lies before next.
func (e *epochs) skip(next int64) { e.note(next-1, -1) }

// at returns the epoch of the last record before next and forgets older ones.
func (e *epochs) at(next int64) int32 {
	for len(*e) > 1 && (*e)[1].offset < next {
		*e = (*e)[1:]
	}
	if len(*e) == 0 || (*e)[0].offset >= next {
		return -1
	}
	return (*e)[0].epoch
}
