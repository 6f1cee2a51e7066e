package global

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/runtime/restore"
)

// silence is how long a partition may bring nothing, while it is known to have
// more, before it is asked alone: compaction may have emptied what is left,
// which the client passes over without a word.
const silence = 500 * time.Millisecond

// catchUp reads the partitions up to where they ended when the load began. It
// returns how many records there were.
func (g *Global) catchUp(ctx context.Context) (records int64, err error) {
	var probes *probes
	defer func() {
		if probes != nil {
			probes.restorer.Close()
		}
	}()
	told, moved := make(map[*part]int64), time.Now()
	for {
		left := g.behind()
		for _, p := range g.parts {
			if at := p.next.Load(); told[p] != at+1 {
				told[p], moved = at+1, time.Now()
				g.progress(p)
			}
		}
		if len(left) == 0 {
			break
		}
		if p := left[0]; time.Since(moved) > warnEvery {
			g.warn("global stores wait for their topics", fmt.Errorf("topic %s partition %d: nothing came from offset %d on, of %d", p.kept.topic, p.num, p.next.Load(), p.until))
		}
		if err := g.poll(ctx); err != nil {
			return 0, err
		}
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		for _, p := range left {
			if time.Since(p.seen) < silence || p.next.Load() >= p.until {
				continue
			}
			if probes == nil {
				if probes, err = g.newProbes(); err != nil {
					return 0, err
				}
			}
			probes.add(p)
		}
		if probes != nil {
			if err := g.probed(ctx, probes); err != nil {
				return 0, err
			}
		}
	}
	for _, p := range g.parts {
		records += p.restored
	}
	return records, nil
}

// behind returns the partitions that are not loaded.
func (g *Global) behind() []*part {
	var left []*part
	for _, p := range g.parts {
		if p.next.Load() < p.until {
			left = append(left, p)
		}
	}
	return left
}

// progress tells the listener how far a partition is.
func (g *Global) progress(p *part) {
	if g.c.OnRestore == nil {
		return
	}
	at := p.next.Load()
	g.c.OnRestore(restore.Progress{
		Task: graph.GlobalTask, Store: p.kept.store.Name, Topic: p.kept.topic, Partition: p.num,
		From: p.from, End: p.until, Position: at, Restored: p.restored, Done: at >= p.until,
	})
}

// probes look at partitions that bring nothing.
type probes struct {
	restorer *restore.Restorer
	jobs     map[*restore.Job]*part
}

func (g *Global) newProbes() (*probes, error) {
	r, err := restore.New(restore.Config{
		Client: g.c.Client, Role: "global-probe", Committed: g.c.Committed, Ring: func() {}, Logger: g.log,
	})
	if err != nil {
		return nil, err
	}
	return &probes{restorer: r, jobs: make(map[*restore.Job]*part)}, nil
}

func (b *probes) add(p *part) {
	for _, other := range b.jobs {
		if other == p {
			return
		}
	}
	j := &restore.Job{Task: graph.GlobalTask, Store: p.kept.store.Name, Topic: p.kept.topic, Partition: p.num, From: p.next.Load(), Until: p.until, Expires: true}
	b.jobs[j] = p
	b.restorer.Add(j)
}

// probed takes what the probes found. Where there are records the client will
// bring them.
func (g *Global) probed(ctx context.Context, b *probes) error {
	var moved []*part
	for _, batch := range b.restorer.Batches() {
		p := b.jobs[batch.Job]
		if p == nil {
			continue
		}
		switch {
		case batch.Err != nil:
			return errors.Join(errors.New("probe"), batch.Err)
		case len(batch.Records) > 0:
			b.restorer.Remove(batch.Job)
			delete(b.jobs, batch.Job)
			p.seen = time.Now()
		case batch.Done && p.next.Load() >= batch.Job.From:
			delete(b.jobs, batch.Job)
			p.next.Store(max(p.next.Load(), batch.Next))
			moved = append(moved, p)
		}
	}
	if len(moved) == 0 {
		return nil
	}
	return g.commit(ctx, moved)
}
