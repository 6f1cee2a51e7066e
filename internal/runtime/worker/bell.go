package worker

import (
	"context"
	"sync"
	"time"
)

// bell ends the loop's wait for records. It may be rung by any goroutine; a
// ring while nobody waits ends the next wait.
type bell struct {
	mu   sync.Mutex
	end  context.CancelFunc
	rung bool
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rung = true
	if b.end != nil {
		b.end()
	}
}

// wait waits for a ring, for d at most.
func (b *bell) wait(ctx context.Context, d time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	b.mu.Lock()
	b.end = cancel
	if b.rung {
		cancel()
	}
	b.mu.Unlock()
	<-ctx.Done()
	b.mu.Lock()
	b.end, b.rung = nil, false
	b.mu.Unlock()
}

// calls are what other goroutines want the loop to do.
type calls struct {
	mu   sync.Mutex
	todo []call
	bell *bell
	gone chan struct{} // closed when the loop has ended
}

type call struct {
	f    func()
	done chan struct{}
}

// post hands f to the loop and does not wait.
func (c *calls) post(f func()) chan struct{} {
	done := make(chan struct{})
	c.mu.Lock()
	c.todo = append(c.todo, call{f, done})
	c.mu.Unlock()
	c.bell.ring()
	return done
}

// do hands f to the loop and waits until it ran. It returns false if it may
// never run: the loop or the context has ended.
func (c *calls) do(ctx context.Context, f func()) bool {
	done := c.post(f)
	select {
	case <-done:
		return true
	case <-c.gone:
	case <-ctx.Done():
	}
	return false
}

// run runs what was handed over. It is the loop's.
func (c *calls) run() {
	for {
		c.mu.Lock()
		todo := c.todo
		c.todo = nil
		c.mu.Unlock()
		if len(todo) == 0 {
			return
		}
		for _, k := range todo {
			k.f()
			close(k.done)
		}
	}
}
