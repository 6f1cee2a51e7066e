package stream

import (
	"fmt"
	"io"
	"sync"
	"time"
)

const progressEvery = 2 * time.Second

// progress prints how far long restores are, for the terminal of run. A restore
// that takes less than a moment says nothing. It is safe for concurrent use.
type progress struct {
	out  io.Writer
	now  func() time.Time
	next func(RestoreProgress) // nil for none

	mu     sync.Mutex
	stores map[string]RestoreProgress
	began  time.Time
	told   time.Time
	spoke  bool
}

func newProgress(out io.Writer, next func(RestoreProgress)) *progress {
	return &progress{out: out, now: time.Now, next: next, stores: make(map[string]RestoreProgress)}
}

// listen is a RestoreListener.
func (p *progress) listen(r RestoreProgress) {
	if p.next != nil {
		p.next(r)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if len(p.stores) == 0 {
		p.began, p.told, p.spoke = now, now, false
	}
	p.stores[fmt.Sprint(r.Task, "/", r.Store)] = r
	open, done, all := 0, int64(0), int64(0)
	for _, s := range p.stores {
		done, all = done+max(0, s.Position-s.From), all+max(0, s.End-s.From)
		if !s.Done {
			open++
		}
	}
	if open == 0 {
		if p.spoke {
			fmt.Fprintf(p.out, "restored: %d stores in %s\n", len(p.stores), now.Sub(p.began).Round(time.Second))
		}
		clear(p.stores)
		return
	}
	if now.Sub(p.told) < progressEvery || all == 0 {
		return
	}
	p.told, p.spoke = now, true
	left := ""
	if done > 0 {
		left = fmt.Sprintf(", about %s left", time.Duration(float64(now.Sub(p.began))*float64(all-done)/float64(done)).Round(time.Second))
	}
	fmt.Fprintf(p.out, "restoring: %d of %d stores to go, %d of %d offsets (%d %%)%s\n", open, len(p.stores), done, all, done*100/all, left)
}
