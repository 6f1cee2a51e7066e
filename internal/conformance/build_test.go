package conformance

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
)

// notExpressed says that a case uses something that the DSL does not have.
type notExpressed string

func (e notExpressed) Error() string { return "not expressed: " + string(e) }

// interpreter carries out the steps of a case over the public DSL. Keys and
// values are any; what the DSL types otherwise is cast, see cast.
type interpreter struct {
	c     *Case
	types *Types
	b     *stream.Builder
	run   *Run
	event int

	results map[string]any        // by step id
	stores  map[string]state.Spec // handles of stores by name
	specs   map[string]*StoreSpec // of those that a case specifies outright
	untimed map[string]bool       // stores that keep no timestamps
	nodes   map[string]node       // nodes added by hand
	splits  []*Step
	names   []func() // read off what is known once the topology is built
}

// ops are the operations, by name.
var ops = map[string]func(x *interpreter, s *Step) (any, error){}

// interpret builds the topology of a case. An error is notExpressed, or a
// build error of the library.
func interpret(c *Case) (x *interpreter, top *topology.Topology, err error) {
	x = &interpreter{
		c: c, run: &Run{BranchNames: map[string][]string{}, QueryableStoreNames: map[string]*string{}, Stores: map[string]Store{}},
		results: map[string]any{}, stores: map[string]state.Spec{}, specs: map[string]*StoreSpec{},
		untimed: map[string]bool{}, nodes: map[string]node{},
	}
	if x.types, err = Infer(c); err != nil {
		return x, nil, err
	}
	if c.ProcessorAPI() {
		top, err = x.processorTopology()
		return x, top, err
	}
	options, err := builderOptions(&c.Config)
	if err != nil {
		return x, nil, err
	}
	x.b = stream.NewBuilder(options...)
	for i := range c.Topology {
		if err := x.step(&c.Topology[i]); err != nil {
			return x, nil, err
		}
	}
	top, err = x.b.Build()
	if err != nil {
		return x, nil, err
	}
	for _, f := range x.names {
		f()
	}
	x.branchNames(top.Graph())
	return x, top, nil
}

// step carries out one step.
func (x *interpreter) step(s *Step) error {
	op := ops[s.Op]
	if op == nil {
		return notExpressed(s.Op)
	}
	result, err := op(x, s)
	var no notExpressed
	switch {
	case errors.As(err, &no):
		return no
	case err != nil:
		return fmt.Errorf("step %s: %w", s.Label(), err)
	}
	if s.ID != "" && result != nil {
		x.results[s.ID] = result
	}
	return nil
}

// builderOptions are the settings of a case that the builder takes.
func builderOptions(c *Config) ([]stream.BuilderOption, error) {
	options := []stream.BuilderOption{}
	add := func(on bool, o stream.BuilderOption) {
		if on {
			options = append(options, o)
		}
	}
	add(!c.ExplicitNaming, stream.GeneratedNames())
	add(c.CacheMaxBytes > 0, stream.CachedTables())
	add(c.DSLStore == "in_memory", stream.InMemoryStores())
	add(strings.EqualFold(c.DSLStoreFormat, "headers"), stream.KeepHeaders())
	add(c.Optimizes(MergeRepartitions), stream.MergeRepartitions())
	add(c.Optimizes(ReuseSourceTopics), stream.ReuseSourceTopics())
	add(c.Optimizes(SingleStoreSelfJoin), stream.SingleStoreSelfJoin())
	add(c.UpgradeFrom == "3.3", stream.TwoRecordGroups())
	if c.UpgradeFrom != "" && c.UpgradeFrom != "3.3" {
		return nil, notExpressed("upgrade.from " + c.UpgradeFrom)
	}
	return options, nil
}

// result is the result of an earlier step as a T.
func result[T any](x *interpreter, id string) (T, error) {
	r, ok := x.results[id].(T)
	if !ok {
		return r, fmt.Errorf("step %s is a %T, want a %T", id, x.results[id], r)
	}
	return r, nil
}

// shape is the static type of the result of a step.
func (x *interpreter) shape(id string) Shape { return x.types.Steps[id] }

// named names what was built last, if the step has a name.
func named[T interface{ Named(string) T }](s *Step, r T) T {
	if s.Name != nil {
		return r.Named(*s.Name)
	}
	return r
}
