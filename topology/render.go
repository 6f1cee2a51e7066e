package topology

import "github.com/ottla-streams/ottla/internal/describe"

// DOT describes the topology as a Graphviz digraph, with sub-topologies as
// clusters and topics between them.
func (t *Topology) DOT() string { return describe.DOT(t.g.Describe()) }

// Mermaid describes the topology as a Mermaid flowchart, with sub-topologies as
// subgraphs and topics between them.
func (t *Topology) Mermaid() string { return describe.Mermaid(t.g.Describe()) }
