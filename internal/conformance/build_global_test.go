package conformance

import (
	"github.com/ottla-streams/ottla/internal/dsl"
	"github.com/ottla-streams/ottla/table"
)

func init() {
	ops["globalTable"] = (*interpreter).globalTable
}

type gtable = *table.GlobalKTable[any, any]

func (x *interpreter) globalTable(s *Step) (any, error) {
	topics, err := x.topics(s)
	if err != nil {
		return nil, err
	}
	store, err := tableSpec(x, s.Materialized, s.Key.or(String).Serde(), s.Value.or(String).Serde())
	if err != nil {
		return nil, err
	}
	t := named(s, x.b.GlobalTable(topics[0], store))
	x.names = append(x.names, func() {
		x.run.QueryableStoreNames[s.ID] = &dsl.OfGlobal((*dsl.Global[any, any])(t)).Store.Name
	})
	return t, nil
}
