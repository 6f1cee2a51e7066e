package registry

import (
	"context"
	"errors"
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

// cache keeps what was fetched. Hits take no lock. Misses of the same key are
// fetched once: the others wait for the first. The zero cache is ready.
type cache[K comparable, V any] struct {
	ttl time.Duration // of what the registry refuses; 0 keeps none

	hits    atomic.Pointer[map[K]V]
	mu      sync.Mutex
	pending map[K]*fetching[V]
	refused map[K]miss
}

type fetching[V any] struct {
	done chan struct{}
	v    V
	err  error
}

type miss struct {
	err   error
	until time.Time
}

const maxMisses = 1024 // hostile ids must not fill the memory

var errPanic = errors.New("the request panicked")

func (c *cache[K, V]) hit(k K) (v V, ok bool) {
	if m := c.hits.Load(); m != nil {
		v, ok = (*m)[k]
	}
	return v, ok
}

// get returns the value of k, and fetches it if there is none.
func (c *cache[K, V]) get(ctx context.Context, k K, fetch func(context.Context) (V, error)) (V, error) {
	for {
		if v, ok := c.hit(k); ok {
			return v, nil
		}
		f, mine, err := c.join(k)
		if err != nil {
			var none V
			return none, err
		}
		if mine {
			f.err = errPanic // unless fetch returns
			defer c.finish(k, f)
			f.v, f.err = fetch(ctx)
			return f.v, f.err
		}
		select {
		case <-ctx.Done():
			var none V
			return none, ctx.Err()
		case <-f.done:
		}
		// The one that fetched may have been called off, which is none of ours.
		if !errors.Is(f.err, context.Canceled) && !errors.Is(f.err, context.DeadlineExceeded) {
			return f.v, f.err
		}
	}
}

// join returns the fetch of k, and whether the caller has to do it.
func (c *cache[K, V]) join(k K) (*fetching[V], bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m, ok := c.refused[k]; ok {
		if time.Now().Before(m.until) {
			return nil, false, m.err
		}
		delete(c.refused, k)
	}
	if v, ok := c.hit(k); ok {
		f := &fetching[V]{done: make(chan struct{}), v: v}
		close(f.done)
		return f, false, nil
	}
	if f, ok := c.pending[k]; ok {
		return f, false, nil
	}
	if c.pending == nil {
		c.pending, c.refused = make(map[K]*fetching[V]), make(map[K]miss)
	}
	f := &fetching[V]{done: make(chan struct{})}
	c.pending[k] = f
	return f, true, nil
}

func (c *cache[K, V]) finish(k K, f *fetching[V]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.pending, k)
	switch {
	case f.err == nil:
		grown := make(map[K]V)
		if m := c.hits.Load(); m != nil {
			maps.Copy(grown, *m)
		}
		grown[k] = f.v
		c.hits.Store(&grown)
	case c.ttl > 0 && final(f.err):
		if len(c.refused) >= maxMisses {
			clear(c.refused)
		}
		c.refused[k] = miss{f.err, time.Now().Add(c.ttl)}
	}
	close(f.done)
}

// final tells whether the same request would fail again.
func final(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.kind != ErrUnavailable && e.kind != ErrClosed
}
