package pebble

import "time"

// retryEvery is how long background work waits after a failed write before it
// tries again. Pebble itself tries again at once.
const retryEvery = 100 * time.Millisecond

// pauseOfReads is how long a failed read takes: Pebble's own reads are tried again
// at once.
const pauseOfReads = 10 * time.Millisecond

// mayRead fails, after a while, when the DB stopped.
func (h *health) mayRead() error {
	if h.stop.Load() == nil || !h.opened.Load() {
		return nil
	}
	h.pause(retryEvery)
	return errFrozen
}

func (h *health) pauseAfterRead() {
	if h.opened.Load() {
		h.pause(pauseOfReads)
	}
}

// isClosing tells whether the files are about to be released.
func (h *health) isClosing() bool {
	select {
	case <-h.closing:
		return true
	default:
		return false
	}
}

// mayWrite fails when the DB stopped.
func (h *health) mayWrite() error {
	if h.stop.Load() != nil {
		return errFrozen
	}
	return nil
}

// mayCreate is mayWrite for the first step of background work, which has to wait
// after a failure.
func (h *health) mayCreate() error {
	h.mu.Lock()
	wait := retryEvery - time.Since(h.lastFail)
	h.mu.Unlock()
	if h.stop.Load() != nil {
		wait = retryEvery
	}
	if wait > 0 && h.opened.Load() {
		h.pause(wait)
	}
	return h.mayWrite()
}

func (h *health) failed() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lastFail = time.Now()
}

// pause waits, until the DB closes at most, which it returns as false.
func (h *health) pause(wait time.Duration) bool {
	select {
	case <-time.After(wait):
		return true
	case <-h.closing:
		return false
	}
}

// waitForSpace reports err as a flush's and waits a moment. It is false if there
// is no point in waiting on.
func (h *health) waitForSpace(err error) bool {
	if !isNoSpace(err) || !h.opened.Load() || h.stop.Load() != nil {
		return false
	}
	h.flushed(err)
	return h.pause(retryEvery)
}

// spaceAgain ends what waitForSpace reported.
func (h *health) spaceAgain(err error) {
	if err == nil {
		h.update(func() { h.flushErr = nil })
	}
}
