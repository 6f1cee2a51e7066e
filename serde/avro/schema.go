package avro

import (
	"errors"
	"fmt"
	"slices"
)

// Schema is a parsed Avro schema. It is never changed and safe for concurrent
// use.
type Schema struct {
	text string
	uses []*Schema // in the order of definition, each after those it needs
	asks []*Schema // those of uses that the text itself names
	root *node
	name string // full name of a named type, else ""
	// tree is the number of nodes with every name replaced by what it names.
	tree      int
	recursive bool
	maps      bool // there may be maps in values
}

// Limits of schemas, which come from a registry and so from others.
const (
	maxSchemaBytes  = 256 << 10 // of one text
	maxSchemaNest   = 64        // definitions inside each other
	maxFixedSize    = 1 << 20   // bytes of a fixed
	maxDecimalScale = 1000      // digits of a decimal
	maxTree         = 100_000   // nodes with names replaced
)

var (
	errSchemaSize = fmt.Errorf("schema: more than %d bytes", maxSchemaBytes)
	errSchemaNest = fmt.Errorf("schema: nested more than %d deep", maxSchemaNest)
	errSchemaTree = fmt.Errorf("schema: more than %d types with all names replaced", maxTree)
	errNoSchema   = errors.New("schema: there is none")
)

// Parse parses a schema. uses are schemas whose named types it refers to, each
// after those that it refers to itself. A schema may have 256 KiB, nest 64 deep
// and have a fixed of 1 MiB and a decimal of 1,000 digits.
func Parse(text string, uses ...*Schema) (*Schema, error) {
	p := parser{names: make(map[string]*node), asked: make(map[*node]bool)}
	owners := make([]int, len(uses)) // the first node after those of each
	for i, u := range uses {
		if _, err := p.text(u.text); err != nil {
			return nil, err
		}
		owners[i] = len(p.all)
	}
	clear(p.asked)
	root, err := p.text(text)
	if err != nil {
		return nil, err
	}
	s := &Schema{text: text, uses: uses, root: root, name: root.name, maps: hasMaps(p.all)}
	for i, u := range uses {
		first := 0
		if i > 0 {
			first = owners[i-1]
		}
		if slices.ContainsFunc(p.all[first:owners[i]], func(n *node) bool { return p.asked[n] }) {
			s.asks = append(s.asks, u)
		}
	}
	if err := s.measure(p.all); err != nil {
		return nil, err
	}
	return s, nil
}

// parseAll parses schemas of which each may use those before it.
func parseAll(texts []string) ([]*Schema, error) {
	var all []*Schema
	for _, text := range texts {
		s, err := Parse(text, slices.Clone(all)...)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// Text returns the schema as it was parsed.
func (s *Schema) Text() string { return s.text }

// Uses returns the schemas whose named types this one refers to, each after
// those that it refers to itself.
func (s *Schema) Uses() []*Schema { return s.uses }

// Name returns the full name of a record, enum or fixed, and "" for others.
func (s *Schema) Name() string { return s.name }

// Tree is the number of types in the schema with all names replaced.
func (s *Schema) Tree() int { return s.tree }

// Recursive tells whether a value may contain one of the same type.
func (s *Schema) Recursive() bool { return s.recursive }

// measure sets what walking and resolving need to know of the nodes.
func (s *Schema) measure(all []*node) error {
	// Sizes grow from round to round, without end where a type has to contain
	// itself. Each round leaves a bound from below, so any number will do.
	for changed, rounds := true, 0; changed && rounds < 64; rounds++ {
		changed = false
		for _, n := range slices.Backward(all) {
			if least := n.least(); least != n.min {
				n.min, changed = least, true
			}
		}
	}
	state := make(map[*node]int) // number of nodes below, -1 while counting
	var count func(*node) int
	count = func(n *node) int {
		if c, ok := state[n]; ok {
			if c < 0 {
				s.recursive = true
				return 1
			}
			return c
		}
		state[n] = -1
		c := 1
		for _, below := range n.parts {
			c = min(c+count(below), maxTree+1)
		}
		state[n] = c
		return c
	}
	if s.tree = count(s.root); s.tree > maxTree {
		return errSchemaTree
	}
	return nil
}
