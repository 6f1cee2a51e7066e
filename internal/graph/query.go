package graph

import (
	"context"

	"github.com/ottla-streams/ottla/internal/overlay"
)

// Queries is where the views of one store find its committed state. It is safe
// for concurrent use.
type Queries interface {
	// Partitions is the number of partitions of the store.
	Partitions(ctx context.Context) (int32, error)

	// Local returns the partitions that this instance has, in order. With
	// copies those that follow their changelogs count too.
	Local(ctx context.Context, copies bool) ([]int32, error)

	// Open returns the committed state of a partition, with copies also that of
	// one that is behind by up to lag changelog records.
	Open(ctx context.Context, partition int32, copies bool, lag int64) (*Reading, error)
}

// Reading is the committed state of one partition of a store at one moment, for
// one goroutine.
type Reading struct {
	Store     *Store
	Layers    *overlay.Store // read-only
	Changelog string         // full name
	Position  map[string]int64
	Copy      bool            // it is that of a standby, or of a store that is being restored
	Lag       int64           // changelog records that it is behind
	Next      <-chan struct{} // closed when there is a later state
	Release   func()
	// Open opens the typed store of a global one, which has no Layers. Nil for others.
	Open func() (any, error)
}

// Typed opens the typed store over the state.
func (r *Reading) Typed() (any, error) {
	if r.Open != nil {
		return r.Open()
	}
	return r.Store.Open(Opening{Store: r.Store, Layers: r.Layers, Changelog: r.Changelog})
}
