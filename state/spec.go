// Package state is the stores of a topology: their handles and what a
// processor does with them.
//
// There are only a few types. A handle such as [KeyValueSpec] carries a store's
// name and types; it is given to the DSL, to processors, the test driver and
// queries. In a task, In opens it as a [KeyValueStore] and so on. A handle is
// read-only and safe for concurrent use; a store belongs to its task.
//
// A write is seen by its task at once, and by everybody else when the commit
// succeeded. It goes to the changelog at the commit, the last one of each key.
package state

import (
	"errors"
	"maps"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/serde"
)

// ErrReadOnly is returned for a write to a global store by a processor other
// than the one that fills it, and by a query.
var ErrReadOnly = errors.New("store is read-only here: one that is global is written by the processor that fills it only, and a query writes none")

// Spec is the handle of a store, of whatever kind.
type Spec interface {
	// StoreName is the name that the handle was made with. It is empty if it is
	// left to the builder, which has to be asked for generated names.
	StoreName() string

	// Define describes the store for a topology. It is called by builders.
	Define() *graph.Store

	// Place is the file:line where the handle was made.
	Place() string
}

// Context is what a handle opens its store with: the context of a processor.
type Context interface {
	// StateStore returns the store of a name that the processor is connected to.
	StateStore(name string) (any, error)
}

// TableSpec is the handle of a store that can hold a table: a [KeyValueSpec] or
// a [VersionedSpec].
type TableSpec[K, V any] interface {
	Spec
	tableOf(K, V)
}

// Option changes how a store is kept.
type Option func(*options)

type options struct {
	inMemory  bool
	unlogged  bool
	logConfig map[string]string
	caching   *bool
	headers   bool
	lru       int
	ttl       time.Duration // of keys
	retention time.Duration
	segment   time.Duration
	window    time.Duration
	twins     bool // several values for a key and window
	problems  []string
}

// InMemory keeps the store in memory only. It is restored from its changelog
// at each start. The default is on disk.
func InMemory() Option { return func(o *options) { o.inMemory = true } }

// LRU keeps at most n entries, in memory; the one used longest ago goes, and
// its delete is logged. For key-value stores.
func LRU(n int) Option {
	return func(o *options) {
		o.inMemory, o.lru = true, n
		if n < 1 {
			o.problems = append(o.problems, "an LRU store needs room for at least 1 entry, not "+strconv.Itoa(n))
		}
	}
}

// NoChangelog leaves the store without a changelog topic: what it holds is lost
// with its folder, and does not move with the task.
func NoChangelog() Option { return func(o *options) { o.unlogged = true } }

// ChangelogConfig sets settings of the changelog topic, such as
// "min.insync.replicas". They win over the library's own.
func ChangelogConfig(settings map[string]string) Option {
	settings = maps.Clone(settings)
	return func(o *options) { o.logConfig = settings }
}

// Cached lets the operator that owns the store forward only the last update of
// a key per commit, or earlier when the app's record cache is full. The default
// is the builder's setting for tables and off for stores of processors.
func Cached(on bool) Option { return func(o *options) { o.caching = &on } }

// WithHeaders keeps the record headers of each entry, in the store and its
// changelog (KIP-1271).
func WithHeaders() Option { return func(o *options) { o.headers = true } }

// Retention is how long windows, sessions or versions are kept, at least as
// long as the operator needs. The default is just that.
func Retention(d time.Duration) Option { return func(o *options) { o.retention = d } }

// base is what all handles share.
type base struct {
	name  string
	place string
	opts  options
}

func newBase(name string, opts []Option) base {
	b := base{name: name, place: callerPlace()}
	for _, o := range opts {
		o(&b.opts)
	}
	return b
}

// StoreName is the name that the handle was made with.
func (b *base) StoreName() string { return b.name }

// Place is the file:line where the handle was made.
func (b *base) Place() string { return b.place }

// checkSerdes notes what is wrong with the serdes of the handle.
func (b *base) checkSerdes(key, value any) {
	for _, s := range []struct {
		what  string
		serde any
	}{{"keys", key}, {"values", value}} {
		if s.serde == nil {
			b.opts.problems = append(b.opts.problems, "no serde for its "+s.what+": give its handle one")
		} else if c, ok := s.serde.(serde.Checker); ok && c.Err() != nil {
			b.opts.problems = append(b.opts.problems, s.what+": "+c.Err().Error())
		}
	}
}

func (b *base) define(kind graph.StoreKind) *graph.Store {
	st := &graph.Store{
		Name: b.name, Kind: kind, Place: b.place,
		InMemory: b.opts.inMemory, Logged: !b.opts.unlogged, LogConfig: b.opts.logConfig,
		Cached: b.opts.caching != nil && *b.opts.caching, CacheChosen: b.opts.caching != nil,
		RetentionMillis: b.opts.retention.Milliseconds(), Headers: b.opts.headers,
		Problems: b.opts.problems,
	}
	b.checkTTL(st)
	return st
}

// callerPlace is the first file:line outside this module's packages.
func callerPlace() string {
	var pcs [16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	for {
		f, more := frames.Next()
		if !strings.Contains(f.Function, "ottla-streams/ottla/state.") {
			return shortPlace(f.File, f.Line)
		}
		if !more {
			return ""
		}
	}
}

func shortPlace(file string, line int) string {
	if i := strings.LastIndexByte(file, '/'); i >= 0 {
		file = file[i+1:]
	}
	return file + ":" + strconv.Itoa(line)
}
