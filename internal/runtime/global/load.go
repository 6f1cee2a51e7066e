package global

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/overlay"
	"github.com/ottla-streams/ottla/internal/runtime/client"
	"github.com/ottla-streams/ottla/internal/runtime/task"
)

const (
	firstWait = 100 * time.Millisecond
	lastWait  = 5 * time.Second
	warnEvery = 10 * time.Second
)

// Load opens the stores, reads their topics up to the ends that they have now,
// and returns when the stores can be read. What can pass is tried again until
// ctx ends. Stores that are loaded and were followed without an error stay.
func (g *Global) Load(ctx context.Context) error {
	if g.loaded.Load() {
		return nil
	}
	for wait := firstWait; ; wait = min(2*wait, lastWait) {
		err := g.attempt(ctx)
		if err == nil {
			g.loaded.Store(true)
			return nil
		}
		err = errors.Join(err, g.Close())
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err = g.verdict(err); !errors.Is(err, ErrAgain) {
			return err
		}
		g.warn("global stores could not be loaded: trying again", err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// warn logs an error that repeats, not too often.
func (g *Global) warn(msg string, err error) {
	if time.Since(g.warned) >= warnEvery {
		g.warned = time.Now()
		g.log.Warn(msg, "error", err)
	}
}

func (g *Global) attempt(ctx context.Context) error {
	if err := g.Close(); err != nil {
		return err
	}
	began := time.Now()
	s, err := openState(&g.c, g.log)
	if err != nil {
		return err
	}
	g.mu.Lock()
	g.state = s
	g.mu.Unlock()
	if err := g.connect(); err != nil {
		return err
	}
	topics, bounds, err := g.ask(ctx)
	if err != nil {
		return err
	}
	for _, k := range s.stores {
		if err := g.place(k, topics[k.topic], bounds[k.topic]); err != nil {
			return err
		}
	}
	if err := g.start(ctx); err != nil {
		return err
	}
	records, err := g.catchUp(ctx)
	if err != nil {
		return err
	}
	if err := s.flush(); err != nil {
		return err
	}
	g.log.Info("global stores are loaded", "stores", len(s.stores), "records", records, "took", time.Since(began).Round(time.Millisecond))
	return nil
}

// connect makes the client.
func (g *Global) connect() error {
	opts := []kgo.Opt{
		kgo.ConsumeResetOffset(kgo.NoResetOffset()), kgo.KeepControlRecords(),
		kgo.FetchMaxBytes(8 << 20), kgo.FetchMaxPartitionBytes(1 << 20), kgo.FetchMaxWait(500 * time.Millisecond),
	}
	if g.c.Committed {
		opts = append(opts, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	}
	cl, err := g.c.Client.New("global-consumer", opts...)
	if err != nil {
		return &fatalError{err}
	}
	g.client, g.adm = cl, kadm.NewClient(cl)
	return nil
}

// span is from the first offset of a partition to its end.
type span struct{ start, end int64 }

// ask asks for the topics of the stores and where their partitions begin and end.
func (g *Global) ask(ctx context.Context) (kadm.TopicDetails, map[string]map[int32]span, error) {
	details, err := g.topics(ctx)
	if err != nil {
		return nil, nil, err
	}
	names := details.Names()
	starts, err := g.adm.ListStartOffsets(ctx, names...)
	if err = errors.Join(err, starts.Error()); err != nil {
		return nil, nil, fmt.Errorf("offsets: %w", lasting(err))
	}
	list := g.adm.ListEndOffsets
	if g.c.Committed {
		list = g.adm.ListCommittedOffsets
	}
	ends, err := list(ctx, names...)
	if err = errors.Join(err, ends.Error()); err != nil {
		return nil, nil, fmt.Errorf("offsets: %w", lasting(err))
	}
	bounds := make(map[string]map[int32]span)
	for _, name := range names {
		bounds[name] = make(map[int32]span)
		for num := range details[name].Partitions {
			s, ok := starts.Lookup(name, num)
			e, known := ends.Lookup(name, num)
			if !ok || !known {
				return nil, nil, fmt.Errorf("topic %s partition %d: its offsets are not known", name, num)
			}
			bounds[name][num] = span{s.Offset, e.Offset}
		}
	}
	return details, bounds, nil
}

// topics asks for the topics of the stores. One that does not exist for longer
// than the grace is an error for good.
func (g *Global) topics(ctx context.Context) (kadm.TopicDetails, error) {
	var names []string
	for _, k := range g.state.stores {
		names = append(names, k.topic)
	}
	// The authorized operations are asked for since such an answer is not cached.
	details, err := g.adm.ListTopics(kadm.WithAuthorizedOps(ctx), names...)
	if err != nil {
		return nil, fmt.Errorf("topics: %w", lasting(err))
	}
	var missing []graph.MissingTopic
	for _, k := range g.state.stores {
		d := details[k.topic]
		switch {
		case errors.Is(d.Err, kerr.UnknownTopicOrPartition):
			n := k.store.Nodes[0]
			missing = append(missing, graph.MissingTopic{Name: k.topic, Place: n.Place, Op: n.Op})
		case d.Err != nil:
			return nil, fmt.Errorf("topic %s: %w", k.topic, lasting(d.Err))
		case len(d.Partitions) == 0:
			return nil, fmt.Errorf("topic %s: its partitions are not known", k.topic)
		}
	}
	if len(missing) == 0 {
		g.missing = time.Time{}
		return details, nil
	}
	if g.missing.IsZero() {
		g.missing = time.Now()
	}
	err = &graph.MissingTopicsError{Topics: missing}
	if time.Since(g.missing) >= g.c.MissingGrace {
		err = &fatalError{err}
	}
	return nil, err
}

// lasting marks an error that the brokers will repeat.
func lasting(err error) error {
	if client.Lasts(err) {
		return &fatalError{err}
	}
	return err
}

// place finds where to go on in the partitions of a store's topic. State that
// does not fit the topic is dropped.
func (g *Global) place(k *kept, topic kadm.TopicDetail, bounds map[int32]span) error {
	why := ""
	switch {
	case g.lost[k.store.Name]:
		why = "its topic lost records that it had read"
	case k.held.topicID != [16]byte{} && k.held.topicID != topic.ID:
		why = "its topic was deleted and created anew"
	}
	for num, at := range k.held.offsets {
		b, ok := bounds[num]
		switch {
		case why != "":
		case !ok:
			why = fmt.Sprintf("its topic no longer has partition %d", num)
		case at < b.start:
			why = fmt.Sprintf("partition %d begins at offset %d, the state ends at %d", num, b.start, at)
		case at > b.end:
			why = fmt.Sprintf("partition %d ends at offset %d, before that of the state, %d", num, b.end, at)
		}
	}
	if why != "" {
		g.log.Error("global store is built anew from the start of its topic", "store", k.store.Name, "topic", k.topic, "why", why)
		if err := g.state.wipe(k); err != nil {
			return err
		}
	}
	delete(g.lost, k.store.Name)
	if err := g.state.fill(k); err != nil {
		return err
	}
	k.held.topicID = topic.ID
	if k.onDisk {
		b := g.state.engine.NewBatch()
		k.held.write(b, k.store.Name)
		if err := g.state.commit(b); err != nil {
			return err
		}
	}
	nums := make([]int32, 0, len(bounds))
	for num := range bounds {
		nums = append(nums, num)
	}
	slices.Sort(nums)
	for _, num := range nums {
		at, ok := k.held.offsets[num]
		if !ok {
			at = bounds[num].start
		}
		g.follow(k, num, at, bounds[num].end)
	}
	return nil
}

// follow adds a partition.
func (g *Global) follow(k *kept, num int32, at, end int64) *part {
	p := &part{kept: k, num: num, from: at, until: end, seen: time.Now()}
	p.next.Store(at)
	p.end.Store(end)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.parts = append(g.parts, p)
	if g.byPart == nil {
		g.byPart = make(map[string]map[int32]*part)
	}
	if g.byPart[k.topic] == nil {
		g.byPart[k.topic] = make(map[int32]*part)
	}
	g.byPart[k.topic][num] = p
	return p
}

// start makes the task and begins to read.
func (g *Global) start(ctx context.Context) error {
	c := task.Config{
		ID: graph.GlobalTask, App: g.c.App, Emit: g.emit, OnError: g.c.OnError, GoesOn: g.c.GoesOn, DeadLetter: g.c.DeadLetter,
		Clock: func() int64 { return time.Now().UnixMilli() }, Context: g.c.Context, Logger: g.log, Dir: g.c.Dir,
		GlobalTask: true, InMemoryOnly: true,
		Partitions: func(topic string) (int32, error) { return 0, fmt.Errorf("topic %s is none of the global task", topic) },
		Layers: func(s *graph.Store) *overlay.Store {
			return g.state.stores[slices.IndexFunc(g.state.stores, func(k *kept) bool { return k.store == s })].layers
		},
	}
	var sources []*graph.Node
	for _, sub := range g.c.Topology.Subtopologies {
		if sub.Global {
			c.Nodes = append(c.Nodes, sub.Nodes...)
			c.Stores = append(c.Stores, sub.Stores...)
			sources = append(sources, sub.Sources()...)
		}
	}
	t, err := task.New(c)
	if err != nil {
		return &fatalError{err}
	}
	g.task = t
	for _, n := range sources {
		for _, topic := range n.Source.Topics {
			if err := t.AddInput(topic.Full(g.c.App), n, -1, -1); err != nil {
				return &fatalError{err}
			}
		}
	}
	if err := t.Start(); err != nil {
		return &fatalError{err}
	}
	// What the stores brought into order when they were opened is for readers too.
	if err := g.commit(ctx, nil); err != nil {
		return err
	}
	at := make(map[string]map[int32]kgo.Offset)
	for _, p := range g.parts {
		if at[p.kept.topic] == nil {
			at[p.kept.topic] = make(map[int32]kgo.Offset)
		}
		at[p.kept.topic][p.num] = kgo.NewOffset().At(p.next.Load())
	}
	g.client.AddConsumePartitions(at)
	g.checked = time.Now()
	return nil
}
