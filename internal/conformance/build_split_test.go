package conformance

import (
	"strconv"

	"github.com/ottla-streams/ottla/internal/graph"
)

func init() {
	ops["split"] = (*interpreter).split
	ops["repartition"] = (*interpreter).repartition
}

func (x *interpreter) split(s *Step) (any, error) {
	from, err := result[kstream](x, s.From)
	if err != nil {
		return nil, err
	}
	p := named(s, from.Split())
	for i, b := range s.Branches {
		keep, err := ParsePredicate(b.Fn)
		if err != nil {
			return nil, err
		}
		x.results[s.ID+"."+strconv.Itoa(i+1)] = p.Branch(text(b.Name), keep)
	}
	if s.Default != nil {
		x.results[s.ID+".default"] = p.Default(text(s.Default.Name))
	}
	x.splits = append(x.splits, s)
	return nil, nil
}

// branchNames reads the names of branches off the nodes that split, which are
// in order of the steps.
func (x *interpreter) branchNames(g *graph.Topology) {
	i := 0
	for _, n := range g.Nodes {
		if n.Op != "Split" {
			continue
		}
		for _, branch := range n.Children {
			x.run.BranchNames[x.splits[i].ID] = append(x.run.BranchNames[x.splits[i].ID], branch.Name)
		}
		i++
	}
}

// text is a name that may be absent.
func text(name *string) string {
	if name == nil {
		return ""
	}
	return *name
}

func (x *interpreter) repartition(s *Step) (any, error) {
	from, err := result[kstream](x, s.From)
	if err != nil {
		return nil, err
	}
	in := x.shape(s.From)
	from = from.Serdes(in.Key.Serde(), in.Value.Serde())
	if s.Partitions != nil {
		return named(s, from.RepartitionInto(int(*s.Partitions))), nil
	}
	return named(s, from.Repartition()), nil
}
