package stream

import (
	"github.com/ottla-streams/ottla/internal/dsl"
	"github.com/ottla-streams/ottla/table"
)

// ToTable reads the stream as a table: each record is an update of the row of
// its key, a null value deletes it, null keys are dropped. It repartitions if
// the key may have changed before; the topic is then named by
// [table.KTable.Named]. It gets a store when something reads its rows, or with
// [table.KTable.Materialize]. (KIP-523)
func (s *KStream[K, V]) ToTable() *table.KTable[K, V] {
	return (*table.KTable[K, V])(dsl.ToTable(s.b, s.step, s.key, s.value, s.moved, s.sources))
}
