package fetch

import (
	"context"
	"slices"
	"time"
)

const (
	firstRetry, lastRetry = 20 * time.Millisecond, 500 * time.Millisecond
	// recheckReplica is how long a replica is read before the leader is asked
	// again which one it should be (KIP-392).
	recheckReplica = 5 * time.Minute
	// shortWait is how long a broker may wait while it has partitions that rest:
	// they are not to wait long when they go on.
	shortWait = 50 * time.Millisecond
)

// after is how long to wait after some failures in a row.
func after(fails int) time.Duration {
	return min(firstRetry<<min(fails, 10), lastRetry)
}

// run asks the brokers until ctx ends.
func (f *Fetcher) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.wake:
		case <-timer.C:
		}
		if wait := f.route(ctx); wait > 0 {
			timer.Reset(wait)
		}
	}
}

// route starts a request to each broker that is free and has something to read.
// It returns when to look again, 0 for when something happens.
func (f *Fetcher) route(ctx context.Context) (wait time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	later := func(at time.Time) bool {
		d := at.Sub(now)
		if d > 0 && (wait == 0 || d < wait) {
			wait = d
		}
		return d > 0
	}
	lost := false
	due := make(map[int32][]*partition)
	rests := make(map[int32]bool)
	for _, p := range f.order {
		switch {
		case p.stopped || p.asked != nil:
		case p.lost:
			lost = !later(p.retry) || lost
		case p.paused:
			rests[p.leader] = true
		case !later(p.retry):
			from := p.from(now)
			due[from] = append(due[from], p)
		}
	}
	if lost && !f.looking {
		f.looking = true
		f.wg.Go(func() { f.findLeaders(ctx) })
	}
	for id, parts := range due {
		b := f.broker(id)
		if !b.busy && !b.full && !later(b.retry) {
			f.start(ctx, b, parts, rests[id])
		}
	}
	return wait
}

// from is the broker to ask.
func (p *partition) from(now time.Time) int32 {
	if p.replica >= 0 && now.Before(p.recheck) {
		return p.replica
	}
	p.replica = -1
	return p.leader
}

func (f *Fetcher) broker(id int32) *broker {
	b := f.brokers[id]
	if b == nil {
		b = &broker{id: id}
		b.reader.Inflate = f.inflate
		f.brokers[id] = b
	}
	return b
}

// start asks a broker, first for the epochs of logs that may have been cut.
func (f *Fetcher) start(ctx context.Context, b *broker, parts []*partition, rests bool) {
	unchecked := slices.DeleteFunc(slices.Clone(parts), func(p *partition) bool {
		return p.epoch < 0 || p.checked == p.leaderEpoch || b.id != p.leader
	})
	check := len(unchecked) > 0
	if check {
		parts = unchecked
	}
	b.busy = true
	for _, p := range parts {
		p.asked = b
		p.ask = ask{round: p.round, next: p.next, epoch: p.epoch, leaderEpoch: p.leaderEpoch, id: p.id}
	}
	if check {
		req := checkRequest(parts)
		f.wg.Go(func() { f.check(ctx, b, parts, req) })
		return
	}
	b.turn++
	req := f.request(b, parts, rests)
	f.wg.Go(func() { f.fetch(ctx, b, parts, req) })
}

// free ends a request. After an error the broker rests for a while.
func (f *Fetcher) free(ctx context.Context, b *broker, parts []*partition, err error) {
	b.busy = false
	for _, p := range parts {
		p.asked = nil
	}
	if err == nil {
		b.fails = 0
	} else {
		b.retry = time.Now().Add(after(b.fails))
		b.fails++
		if ctx.Err() == nil && b.fails%16 == 8 {
			f.c.Logger.Warn("fetching waits for a broker", "broker", b.id, "partitions", len(parts), "error", err)
		}
	}
	f.look()
}

// failed ends a request without an answer.
func (f *Fetcher) failed(ctx context.Context, b *broker, parts []*partition, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	b.session.reset()
	for _, p := range parts {
		p.lost, p.replica = true, -1
	}
	f.free(ctx, b, parts, err)
}

// asks says that an answer of b for p is what p waits for.
func (p *partition) asks(b *broker) bool { return p != nil && p.asked == b && p.round == p.ask.round }

// wait lets a partition rest for a while, longer each time.
func (p *partition) wait() {
	p.retry = time.Now().Add(after(p.fails))
	p.fails++
}
