package conformance

import (
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/topology"
)

func init() {
	ops["process"] = (*interpreter).process
	ops["processValues"] = (*interpreter).process
	ops["addStateStore"] = (*interpreter).addStateStore
	ops["addGlobalStore"] = (*interpreter).addGlobalStore
	for _, op := range []string{"addSource", "addProcessor", "addSink", "connectProcessorAndStateStores", "addReadOnlyStateStore"} {
		ops[op] = func(x *interpreter, s *Step) (any, error) { return nil, x.addNode(x.b.Nodes(), s) }
	}
}

type node = topology.Node[any, any]

func (x *interpreter) process(s *Step) (any, error) {
	from, err := result[kstream](x, s.From)
	if err != nil {
		return nil, err
	}
	p, in, err := x.processor(s, x.shape(s.From))
	if err != nil {
		return nil, err
	}
	stores, err := x.handles(s.Stores, s.SupplierStores)
	if err != nil {
		return nil, err
	}
	out := x.shape(s.ID)
	if s.Op == "processValues" {
		return named(s, from.ProcessValues(p.values(in), stores...)).Serdes(nil, out.Value.Serde()), nil
	}
	return named(s, from.Process(p.records(in), stores...)).Serdes(out.Key.Serde(), out.Value.Serde()), nil
}

// processor parses the processor of a step.
func (x *interpreter) processor(s *Step, in Shape) (simulation, Shape, error) {
	p, _, _, err := ParseProcessor(s.Processor, in.Key, in.Value)
	return simulation{x: x, p: p}, in, err
}

func (x *interpreter) addStateStore(s *Step) (any, error) {
	if old := x.stores[s.Store.Spec.Store]; old != nil {
		// Handles are values: two of a name meet where both are used.
		return nil, notExpressed("two stores of a name that nothing uses")
	}
	_, err := x.storeSpec(s.Store.Spec)
	return nil, err
}

func (x *interpreter) addGlobalStore(s *Step) (any, error) {
	spec, t, supply, err := x.globalStore(s)
	if err != nil {
		return nil, err
	}
	named(s, x.b.GlobalStore(spec, t, supply))
	return nil, nil
}

// globalStore is the handle, topic and processor of a global store.
func (x *interpreter) globalStore(s *Step) (state.Spec, topic, func() keyChanger, error) {
	store := s.Store.Spec
	spec, err := x.storeSpec(store)
	if err != nil {
		return nil, topic{}, nil, err
	}
	source := *s
	source.Key, source.Value = store.KeyType(), store.ValueType()
	topics, err := x.topics(&source)
	if err != nil {
		return nil, topic{}, nil, err
	}
	in := Shape{Key: store.KeyType(), Value: store.ValueType()}
	p, in, err := x.processor(s, in)
	return spec, topics[0], p.records(in), err
}

// processorTopology builds a topology with the Processor API only.
func (x *interpreter) processorTopology() (*topology.Topology, error) {
	b := topology.NewBuilder()
	for i := range x.c.Topology {
		if err := x.addNode(b, &x.c.Topology[i]); err != nil {
			return nil, err
		}
	}
	return b.Build()
}

// addNode carries out a step of the Processor API.
func (x *interpreter) addNode(b *topology.Builder, s *Step) error {
	switch s.Op {
	case "addSource":
		topics, err := x.topics(s)
		if err != nil {
			return err
		}
		x.nodes[*s.Name] = b.Source(*s.Name, topics[0], topics[1:]...)
		return nil
	case "addProcessor":
		p, in, err := x.processor(s, x.parentShape(s))
		if err != nil {
			return err
		}
		stores, err := x.handles(nil, s.SupplierStores)
		if err != nil {
			return err
		}
		x.nodes[*s.Name] = x.parents(b, s).Process(*s.Name, p.records(in), stores...)
		return nil
	case "addSink":
		in := x.parentShape(s)
		t, err := sinkTopic(s, s.Key.or(in.Key), s.Value.or(in.Value))
		if err != nil {
			return err
		}
		x.parents(b, s).To(*s.Name, t)
		return nil
	}
	return x.addStore(b, s)
}

// addStore carries out a step of the Processor API that is about stores.
func (x *interpreter) addStore(b *topology.Builder, s *Step) error {
	switch s.Op {
	case "addStateStore":
		spec, err := x.storeSpec(s.Store.Spec)
		if err != nil {
			return err
		}
		for _, name := range s.Processors {
			b.Connect(name, spec)
		}
		return nil
	case "connectProcessorAndStateStores":
		stores, err := x.handles(s.Stores, nil)
		if err != nil {
			return err
		}
		b.Connect(*s.Name, stores...)
		return nil
	case "addGlobalStore", "addReadOnlyStateStore":
		spec, t, supply, err := x.globalStore(s)
		if err != nil {
			return err
		}
		if s.Op == "addGlobalStore" {
			b.GlobalStore(spec, s.SourceName, t, *s.Name, supply)
		} else {
			x.nodes[*s.Name] = b.ReadOnlyStore(spec, s.SourceName, t, *s.Name, supply)
		}
		return nil
	}
	return notExpressed(s.Op)
}

// parents is the nodes that a node stands behind.
func (x *interpreter) parents(b *topology.Builder, s *Step) node {
	var nodes []node
	for _, name := range s.Parents {
		n, ok := x.nodes[name]
		if !ok {
			n = b.Node[any, any](name)
		}
		nodes = append(nodes, n)
	}
	return b.Merge(nodes...)
}

// parentShape is the types of the records that a node is given: those of its
// first known parent.
func (x *interpreter) parentShape(s *Step) Shape {
	for _, name := range s.Parents {
		if in, ok := x.types.Nodes[name]; ok {
			return in
		}
	}
	return Shape{Key: String, Value: String}
}
