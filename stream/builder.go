package stream

import (
	"github.com/ottla-streams/ottla/internal/dsl"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/table"
	"github.com/ottla-streams/ottla/topology"
)

// Builder builds a topology of streams and tables. The zero Builder is not
// usable: call [NewBuilder]. It is not safe for concurrent use.
//
// Mistakes are kept until [Builder.Build], which returns all of them.
type Builder struct{ b *dsl.Builder }

// NewBuilder returns an empty Builder.
func NewBuilder(opts ...BuilderOption) *Builder {
	var o dsl.Options
	for _, opt := range opts {
		opt(&o)
	}
	return &Builder{dsl.NewBuilder(o)}
}

// BuilderOption is a setting of a Builder.
type BuilderOption func(*dsl.Options)

// GeneratedNames lets stores and internal topics go without a name: they get
// one with a number, by the rules of Kafka Streams. Such a name changes when an
// operator is added before it, and the state is then orphaned; so the default is
// to demand names. It serves to take over the topics of a Java app.
func GeneratedNames() BuilderOption { return func(o *dsl.Options) { o.GeneratedNames = true } }

// CachedTables lets tables forward only the last update of a key per commit,
// unless their handles say otherwise. It takes [Config.CacheBytes] to have an
// effect. The default is to forward every update.
func CachedTables() BuilderOption { return func(o *dsl.Options) { o.Caching = true } }

// InMemoryStores keeps stores in memory that are not told otherwise.
func InMemoryStores() BuilderOption { return func(o *dsl.Options) { o.InMemory = true } }

// KeepHeaders lets the stores of the DSL keep record headers as far as Kafka
// Streams 4.3 does (KIP-1285): in the windows of joined streams, and in the
// changelogs' deletes. For the rows of a table use [state.WithHeaders].
func KeepHeaders() BuilderOption { return func(o *dsl.Options) { o.Headers = true } }

// MergeRepartitions lets aggregations and joins behind one change of key share
// a repartition topic (KIP-295). It changes the names of internal topics.
func MergeRepartitions() BuilderOption { return func(o *dsl.Options) { o.MergeRepartitions = true } }

// ReuseSourceTopics lets the topic that a table is read from serve as the
// changelog of its store (KIP-295).
func ReuseSourceTopics() BuilderOption { return func(o *dsl.Options) { o.ReuseSourceTopics = true } }

// SingleStoreSelfJoin lets the join of a stream with itself keep one store in
// place of two (KIP-862). A left or outer join then is an inner one: each record
// has itself as a match, and records with a null key are dropped.
func SingleStoreSelfJoin() BuilderOption { return func(o *dsl.Options) { o.SingleStoreSelf = true } }

// TwoRecordGroups lets a row of a grouped table that changes travel as two
// records, the row before it and the row after it, as Java apps before 3.5
// expect it. The default is one record (KIP-904). It is for the time in which
// such an app still reads the repartition topics.
func TwoRecordGroups() BuilderOption { return func(o *dsl.Options) { o.LegacyGroupFormats = true } }

// WrapProcessors lets w choose what runs around each processor: those of the
// operators of streams and tables, and those of the user. See [topology.Wrapper].
func WrapProcessors(w topology.Wrapper) BuilderOption { return func(o *dsl.Options) { o.Wrap = w } }

// Serde registers the serde for values of a type, for operators that need one
// and are not told which.
func (b *Builder) Serde[T any](s serde.Serde[T]) { dsl.Register(b.b, s) }

// Build checks what was built. The error is a [topology.BuildError] with all
// mistakes, each with its file:line.
// A second call returns the result of the first; what was added between is lost.
func (b *Builder) Build() (*topology.Topology, error) { return b.b.Topology() }

// Stream reads a topic, the topics of a pattern, or several topics as one
// stream. There is no order between topics other than that of timestamps.
// Reading the same topics again gives the same source.
func (b *Builder) Stream[K, V any](t topology.Topic[K, V], more ...topology.Topic[K, V]) *KStream[K, V] {
	s := dsl.ReadTopics(b.b, "Stream", t, more...)
	return &KStream[K, V]{b: b.b, step: s, key: t.KeySerde(), value: t.ValueSerde(), sources: []*dsl.Step{s}}
}

// Table reads a topic as a table: each record is an update of the row of its
// key, a null value deletes it, null keys are dropped. It gets a store when
// something reads its rows, or with [table.KTable.Materialize].
func (b *Builder) Table[K, V any](t topology.Topic[K, V]) *table.KTable[K, V] {
	return (*table.KTable[K, V])(dsl.ReadTable(b.b, t))
}
