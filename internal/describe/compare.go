package describe

import (
	"fmt"
	"slices"
	"strings"
)

// Fate is what becomes of something that a topology keeps when another topology
// takes its place.
type Fate uint8

// The fates.
const (
	Kept    Fate = iota + 1 // as it was
	Moved                   // kept, but its local copies are read anew
	Created                 // it was not there before
	Dropped                 // gone, and nothing is lost by that
	Renamed                 // lost, and the like of it has another name now
	Changed                 // lost, as it can't be read any more
	Lost
)

func (f Fate) String() string {
	return [...]string{Kept: "kept", Moved: "moved", Created: "new", Dropped: "dropped", Renamed: "renamed", Changed: "changed", Lost: "lost"}[f]
}

// Change is the fate of a store or of an internal topic.
type Change struct {
	Fate Fate
	What string // "store" or "repartition topic"
	Name string
	To   string // the new name, of Renamed
	// Why is a reason or a consequence, empty for none.
	Why string
}

// Loses tells whether something is lost that can't be had again.
func (c Change) Loses() bool { return c.Fate >= Renamed }

// String returns a line such as "lost store totals: …".
func (c Change) String() string {
	s := c.Fate.String() + " " + c.What + " " + c.Name
	if c.To != "" {
		s += " → " + c.To
	}
	if c.Why != "" {
		s += ": " + c.Why
	}
	return s
}

// Compare returns what happens to the state of a topology when another one with
// the same application id takes its place: first what is lost, then the rest,
// each sorted by name. Stores and topics are the same if they have the same name;
// what was renamed is a guess by kind and place.
func Compare(old, now Topology) []Change {
	changes := append(compareStores(old, now), compareRepartitions(old, now)...)
	slices.SortStableFunc(changes, func(a, b Change) int {
		if a.Loses() != b.Loses() {
			if a.Loses() {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Name, b.Name)
	})
	return changes
}

// placed is a store and where it is.
type placed struct {
	Store
	sub   int
	owner string // the first processor that has it
}

func stores(t Topology) []placed {
	var all []placed
	for _, s := range t.Subtopologies {
		for _, store := range s.Stores {
			p := placed{Store: store, sub: s.ID}
			if i := slices.IndexFunc(s.Nodes, func(n Node) bool { return slices.Contains(n.Stores, store.Name) }); i >= 0 {
				p.owner = s.Nodes[i].Name
			}
			all = append(all, p)
		}
	}
	return all
}

func compareStores(old, now Topology) []Change {
	var changes []Change
	before, after := stores(old), stores(now)
	var gone, fresh []placed
	for _, a := range after {
		if !slices.ContainsFunc(before, func(b placed) bool { return b.Name == a.Name }) {
			fresh = append(fresh, a)
		}
	}
	for _, b := range before {
		i := slices.IndexFunc(after, func(a placed) bool { return a.Name == b.Name })
		if i < 0 {
			gone = append(gone, b)
			continue
		}
		changes = append(changes, b.become(after[i]))
	}
	for _, b := range gone {
		c := Change{Fate: Lost, What: "store", Name: b.Name, Why: b.left()}
		if b.FromSource {
			c.Fate, c.Why = Dropped, "topic "+b.Changelog+" has all of it"
		} else if i := b.heir(fresh); i >= 0 {
			c.Fate, c.To = Renamed, fresh[i].Name
			fresh = slices.Delete(fresh, i, i+1)
		}
		changes = append(changes, c)
	}
	for _, a := range fresh {
		changes = append(changes, Change{Fate: Created, What: "store", Name: a.Name})
	}
	return changes
}

// become returns the fate of a store that has kept its name.
func (p placed) become(now placed) Change {
	c := Change{Fate: Kept, What: "store", Name: p.Name}
	switch {
	case p.Kind != now.Kind:
		c.Fate, c.Why = Changed, fmt.Sprintf("it was a %s store and is a %s store now; give it another name", p.Kind, now.Kind)
	case p.Changelog != now.Changelog && now.FromSource:
		c.Fate, c.Why = Moved, "it is read from topic "+now.Changelog
	case p.Changelog != now.Changelog && now.Changelog == "":
		c.Fate, c.Why = Changed, "it has no changelog any more, and "+p.left()
	case p.Changelog != now.Changelog:
		c.Fate, c.Why = Changed, fmt.Sprintf("its changelog is %s now, which does not have what it holds", now.Changelog)
	case p.sub != now.sub && p.Changelog == "":
		c.Fate, c.Why = Lost, fmt.Sprintf("it moves from sub-topology %d to %d and has no changelog", p.sub, now.sub)
	case p.sub != now.sub:
		c.Fate, c.Why = Moved, fmt.Sprintf("from sub-topology %d to %d; local copies are read anew from %s", p.sub, now.sub, p.Changelog)
	}
	return c
}

// left says where the state of a store stays behind.
func (p placed) left() string {
	if p.Changelog == "" {
		return "its state is on disk only"
	}
	return "its state stays behind in topic " + p.Changelog
}

// heir returns which of the new stores took the place of p, -1 for none: the one
// of the same kind at the same processor, else the first whose name differs in its
// number only.
func (p placed) heir(fresh []placed) int {
	same := func(f placed) bool { return f.Kind == p.Kind }
	if i := slices.IndexFunc(fresh, func(f placed) bool { return same(f) && f.owner == p.owner && p.owner != "" }); i >= 0 {
		return i
	}
	return slices.IndexFunc(fresh, func(f placed) bool { return same(f) && unnumbered(f.Name) == unnumbered(p.Name) })
}

// unnumbered is a name without the digits of generated names.
func unnumbered(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, name)
}

func repartitions(t Topology) []Topic {
	var all []Topic
	for _, s := range t.Subtopologies {
		all = append(all, s.RepartitionTopics...)
	}
	return all
}

func compareRepartitions(old, now Topology) []Change {
	const what = "repartition topic"
	var changes []Change
	before, after := repartitions(old), repartitions(now)
	fresh := slices.Clone(after)
	for _, b := range before {
		fresh = slices.DeleteFunc(fresh, func(a Topic) bool { return a.Name == b.Name })
	}
	for _, b := range before {
		c := Change{Fate: Lost, What: what, Name: b.Name, Why: "records in it that were not read yet stay behind"}
		if i := slices.IndexFunc(after, func(a Topic) bool { return a.Name == b.Name }); i >= 0 {
			c.Fate, c.Why = Kept, ""
			if n := after[i].Partitions; n != b.Partitions && n != 0 && b.Partitions != 0 {
				c.Fate, c.Why = Changed, fmt.Sprintf("it has %d partitions, and %d are asked for", b.Partitions, n)
			}
		} else if i := slices.IndexFunc(fresh, func(a Topic) bool { return unnumbered(a.Name) == unnumbered(b.Name) }); i >= 0 {
			c.Fate, c.To = Renamed, fresh[i].Name
			fresh = slices.Delete(fresh, i, i+1)
		}
		changes = append(changes, c)
	}
	for _, a := range fresh {
		changes = append(changes, Change{Fate: Created, What: what, Name: a.Name})
	}
	return changes
}
