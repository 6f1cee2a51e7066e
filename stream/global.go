package stream

import (
	"github.com/ottla-streams/ottla/internal/dsl"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/table"
	"github.com/ottla-streams/ottla/topology"
)

// GlobalTable reads a topic as a table that every instance of the app keeps
// whole, in store: all partitions of it. The topic serves as its changelog. A
// null value deletes, null keys are dropped, and updates are taken as they come.
//
// The app waits for the table to be loaded up to the end that its topic has at
// the start, before it processes anything. From then on it follows the topic,
// without regard to the time of what it is joined with. With [ExactlyOnce] only
// committed records count. The state on disk is used again by the next start.
// (KIP-99)
func (b *Builder) GlobalTable[K, V any, S state.TableSpec[K, V]](t topology.Topic[K, V], store S) *table.GlobalKTable[K, V] {
	return (*table.GlobalKTable[K, V])(dsl.ReadGlobal(b.b, t, store))
}
