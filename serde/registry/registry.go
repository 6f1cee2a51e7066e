// Package registry lets serdes take their schemas from a schema registry that
// speaks Confluent's REST interface, and put them there.
//
// There are only a few types: [Registry] is the connection with all caches,
// made of a [Config] and narrowed by [Registry.With]; [Schema] is a schema that
// the registry holds, with all it refers to; [Definition] is one to be
// registered; [Format] is what a package such as serde/avro provides, and
// [Framed] makes a [serde.Serde] of it. Errors are an [*Error].
//
// A Registry is safe for concurrent use. It owns no goroutine: requests are
// made by the caller that needs a schema first, and others wait for it.
package registry

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/sr"
)

// Limits that no configuration lifts.
const (
	maxDepth      = 16  // schemas between a schema and what it refers to last
	maxReferences = 256 // schemas that one schema refers to in all
	tryTimeout    = 10 * time.Second
	firstBackoff  = 100 * time.Millisecond
	lastBackoff   = 5 * time.Second
	refusalTTL    = 5 * time.Second // how long what was refused isn't asked for again
)

// Registry is a schema registry as seen by serdes. All that [Registry.With]
// derives from one share its connection and caches.
type Registry struct {
	core *core
	use  settings
}

// core is what the derived ones share.
type core struct {
	err     error
	clients []*sr.Client // one for each address to start with
	secrets []string     // must not be in errors
	wait    time.Duration
	max     int
	log     *slog.Logger
	life    context.Context
	end     context.CancelFunc

	byID    cache[int32, *Schema]
	byGUID  cache[GUID, *Schema]
	latest  cache[string, *Schema]
	written cache[writing, *Schema]
}

type version struct {
	subject string
	number  int
}

// writing is what a schema was registered or looked up as.
type writing struct {
	subject, key string
	lookup       bool
}

// New returns a Registry. It doesn't connect: the first schema that a serde
// needs does. A mistake in the configuration is reported by [Registry.Err] and
// by the Err of every serde made with it, so that a Registry can be declared
// beside the topics.
func New(c Config) *Registry {
	o := &core{wait: c.Wait, max: c.MaxSchema, log: c.Logger}
	if o.wait == 0 {
		o.wait = time.Minute
	}
	if o.max <= 0 {
		o.max = 256 << 10
	}
	if o.log == nil {
		o.log = slog.Default()
	}
	o.life, o.end = context.WithCancel(context.Background())
	o.byID.ttl, o.byGUID.ttl, o.latest.ttl, o.written.ttl = refusalTTL, refusalTTL, refusalTTL, refusalTTL
	o.clients, o.secrets, o.err = newClients(c, o.max)
	return &Registry{core: o}
}

// Err says what is wrong with the configuration, or nil.
func (r *Registry) Err() error {
	if r == nil {
		return errors.New("schema registry: it is nil")
	}
	return r.core.err
}

// Close makes all that wait for the registry return an error, now and later.
// Schemas in the caches stay usable.
func (r *Registry) Close() { r.core.end() }
