package describe

import (
	"strconv"
	"strings"
	"unicode"
)

var mermaidForms = [...][2]string{
	sourceForm:    {"([", "])"},
	processorForm: {"[", "]"},
	sinkForm:      {"([", "])"},
	storeForm:     {"[(", ")]"},
	topicForm:     {"[/", "/]"},
	internalForm:  {"[/", "/]"},
	patternForm:   {"[[", "]]"},
	dynamicForm:   {"{{", "}}"},
}

// Mermaid returns the topology as a Mermaid flowchart. Sub-topologies are
// subgraphs, stores cylinders, topics parallelograms between the subgraphs;
// internal topics are dashed, a topic pattern has double sides, and a hexagon
// stands for the topics that a sink's function chooses.
//
// Names are escaped, so any name gives a valid chart. Mermaid itself refuses to
// draw more than 500 edges by default (maxEdges).
func Mermaid(t Topology) string {
	p := draw(t)
	var b strings.Builder
	b.WriteString("flowchart TD\n")
	for _, f := range p.frames {
		b.WriteString("  subgraph " + f.id + "[" + mermaidQuote(f.title) + "]\n")
		for _, s := range f.shapes {
			b.WriteString("  ")
			writeMermaidShape(&b, s)
		}
		b.WriteString("  end\n")
	}
	for _, s := range p.topics {
		writeMermaidShape(&b, s)
	}
	for _, e := range p.edges {
		arrow := " --> "
		if e.uses {
			arrow = " -.- "
		}
		b.WriteString("  " + e.from + arrow + e.to + "\n")
	}
	writeMermaidStyle(&b, p)
	return b.String()
}

func writeMermaidShape(b *strings.Builder, s shape) {
	form := mermaidForms[s.form]
	b.WriteString("  " + s.id + form[0] + mermaidQuote(s.label) + form[1] + "\n")
}

func writeMermaidStyle(b *strings.Builder, p picture) {
	if !p.hasTopics(internalForm) {
		return
	}
	b.WriteString("  classDef internal stroke-dasharray: 4 3\n")
	for _, s := range p.topics {
		if s.form == internalForm {
			b.WriteString("  class " + s.id + " internal\n")
		}
	}
}

// mermaidQuote writes letters and digits as they are, "-", ".", "_" and the blank
// between two of them too, and everything else as an entity: depending on where
// it stands, almost any other character can be Mermaid syntax, Markdown or HTML.
func mermaidQuote(label string) string {
	var b strings.Builder
	b.WriteByte('"')
	runes := []rune(label)
	plain := func(i int) bool {
		return i >= 0 && i < len(runes) && (unicode.IsLetter(runes[i]) || unicode.IsDigit(runes[i]))
	}
	for i, r := range runes {
		if plain(i) || strings.ContainsRune("-._ ", r) && plain(i-1) && plain(i+1) {
			b.WriteRune(r)
		} else {
			b.WriteString("#" + strconv.Itoa(int(r)) + ";")
		}
	}
	b.WriteByte('"')
	return b.String()
}
