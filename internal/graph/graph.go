// Package graph is the untyped picture of a topology and the way to bring one
// task's copy of it to life.
//
// There are only a few types: a [Builder] collects each [Node] and [Store] and
// every mistake; Build splits them into the [Subtopology] values of a
// [Topology]; a [Binder] binds one sub-topology's nodes to typed closures for
// one task, which the nodes see as an [Instance].
//
// A Topology is read-only after Build and safe for concurrent use. A Binder and
// what it binds belong to the task's worker goroutine.
package graph

import (
	"regexp"

	"github.com/ottla-streams/ottla/internal/overlay"
	"github.com/ottla-streams/ottla/serde"
)

// Kind tells sources, processors and sinks apart.
type Kind uint8

// The kinds of nodes.
const (
	SourceNode Kind = iota + 1
	ProcessorNode
	SinkNode
)

// Node is a node of the topology.
type Node struct {
	Name     string
	Kind     Kind
	Place    string // file:line of the user's call
	Op       string // the operator as the user called it, for errors
	Parents  []*Node
	Children []*Node
	Stores   []*Store // connected, in order of connection
	ID       int      // order of creation

	Source *Source // of source nodes
	Sink   *Sink   // of sink nodes

	// Bind returns the flow.Next that takes the node's input. Of a source node
	// it returns a [Head].
	Bind func(b *Binder, n *Node) (any, error)

	// Adapters make the flow.Next that n sends to of that of a child with other
	// types, where a caller saw n's results through a conversion. One that does
	// not know the child's types returns nil.
	Adapters []func(child any) any
	// Late is the child that gets the records that came too late for n's windows,
	// rather than n's results. It is nil for none.
	Late *Node
	// KeyOnly says that n looks at keys, and of values only whether they are null.
	KeyOnly bool
	// Keyless says that n neither shows keys to the user's code nor keeps any, so that
	// a key need only live until n returns.
	Keyless bool

	// Around returns what runs around the processing of the node's records in a
	// task. It is nil for nothing, and only looked at for processors.
	Around func(b *Binder, n *Node) (Around, error)

	subtopology int
	globals     []*Store // of the whole topology
}

// Reset is the offset reset policy of a source.
type Reset struct {
	Kind ResetKind
	By   int64 // milliseconds before now, of ResetByDuration
}

// ResetKind is the kind of a Reset.
type ResetKind uint8

// The reset policies. The zero value leaves the choice to the app's setting.
const (
	ResetDefault ResetKind = iota
	ResetEarliest
	ResetLatest
	ResetNone
	ResetByDuration
)

// Source is what a source node reads.
type Source struct {
	Topics  []Topic        // unless there is a pattern
	Pattern *regexp.Regexp // of whole topic names
	Reset   Reset
	Forms   Forms
}

// Forms are the schemas of the keys and values of a topic that others share with
// the app.
type Forms struct{ Key, Value serde.Schema }

// Topic is a topic's name, without the application's prefix if it is internal.
type Topic struct {
	Name     string
	Internal bool
}

// Sink is what a sink node writes.
type Sink struct {
	Topic     Topic
	Dynamic   string // set when the topic is chosen by record: how describe shows the function
	Partition bool   // the sink has a partitioner of its own
	Forms     Forms
}

// Repartition is an internal topic that a sink writes and a source reads.
type Repartition struct {
	Name       string
	Partitions int32 // 0: as many as its inputs ask for
	Place      string
}

// StoreKind is what a store keeps.
type StoreKind uint8

// The kinds of stores.
const (
	KeyValueStore StoreKind = iota + 1
	WindowStore
	SessionStore
	VersionedStore
	BufferStore // a suppress or grace-period buffer: kept in memory, logged
)

func (k StoreKind) String() string {
	return [...]string{KeyValueStore: "key-value", WindowStore: "window", SessionStore: "session", VersionedStore: "versioned", BufferStore: "buffer"}[k]
}

// Store is a store of the topology. A task has an instance of each store of
// its sub-topology.
type Store struct {
	Name  string
	Kind  StoreKind
	Place string
	ID    int // order of creation

	InMemory  bool
	Logged    bool
	LogConfig map[string]string // overrides of the changelog topic's settings
	Cached    bool
	// CacheChosen is set when the user chose Cached, rather than the builder.
	CacheChosen bool
	Headers     bool // entries keep record headers
	// DeleteHeaders says that the changelog's deletes have the headers of the
	// record in work, as they do where entries keep them.
	DeleteHeaders bool
	Global        bool
	Problems      []string // mistakes of the handle

	// SourceTopic is the input topic that serves as the changelog, if any.
	SourceTopic *Topic

	// RetentionMillis is how long windows, sessions or versions are kept.
	RetentionMillis int64
	// TTLMillis is how long after its last update a key expires, 0 for never.
	TTLMillis int64
	// WindowMillis is the size of the windows of a window store.
	WindowMillis int64
	// EmitOnClose marks a store of windows or sessions that are sent on when
	// they have closed: the store knows which ones still have to be.
	EmitOnClose bool
	// JoinWindow marks a window store that keeps duplicates, as that of a
	// stream-stream join does: its changelog is deleted by time, not compacted.
	JoinWindow bool
	// AutoNamed is set when the name was generated.
	AutoNamed bool

	// Layout turns entries into changelog records; Ordered asks for layers that
	// are read by range.
	Layout  overlay.Layout
	Ordered bool

	// OnRestore tells the typed store of an entry that was restored, nil if it
	// keeps nothing beside its layers. A nil value is a delete.
	OnRestore func(store any, key, value []byte, r *overlay.Record)

	Nodes []*Node // connected

	// Open makes the typed store over its layers.
	Open func(o Opening) (any, error)
}

// Opening is what a store is opened with in a task.
type Opening struct {
	Store     *Store
	Instance  Instance
	Layers    *overlay.Store
	Changelog string // the full name of the changelog topic, for serdes that depend on it
	// Index holds the keys in the order of their times, where they expire in this task.
	Index *overlay.Store
}

// CopartitionGroup are source topics that must have equal numbers of partitions.
type CopartitionGroup struct {
	Sources []*Node
	Place   string
	Op      string
}
