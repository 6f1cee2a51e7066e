package pebble

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"

	lsm "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/ottla-streams/ottla/state/engine"
)

// Options are the settings of an [Opener]. The zero value has all defaults.
type Options struct {
	// CacheBytes bounds the cache of uncompressed blocks that all DBs of the
	// Opener share. Their memtables take their room from it, from 256 KiB to a
	// few times MemTableBytes each: with many DBs it has to be larger. Defaults
	// to 64 MiB.
	CacheBytes int64

	// MemTableBytes is the size a DB's memtable grows to, from 256 KiB. A batch
	// of more than half of it goes past the memtable. With many DBs it is less, so
	// that their memtables take half of CacheBytes at most; see [Opener.Expect].
	// Defaults to 4 MiB; from 256 KiB to 1 GiB.
	MemTableBytes int64

	// MaxOpenFiles bounds the table files that all DBs of the Opener keep open.
	// Defaults to 1000.
	MaxOpenFiles int

	// Compactions bounds how many compactions run at once in all DBs of the
	// Opener. Defaults to half of GOMAXPROCS, and at least one.
	Compactions int

	// Logger gets a line when a DB stops and when background work begins to fail.
	// Defaults to none.
	Logger *slog.Logger

	// FS is where the files are, for tests. Defaults to the operating system's,
	// where folders get mode 0700 and files 0600.
	FS vfs.FS
}

const (
	defaultCacheBytes    = 64 << 20
	defaultMemTableBytes = 4 << 20
	minMemTableBytes     = 256 << 10
	maxMemTableBytes     = 1 << 30
	defaultMaxOpenFiles  = 1000
)

func (o Options) withDefaults() Options {
	if o.CacheBytes <= 0 {
		o.CacheBytes = defaultCacheBytes
	}
	if o.MemTableBytes <= 0 {
		o.MemTableBytes = defaultMemTableBytes
	}
	o.MemTableBytes = min(max(o.MemTableBytes, minMemTableBytes), maxMemTableBytes)
	if o.MaxOpenFiles <= 0 {
		o.MaxOpenFiles = defaultMaxOpenFiles
	}
	if o.Compactions <= 0 {
		o.Compactions = max(1, runtime.GOMAXPROCS(0)/2)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Opener opens the databases of a process and owns what they share. It is safe
// for concurrent use.
type Opener struct {
	opts      Options
	mu        sync.RWMutex // held for reading while a DB opens
	closed    bool
	cache     *lsm.Cache
	fileCache *lsm.FileCache
	work      *compactions
	stopped   atomic.Bool // a DB did

	open     atomic.Int64 // DBs
	expected atomic.Int64
}

// New returns an Opener with options o. It has to be closed.
func New(o Options) *Opener {
	o = o.withDefaults()
	return &Opener{
		opts:      o,
		cache:     lsm.NewCache(o.CacheBytes),
		fileCache: lsm.NewFileCache(runtime.GOMAXPROCS(0), o.MaxOpenFiles),
		work:      &compactions{limit: o.Compactions},
	}
}

// Close frees the shared memory once the last open DB is closed, too. Closing
// again does nothing.
func (o *Opener) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return nil
	}
	o.closed = true
	return errors.Join(o.drop(o.fileCache.Unref), o.drop(o.cache.Unref))
}

// drop gives up a share in a cache. Pebble panics when the last one goes while
// something in the cache is in use, as a damaged DB may have left it; the memory
// is then the garbage collector's.
func (o *Opener) drop(unref func()) (err error) {
	defer func() {
		if r := recover(); r != nil && !o.stopped.Load() {
			err = fmt.Errorf("pebble: shared cache: %w", panicCause(r))
		}
	}()
	unref()
	return nil
}

// Expect tells how many DBs there are going to be. Those that are opened from
// then on get memtables of a size to match.
func (o *Opener) Expect(dbs int) { o.expected.Store(int64(dbs)) }

// memTables is how many memtables a DB may have at a time: one that is written
// and those that are flushed.
const memTables = 1 + flushPeriod

// memTable is the size of the memtables of the next DB.
func (o *Opener) memTable() int64 {
	dbs := max(o.expected.Load(), o.open.Load()+1)
	return min(max(o.opts.CacheBytes/2/(memTables*dbs), minMemTableBytes), o.opts.MemTableBytes)
}

// Crowded says whether the open DBs take more for their memtables than half of
// CacheBytes, even at their smallest: those that are not used should be closed.
func (o *Opener) Crowded() bool {
	return o.open.Load()*memTables*minMemTableBytes > o.opts.CacheBytes/2
}

// Open opens the *[DB] in the folder dir, which is made if it is not there. See
// the package for the errors.
func (o *Opener) Open(dir string) (engine.Engine, error) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	if o.closed {
		return nil, storeError(dir, "open", nil, engine.ErrClosed)
	}
	h := newHealth(dir, o.opts.Logger, &o.stopped)
	fs := o.files(h)
	if err := fs.makeFolder(dir); err != nil {
		if isNoSpace(err) {
			return nil, storeError(dir, "open", engine.ErrNoSpace, err)
		}
		return nil, storeError(dir, "open", nil, err)
	}
	dir, err := fs.resolve(dir)
	if err != nil {
		return nil, storeError(dir, "open", nil, err)
	}
	lock, err := lsm.LockDirectory(dir, fs)
	if err != nil {
		return nil, lockError(dir, err)
	}
	size := o.memTable()
	db, err := o.openFiles(dir, fs, h, lock, size)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	h.measured(db.Metrics())
	h.opened.Store(true)
	o.open.Add(1)
	return &DB{dir: dir, db: db, h: h, lock: lock, memTable: size, left: func() { o.open.Add(-1) }}, nil
}

func (o *Opener) files(h *health) *files {
	if o.opts.FS == nil {
		return &files{FS: vfs.Default, h: h, private: true}
	}
	return &files{FS: o.opts.FS, h: h}
}

func (o *Opener) openFiles(dir string, fs *files, h *health, lock *lsm.Lock, memTable int64) (db *lsm.DB, err error) {
	defer h.contain("open", &err)
	db, err = lsm.Open(dir, o.options(fs, h, lock, memTable))
	if err != nil {
		return nil, openError(dir, err)
	}
	if err := h.stopped(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// never is a threshold that is not reached.
const never = 1 << 20

// maxSublevels is how many sorted runs level 0 may have before commits wait.
const maxSublevels = 20

func (o *Opener) options(fs *files, h *health, lock *lsm.Lock, memTable int64) *lsm.Options {
	opts := &lsm.Options{
		Cache:               o.cache,
		Comparer:            comparer(),
		DisableWAL:          true,
		EventListener:       h.listener(),
		FS:                  fs,
		FileCache:           o.fileCache,
		FormatMajorVersion:  lsm.FormatNewest,
		Lock:                lock,
		Logger:              h,
		MaxManifestFileSize: 16 << 20,
		MemTableSize:        uint64(memTable),

		// Pebble's own waits can't be ended by an error; see DB.admit.
		MemTableStopWritesThreshold: never,
		L0StopWritesThreshold:       never,
	}
	opts.Experimental.CompactionScheduler = &turns{all: o.work, h: h}
	// Blocks are compressed with Snappy, Pebble's default: MinLZ and Zstd cost
	// more for writing and for reading. Filters are for keys that are not there,
	// which is each key's first read.
	for i := range opts.Levels {
		opts.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	return opts
}

// comparer orders keys by their bytes and hides them in the texts of errors.
func comparer() *lsm.Comparer {
	c := *lsm.DefaultComparer
	c.FormatKey = func(key []byte) fmt.Formatter { return hidden(len(key)) }
	return &c
}

// hidden is the length of a key that must not be seen.
type hidden int

func (h hidden) Format(s fmt.State, _ rune) { fmt.Fprintf(s, "key of %d bytes", int(h)) }
