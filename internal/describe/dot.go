package describe

import (
	"strings"
	"unicode"
)

var dotForms = [...]string{
	sourceForm:    `shape=box, style=rounded`,
	processorForm: `shape=box`,
	sinkForm:      `shape=box, style=rounded`,
	storeForm:     `shape=cylinder`,
	topicForm:     `shape=cds`,
	internalForm:  `shape=cds, style=dashed`,
	patternForm:   `shape=cds, peripheries=2`,
	dynamicForm:   `shape=hexagon`,
}

// DOT returns the topology as a Graphviz digraph. Sub-topologies are clusters,
// stores cylinders, topics arrows between the clusters; internal topics are
// dashed, topic patterns doubled, and a hexagon stands for the topics that a
// sink's function chooses. Control characters in names are shown as U+FFFD.
func DOT(t Topology) string {
	p := draw(t)
	var b strings.Builder
	b.WriteString("digraph topology {\n")
	for _, f := range p.frames {
		b.WriteString("  subgraph cluster_" + f.id + " {\n    label=" + dotQuote(f.title) + "\n")
		for _, s := range f.shapes {
			b.WriteString("  ")
			writeDOTShape(&b, s)
		}
		b.WriteString("  }\n")
	}
	for _, s := range p.topics {
		writeDOTShape(&b, s)
	}
	for _, e := range p.edges {
		b.WriteString("  " + e.from + " -> " + e.to)
		if e.uses {
			b.WriteString(" [dir=none, style=dotted]")
		}
		b.WriteByte('\n')
	}
	b.WriteString("}\n")
	return b.String()
}

func writeDOTShape(b *strings.Builder, s shape) {
	b.WriteString("  " + s.id + " [label=" + dotQuote(s.label) + ", " + dotForms[s.form] + "]\n")
}

// dotLabel escapes what means something in a label: a backslash starts an escape
// sequence, an ampersand an HTML entity.
var dotLabel = strings.NewReplacer(`\`, `\\`, `"`, `\"`, `&`, `&amp;`)

func dotQuote(label string) string {
	printable := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, label)
	return `"` + dotLabel.Replace(printable) + `"`
}
