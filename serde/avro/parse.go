package avro

import (
	"encoding/json/v2"
	"errors"
	"fmt"
	"math"
	"strings"
)

// parser turns the JSON of schemas into nodes. It accepts some schemas that a
// codec refuses, but each that it accepts is harmless to the codecs.
type parser struct {
	names map[string]*node
	all   []*node
	asked map[*node]bool // those found by name
}

var errNotJSON = errors.New("schema: not a JSON text")

func (p *parser) text(schema string) (*node, error) {
	switch {
	case schema == "":
		return nil, errNoSchema
	case len(schema) > maxSchemaBytes:
		return nil, errSchemaSize
	}
	var v any
	if err := json.Unmarshal([]byte(schema), &v); err != nil {
		// A name alone is allowed, as Java's parser does.
		if _, ok := kinds[schema]; !ok {
			return nil, errNotJSON
		}
		v = schema
	}
	return p.schema(v, "", 0)
}

func (p *parser) add(n *node) *node {
	p.all = append(p.all, n)
	return n
}

// schema returns the node of v, inside the namespace.
func (p *parser) schema(v any, space string, depth int) (*node, error) {
	if depth > maxSchemaNest {
		return nil, errSchemaNest
	}
	switch v := v.(type) {
	case string:
		return p.named(v, space)
	case []any:
		n := p.add(&node{kind: unionType})
		for _, branch := range v {
			b, err := p.schema(branch, space, depth+1)
			if err != nil {
				return nil, err
			}
			n.parts = append(n.parts, b)
		}
		return n, nil
	case map[string]any:
		return p.object(v, space, depth)
	}
	return nil, errors.New("schema: a type is neither a name nor an object nor an array")
}

func (p *parser) named(name, space string) (*node, error) {
	if k, ok := kinds[name]; ok && k < fixedType {
		return p.add(&node{kind: k}), nil
	}
	for _, full := range []string{fullName(name, space), name} {
		if n, ok := p.names[full]; ok {
			p.asked[n] = true
			return n, nil
		}
	}
	return nil, fmt.Errorf("schema: type %q is not defined", name)
}

func (p *parser) object(o map[string]any, space string, depth int) (*node, error) {
	name, ok := o["type"].(string)
	if !ok {
		if o["type"] == nil {
			return nil, errors.New("schema: an object has no type")
		}
		return p.schema(o["type"], space, depth+1)
	}
	k, ok := kinds[name]
	switch {
	case !ok || k < fixedType:
		if err := checkDecimal(o); err != nil {
			return nil, err
		}
		return p.named(name, space)
	case k == arrayType:
		return p.elements(&node{kind: arrayType}, o["items"], space, depth)
	case k == mapType:
		return p.elements(&node{kind: mapType}, o["values"], space, depth)
	}
	return p.definition(&node{kind: k}, o, space, depth)
}

func (p *parser) elements(n *node, of any, space string, depth int) (*node, error) {
	if of == nil {
		return nil, errors.New("schema: an array without items or a map without values")
	}
	p.add(n)
	part, err := p.schema(of, space, depth+1)
	n.parts = []*node{part}
	return n, err
}

// definition reads a record, enum or fixed.
func (p *parser) definition(n *node, o map[string]any, space string, depth int) (*node, error) {
	name, _ := o["name"].(string)
	if name == "" {
		return nil, errors.New("schema: a record, enum or fixed has no name")
	}
	if s, ok := o["namespace"].(string); ok {
		space = s
	}
	n.name = fullName(name, space)
	if _, ok := p.names[n.name]; ok {
		return nil, fmt.Errorf("schema: type %q is defined twice", n.name)
	}
	p.names[n.name] = n
	p.add(n)
	switch n.kind {
	case fixedType:
		size, ok := whole(o["size"])
		if !ok || size < 0 || size > maxFixedSize {
			return nil, fmt.Errorf("schema: fixed %q: size must be from 0 to %d", n.name, maxFixedSize)
		}
		n.size = size
		return n, checkDecimal(o)
	case enumType:
		symbols, _ := o["symbols"].([]any)
		n.size = len(symbols)
		return n, nil
	}
	at := strings.LastIndexByte(n.name, '.')
	return n, p.fields(n, o["fields"], n.name[:max(at, 0)], depth)
}

func (p *parser) fields(n *node, v any, space string, depth int) error {
	fields, ok := v.([]any)
	if !ok {
		return fmt.Errorf("schema: record %q has no array of fields", n.name)
	}
	for i, f := range fields {
		o, _ := f.(map[string]any)
		if o["type"] == nil {
			return fmt.Errorf("schema: record %q: field %d has no type", n.name, i)
		}
		part, err := p.field(o, space, depth+1)
		if err != nil {
			return err
		}
		n.parts = append(n.parts, part)
	}
	return nil
}

// field is the type of a field. Codecs let a field carry the attributes of its
// type, so those have to be checked at both places.
func (p *parser) field(o map[string]any, space string, depth int) (*node, error) {
	if err := checkDecimal(o); err != nil {
		return nil, err
	}
	if k, ok := kinds[fmt.Sprint(o["type"])]; ok && k >= fixedType {
		if _, isName := o["type"].(string); isName {
			return nil, errors.New("schema: a field has a type that must be written as an object of its own")
		}
	}
	return p.schema(o["type"], space, depth)
}

// checkDecimal keeps away scales that take a power of ten without end.
func checkDecimal(o map[string]any) error {
	decimal, bad := false, ""
	for attribute, v := range o {
		// Not all codecs want attributes spelled exactly.
		switch strings.ToLower(attribute) {
		case "logicaltype":
			decimal = decimal || v == "decimal"
		case "scale", "precision":
			if n, ok := whole(v); !ok || n < 0 || n > maxDecimalScale {
				bad = strings.ToLower(attribute)
			}
		}
	}
	if decimal && bad != "" {
		return fmt.Errorf("schema: decimal: %s must be from 0 to %d", bad, maxDecimalScale)
	}
	return nil
}

func whole(v any) (int, bool) {
	f, ok := v.(float64)
	if !ok || f != math.Trunc(f) || math.Abs(f) > 1<<40 {
		return 0, false
	}
	return int(f), true
}

func fullName(name, space string) string {
	if space == "" || strings.Contains(name, ".") {
		return name
	}
	return space + "." + name
}
