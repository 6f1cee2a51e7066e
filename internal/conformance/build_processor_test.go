package conformance

import "github.com/ottla-streams/ottla/topology"

// processorTopology builds a topology with the Processor API only.
func (x *interpreter) processorTopology() (*topology.Topology, error) {
	return nil, notExpressed("the Processor API")
}
