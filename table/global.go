package table

import (
	"github.com/ottla-streams/ottla/internal/dsl"
	"github.com/ottla-streams/ottla/internal/graph"
)

// GlobalKTable is a table that every instance of the app keeps whole. It is
// made by stream.Builder's GlobalTable and joined by streams; processors read
// its store by the handle. It is not in step with the streams that are joined
// with it: what they see is what has arrived so far. (KIP-99)
type GlobalKTable[K, V any] dsl.Global[K, V]

// Named names the node that keeps the table, and its source with "-source"
// behind the name.
func (t *GlobalKTable[K, V]) Named(name string) *GlobalKTable[K, V] {
	r := dsl.OfGlobal((*dsl.Global[K, V])(t))
	r.Step.Given = name
	if name == "" {
		r.B.Fail(graph.Place(), "Named", "the name is empty")
	}
	return t
}
