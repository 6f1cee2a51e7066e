package stream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/state/engine"
	"github.com/ottla-streams/ottla/topology"
)

// Guarantee is what holds after crashes.
type Guarantee uint8

// The guarantees.
const (
	// AtLeastOnce loses nothing. After a crash records since the last commit are
	// processed again, and their results are written again.
	AtLeastOnce Guarantee = iota
	// ExactlyOnce puts results, state and progress into transactions: readers of
	// committed records see each result once (KIP-447).
	ExactlyOnce
)

func (g Guarantee) String() string {
	if g == ExactlyOnce {
		return "exactly once"
	}
	return "at least once"
}

// Config is the settings of an [App]. ID is required; the zero values of all
// other fields are their defaults. It holds no secrets but those in Client,
// which are never logged.
type Config struct {
	// AdditionalRetention is how much longer than their stores the changelogs of
	// windows and sessions keep records, for clocks that run apart. It counts when the
	// topics are created. Defaults to 24 h; negative is none.
	AdditionalRetention time.Duration

	// Advertise is host:port where this instance answers queries of the others. The
	// group tells it to all instances. Defaults to none: then others can't find the
	// state that is here. It is application.server of Kafka Streams.
	Advertise string

	// Beside runs beside the app: it is called when [App.Run] is, and its context
	// ends when the app has ended. An error stops the app. See package serve for an
	// HTTP service. Defaults to none.
	Beside func(ctx context.Context, app *App) error

	// Brokers are the addresses of some brokers of the cluster, host:port.
	// Defaults to localhost:9092.
	Brokers []string

	// CacheBytes is how much the caches of a task's stores may hold before they
	// forward. Only cached stores have one. Defaults to 10 MiB; negative is none.
	CacheBytes int

	// CheckTopicsOnly demands that the internal topics exist, rather than create
	// those that are missing. It is for apps that may not create topics.
	CheckTopicsOnly bool

	// Client are options for all Kafka clients of the app, such as TLS and SASL.
	// What the app itself needs to set wins over them. Its producer is its own: of
	// the options for producers it knows hooks, compression, the timeout of requests
	// and the largest batch. Defaults to none.
	Client []kgo.Opt

	// CloseTimeout is how long a stop may take: the last commit and leaving the
	// group. Defaults to 30 s.
	CloseTimeout time.Duration

	// CommitInterval is how often progress is committed and changelogs are
	// written. Defaults to 1 s, with ExactlyOnce to 100 ms.
	CommitInterval time.Duration

	// DeadLetterTopic gets the records that OnError sends there. The topic has to
	// exist. Defaults to none.
	DeadLetterTopic string

	// Engine is where persistent stores keep their data. The caller closes it.
	// Defaults to Pebble with its default options, below StateDir.
	Engine engine.Opener

	// Guarantee is what holds after crashes. Defaults to AtLeastOnce.
	Guarantee Guarantee

	// ID is the application id: the name of the consumer group, and the prefix of
	// internal topics and transactional ids. Letters, digits, '.', '_' and '-'.
	// All instances of an app have the same. Required.
	ID string

	// IdleFlush lets results come that wait for stream time when no newer record
	// does: the last windows that emit on close, suppressed updates, records
	// without a match in left and outer joins, those that wait for a versioned
	// table, and keys that expire. Stream time stands still then; when a task got
	// no newer record for this long, they are told the time that it would be if it
	// had gone on with the wall clock since. So a window closes no earlier than its
	// end and grace period after its last record, and no later than that or
	// IdleFlush, whichever is longer. Records that come later for a window that was
	// closed this way are late, also after a restart. A record that is read again
	// by a new app finds no silence, so that results may differ where records came
	// late. An outage of the brokers counts as silence too. In whole milliseconds;
	// defaults to 0, never.
	IdleFlush time.Duration

	// LayerAge is how long committed writes may stay in memory before they go to
	// the engine. It bounds what a crash makes read again from changelogs.
	// Defaults to 30 s.
	LayerAge time.Duration

	// LayerBytes is how much a task's committed and uncommitted writes may take in
	// memory before they go to the engine. A quarter of it uncommitted forces a commit,
	// half where it is small.
	// Defaults to 24 MiB.
	LayerBytes int

	// Logger gets what the app logs. Keys and values of records are never logged.
	// Defaults to slog.Default().
	Logger *slog.Logger

	// MaxBuffered is how many records an input partition may have waiting, before
	// it is no longer fetched. Defaults to 1000.
	MaxBuffered int

	// MaxTaskIdle is how long a task that joins or merges waits for records of its
	// empty inputs, to take records in the order of their timestamps (KIP-353,
	// KIP-695). 0 waits for what the brokers are known to have, as does every
	// positive value; negative waits for nothing. Defaults to 0.
	MaxTaskIdle time.Duration

	// MaxWarmups is how many tasks may be on their way to another worker at a time,
	// in the whole app. Each restores its stores there, while the old owner goes on.
	// Defaults to 2; negative is none: tasks move at once and stand still until they
	// are restored. It is max.warmup.replicas of Kafka Streams (KIP-441).
	MaxWarmups int

	// MemoryBytes bounds what the app keeps in memory of records and state: what
	// was fetched and waits, what the brokers have not acknowledged, record caches,
	// writes that the engine lacks, and the engine's memtables and block cache.
	// Rather than exceed it, inputs are paused, tasks commit early and layers are
	// written out: LayerBytes and CacheBytes are upper bounds of a task's part. It
	// does not bound stores in memory, what user code keeps, nor what the garbage
	// collector needs beside: with GOGC=100 plan for twice as much. An app that holds
	// less than a tenth of it fills its heap up to that with memory that it never
	// touches, so that the collector does not run all the time. An Engine of the
	// caller is the caller's matter. Defaults to half of GOMEMLIMIT, else a quarter
	// of the cgroup's limit or the machine's memory, from 64 MiB to 1 GiB; from 16 MiB.
	MemoryBytes int64

	// MetricsLevel is how much is measured for Registerer. Defaults to MetricsInfo.
	MetricsLevel MetricsLevel

	// MissingTopicsGrace is how long input topics, and the internal ones of an app
	// that runs, may be missing before that is an error. Defaults to 10 s; negative
	// is no grace.
	MissingTopicsGrace time.Duration

	// OnError decides on records that fail. Defaults to an app that stops.
	OnError ErrorPolicy

	// OnFailure decides what becomes of a worker that died. It is called by the
	// workers' goroutines, must be safe for concurrent use and must not wait for the
	// app. By default a worker is replaced after an error that may pass, and the app
	// stops after others, such as a record that OnError lets fail.
	OnFailure func(*WorkerError) Response

	// OrphanState lets the app start over state of its last run that the topology
	// no longer has, or has under another name. Such state is deleted from the disk;
	// its changelogs stay until they are deleted. Defaults to an app that does not
	// start, with an error that wraps [ErrStateOrphaned] and lists what is lost.
	OrphanState bool

	// ProbingInterval is how often the app looks whether tasks that wait for their
	// warm-ups can move. A warm-up that has caught up tells so itself: this is for
	// the rest. Defaults to 10 min (KIP-441).
	ProbingInterval time.Duration

	// OutageTimeout is how long all brokers may be away, without an answer to any
	// request, before Run ends with [ErrBrokersAway]. It is at least the
	// SessionTimeout. Defaults to 0: an app waits for its brokers as long as it takes,
	// and goes on when they are back. (task.timeout.ms of Kafka Streams, KIP-572)
	OutageTimeout time.Duration

	// PurgeInterval is how often records of repartition topics are deleted that all
	// tasks have read and committed. Defaults to 30 s.
	PurgeInterval time.Duration

	// RackTags are the keys of Tags whose values should differ between a task and
	// its standbys, so that they don't vanish together. Defaults to none. It is
	// rack.aware.assignment.tags of Kafka Streams (KIP-708).
	RackTags []string

	// RebalanceTimeout is how long a worker may take to finish what it is at when
	// the group changes, before its tasks go to others. Defaults to 1 min.
	RebalanceTimeout time.Duration

	// Registerer gets the metrics of the app, while it runs: those that
	// docs/metrics.md lists, those of its processors and those of its Kafka clients.
	// Apps of one ID can't share a Registerer. Defaults to none.
	Registerer prometheus.Registerer

	// ReplicationFactor is that of the internal topics to create. Defaults to the
	// brokers' default.
	ReplicationFactor int16

	// Reset is where inputs without committed offset begin whose topics don't say.
	// Defaults to topology.Earliest.
	Reset topology.Reset

	// RestoreListener is told how the restore of each store goes on. It is called
	// by the workers' goroutines, one call per store at a time, and must be quick.
	// Defaults to none.
	RestoreListener func(RestoreProgress)

	// RetryTimeout is how long a task is tried again that meets the same failure
	// each time, if OnError says [Retry] or the error is a temporary one, before it
	// fails (KIP-572). Defaults to 5 min.
	RetryTimeout time.Duration

	// SessionTimeout is how long an instance may be silent before its tasks go to
	// others. The brokers bound it from below, by default at 6 s. Defaults to 10 s.
	SessionTimeout time.Duration

	// Standbys is how many copies of each stateful task's stores are kept on other
	// instances. A copy takes over with the records restored that it lacks, rather
	// than all. There are fewer if there are too few instances. Defaults to 0. It is
	// num.standby.replicas of Kafka Streams.
	Standbys int

	// StayInGroup keeps the instance a member of the group when it stops, for
	// rolling restarts: its tasks wait for it as long as the SessionTimeout says, and
	// it goes on with them without a rebalance if it is back in time (KIP-345,
	// KIP-1153). Defaults to leaving, which hands the tasks over at once.
	StayInGroup bool

	// StateDir is the folder of the state, below which each app has one of its own.
	// An instance needs a StateDir for itself; it should outlive restarts. Defaults
	// to the folder ottla in the user's cache folder, else in the temporary one.
	StateDir string

	// StateListener is told each change of the app's state, in order. It must be
	// quick and must not wait for the app. Defaults to none.
	StateListener func(from, to State)

	// Tags say where this instance is, such as "zone": "a". See RackTags. Defaults to
	// none. They are client.tag of Kafka Streams (KIP-708).
	Tags map[string]string

	// TopicCheckInterval is how often the app looks whether its topics are still
	// there, and whether others match its patterns. Defaults to 1 min.
	TopicCheckInterval time.Duration

	// TopicSettings are settings of the internal topics to create, such as
	// "segment.bytes". Those of a store win over them. Defaults to none.
	TopicSettings map[string]string

	// Tracer traces records on their way through the app, and on through the topics
	// it writes. Defaults to none.
	Tracer Tracer

	// TransactionTimeout is how long a transaction may take before the brokers end
	// it. It has to be longer than the commit interval. Defaults to 10 s.
	TransactionTimeout time.Duration

	// WarmupLag is how many changelog records a worker may lack of a stateful task
	// that it gets. If it lacks more, the task stays where it is until a warm-up has
	// caught up. Defaults to 10,000; negative is none. It is acceptable.recovery.lag
	// of Kafka Streams (KIP-441).
	WarmupLag int64

	// Workers is how many goroutines run tasks. Defaults to GOMAXPROCS.
	Workers int
}

const maxWorkers = 1000

// withDefaults returns a copy in which nothing is left to a default.
func (c Config) withDefaults() Config {
	if len(c.Brokers) == 0 {
		c.Brokers = []string{"localhost:9092"}
	}
	c.AdditionalRetention = cmp.Or(c.AdditionalRetention, 24*time.Hour)
	c.CacheBytes = max(cmp.Or(c.CacheBytes, 10<<20), 0)
	c.CloseTimeout = cmp.Or(c.CloseTimeout, 30*time.Second)
	if c.CommitInterval == 0 {
		c.CommitInterval = time.Second
		if c.Guarantee == ExactlyOnce {
			c.CommitInterval = 100 * time.Millisecond
		}
	}
	c.LayerAge = cmp.Or(c.LayerAge, 30*time.Second)
	c.LayerBytes = cmp.Or(c.LayerBytes, 24<<20)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	c.MaxBuffered = cmp.Or(c.MaxBuffered, 1000)
	c.MemoryBytes = cmp.Or(c.MemoryBytes, defaultMemory())
	c.MissingTopicsGrace = max(cmp.Or(c.MissingTopicsGrace, 10*time.Second), 0)
	c.PurgeInterval = cmp.Or(c.PurgeInterval, 30*time.Second)
	c.RebalanceTimeout = cmp.Or(c.RebalanceTimeout, time.Minute)
	c.ReplicationFactor = cmp.Or(c.ReplicationFactor, -1)
	if c.Reset.Policy().Kind == graph.ResetDefault {
		c.Reset = topology.Earliest
	}
	c.RetryTimeout = cmp.Or(c.RetryTimeout, 5*time.Minute)
	c.SessionTimeout = cmp.Or(c.SessionTimeout, 10*time.Second)
	if c.StateDir == "" {
		c.StateDir = defaultStateDir()
	}
	c.TopicCheckInterval = cmp.Or(c.TopicCheckInterval, time.Minute)
	c.TransactionTimeout = cmp.Or(c.TransactionTimeout, 10*time.Second)
	c.Workers = cmp.Or(c.Workers, runtime.GOMAXPROCS(0))
	c.standbyDefaults()
	return c
}

func defaultStateDir() string {
	if dir, err := os.UserCacheDir(); err == nil {
		return filepath.Join(dir, "ottla")
	}
	return filepath.Join(os.TempDir(), "ottla")
}

// validate returns everything that is wrong with a config that has its defaults.
func (c Config) validate() error {
	var errs []error
	bad := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf("config: "+format, args...))
		}
	}
	if p := graph.NameProblem("ID: application", c.ID); p != "" {
		bad(true, "%s", p)
	}
	if c.DeadLetterTopic != "" {
		if p := graph.NameProblem("DeadLetterTopic: topic", c.DeadLetterTopic); p != "" {
			bad(true, "%s", p)
		}
	}
	for _, f := range []struct {
		name  string
		value time.Duration
	}{
		{"CloseTimeout", c.CloseTimeout}, {"CommitInterval", c.CommitInterval}, {"LayerAge", c.LayerAge},
		{"ProbingInterval", c.ProbingInterval}, {"PurgeInterval", c.PurgeInterval}, {"RebalanceTimeout", c.RebalanceTimeout}, {"RetryTimeout", c.RetryTimeout}, {"SessionTimeout", c.SessionTimeout}, {"TopicCheckInterval", c.TopicCheckInterval}, {"TransactionTimeout", c.TransactionTimeout},
	} {
		bad(f.value < time.Millisecond, "%s: %s is less than a millisecond", f.name, f.value)
	}
	if c.Advertise != "" {
		_, port, err := net.SplitHostPort(c.Advertise)
		bad(err != nil || port == "", "Advertise: %q is not host:port", c.Advertise)
	}
	bad(c.Guarantee > ExactlyOnce, "Guarantee: %d is none", c.Guarantee)
	bad(c.Guarantee == ExactlyOnce && c.TransactionTimeout <= c.CommitInterval,
		"TransactionTimeout: %s has to be longer than the CommitInterval of %s", c.TransactionTimeout, c.CommitInterval)
	bad(c.OutageTimeout != 0 && c.OutageTimeout < c.SessionTimeout,
		"OutageTimeout: %s is less than the SessionTimeout of %s", c.OutageTimeout, c.SessionTimeout)
	bad(c.IdleFlush < 0 || c.IdleFlush%time.Millisecond != 0, "IdleFlush: %s is not a whole number of milliseconds", c.IdleFlush)
	bad(c.LayerBytes < 0, "LayerBytes: %d is negative", c.LayerBytes)
	bad(c.MaxBuffered < 0, "MaxBuffered: %d is negative", c.MaxBuffered)
	bad(c.MemoryBytes < 16<<20, "MemoryBytes: %d is less than 16 MiB", c.MemoryBytes)
	bad(c.MetricsLevel > MetricsDebug, "MetricsLevel: %d is none", c.MetricsLevel)
	bad(c.ReplicationFactor < -1, "ReplicationFactor: %d is negative", c.ReplicationFactor)
	errs = append(errs, c.checkStandbys()...)
	bad(c.Workers < 0, "Workers: %d is negative", c.Workers)
	bad(c.Workers > maxWorkers, "Workers: %d are too many", c.Workers)
	for _, b := range c.Brokers {
		bad(b == "", "Brokers: an address is empty")
	}
	return errors.Join(errs...)
}
