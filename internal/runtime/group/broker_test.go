package group

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/internal/runtime/assign"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// worker is a client with the balancer, whose partition callbacks keep its tasks.
type worker struct {
	client *kgo.Client
	number int

	mu    sync.Mutex
	got   Assignment
	owned map[assign.TaskID]int // partitions per task
}

// registry sees which worker owns which partition at any time.
type registry struct {
	mu    sync.Mutex
	owner map[partition]*worker
	twice []partition
}

func (r *registry) add(w *worker, partitions map[string][]int32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for topic, nums := range partitions {
		for _, num := range nums {
			key := partition{topic, num}
			if r.owner[key] != nil {
				r.twice = append(r.twice, key)
			}
			r.owner[key] = w
		}
	}
}

func (r *registry) remove(partitions map[string][]int32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for topic, nums := range partitions {
		for _, num := range nums {
			delete(r.owner, partition{topic, num})
		}
	}
}

func (w *worker) count(partitions map[string][]int32, change int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for topic, nums := range partitions {
		for _, num := range nums {
			task, _ := orders.Task(topic, num)
			if w.owned[task] += change; w.owned[task] == 0 {
				delete(w.owned, task)
			}
		}
	}
}

func (w *worker) tasks() []assign.TaskID {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.SortedFunc(maps.Keys(w.owned), assign.TaskID.Compare)
}

func (w *worker) assignment() Assignment {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.got
}

func (w *worker) subscription() Subscription {
	s := Subscription{Process: [16]byte{byte(w.number)}, TransactionalID: string(rune('a' + w.number)), Active: w.tasks()}
	w.mu.Lock()
	defer w.mu.Unlock()
	s.Offsets = make(map[assign.TaskID]int64)
	for _, task := range slices.Concat(w.got.Warmup, w.got.Standby) {
		s.Offsets[task] = 1000
	}
	for _, task := range s.Active {
		s.Offsets[task] = assign.OffsetActive
	}
	s.Standby, s.Warmup = w.got.Standby, w.got.Warmup
	return s
}

func startWorker(t *testing.T, number int, addrs []string, r *registry) *worker {
	t.Helper()
	w := &worker{number: number, owned: make(map[assign.TaskID]int)}
	b, err := New(Config{
		Topology:     func() Topology { return orders },
		Subscription: w.subscription,
		Assigned: func(a Assignment) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.got = a
		},
		EndOffsets: func(context.Context) (map[assign.TaskID]int64, error) {
			return map[assign.TaskID]int64{id(1, 0): 1000, id(1, 1): 1000, id(1, 2): 1000, id(1, 3): 1000}, nil
		},
		Assign: assign.Config{Standbys: 1, AcceptableLag: 10, MaxWarmups: 4},
	})
	if err != nil {
		t.Fatal(err)
	}
	lost := func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
		r.remove(partitions)
		w.count(partitions, -1)
	}
	w.client, err = kgo.NewClient(
		kgo.SeedBrokers(addrs...), kgo.ConsumerGroup("orders"), kgo.ConsumeTopics("orders", "by-user", "users"),
		kgo.Balancers(b), kgo.HeartbeatInterval(100*time.Millisecond), kgo.DisableAutoCommit(),
		kgo.MetadataMinAge(50*time.Millisecond), kgo.MetadataMaxAge(200*time.Millisecond),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
			w.count(partitions, 1)
			r.add(w, partitions)
		}),
		kgo.OnPartitionsRevoked(lost), kgo.OnPartitionsLost(lost),
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.client.Close)
	return w
}

// TestOnABroker lets three clients join one by one and the first, which leads, leave.
func TestOnABroker(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(4, "orders", "by-user", "users"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	r := &registry{owner: make(map[partition]*worker)}
	var workers []*worker
	for n := range 3 {
		workers = append(workers, startWorker(t, n, cluster.ListenAddrs(), r))
		waitForEven(t, workers)
	}
	workers[0].client.Close()
	workers = workers[1:]
	waitForEven(t, workers)
	for _, w := range workers {
		a := w.assignment()
		if !slices.Equal(a.Members, []string{"b", "c"}) || !slices.Equal(a.Vanished, []string{"a"}) {
			t.Errorf("worker %d: members %v, vanished %v", w.number, a.Members, a.Vanished)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.twice) > 0 {
		t.Errorf("partitions with two owners: %v", r.twice)
	}
}

// waitForEven waits until all eight tasks run, each with all partitions, evenly spread, as the assignments say. Meanwhile it
// makes warm-ups known as caught up, by joining again.
func waitForEven(t *testing.T, workers []*worker) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		total, low, high, agree := 0, 8, 0, true
		warming := -1
		for i, w := range workers {
			tasks, a := w.tasks(), w.assignment()
			total, low, high = total+len(tasks), min(low, len(tasks)), max(high, len(tasks))
			agree = agree && (len(tasks) == 0 && len(a.Active) == 0 || reflect.DeepEqual(tasks, a.Active))
			if len(a.Warmup) > 0 {
				warming = i
			}
		}
		if total == 8 && high-low <= 1 && agree && warming < 0 {
			return
		}
		if time.Now().After(deadline) {
			for _, w := range workers {
				t.Logf("worker %d has %v of %+v", w.number, w.tasks(), w.assignment())
			}
			t.Fatalf("%d workers do not come to rest", len(workers))
		}
		if warming >= 0 {
			workers[warming].client.ForceRebalance()
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// TestMissingTopicOnABroker starts before a source topic exists: all members get to know, and go on once it is there.
func TestMissingTopicOnABroker(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(4, "orders", "by-user"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	r := &registry{owner: make(map[partition]*worker)}
	workers := []*worker{startWorker(t, 0, cluster.ListenAddrs(), r), startWorker(t, 1, cluster.ListenAddrs(), r)}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		informed := 0
		for _, w := range workers {
			if a := w.assignment(); a.Error == ErrorMissingTopics && a.Detail == "source topics do not exist: users" {
				informed++
			}
		}
		if informed == len(workers) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("assignments %+v and %+v", workers[0].assignment(), workers[1].assignment())
		}
	}
	create := kmsg.NewCreateTopicsRequest()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = "users", 4, 1
	create.Topics = append(create.Topics, topic)
	if _, err := create.RequestWith(t.Context(), workers[0].client); err != nil {
		t.Fatal(err)
	}
	waitForEven(t, workers)
}
