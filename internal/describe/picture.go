package describe

import (
	"slices"
	"strconv"
)

// A picture is what [DOT] and [Mermaid] draw: a frame around each sub-topology
// with its nodes and stores, and outside of the frames one shape per topic. A
// topic that a sink writes and a source reads so links their sub-topologies.
// Shapes and frames have ids of their own, since names can hold anything.
type picture struct {
	frames []frame
	topics []shape
	edges  []edge
}

type frame struct {
	id, title string
	shapes    []shape
}

type shape struct {
	id, label string
	form      form
}

type form uint8

const (
	sourceForm form = iota
	processorForm
	sinkForm
	storeForm
	topicForm
	internalForm // an internal topic
	patternForm  // the topics that match an expression
	dynamicForm  // the topics that a function chooses
)

// edge joins two shapes by id: records flow from one to the other, or a
// processor uses a store.
type edge struct {
	from, to string
	uses     bool
}

// painter keeps what is drawn already.
type painter struct {
	picture
	internal map[string]bool
	topicIDs map[string]string // by form and label
	nodes    int
	stores   int
}

func draw(t Topology) picture {
	p := painter{internal: make(map[string]bool), topicIDs: make(map[string]string)}
	subs := ascending(t.Subtopologies)
	for _, s := range subs {
		for _, topic := range s.RepartitionTopics {
			p.internal[topic.Name] = true
		}
	}
	for _, s := range subs {
		p.drawFrame(s)
	}
	return p.picture
}

func (p *painter) drawFrame(s Subtopology) {
	id := strconv.Itoa(s.ID)
	f := frame{id: "g" + id, title: "Sub-topology " + id}
	if s.Global {
		f.title = "Global store " + id
	}
	nodeIDs := make(map[string]string)
	for _, n := range s.Nodes {
		nodeIDs[n.Name] = "n" + strconv.Itoa(p.nodes)
		p.nodes++
		f.shapes = append(f.shapes, shape{nodeIDs[n.Name], n.Name, nodeForm(n.Kind)})
	}
	storeIDs := make(map[string]string)
	for _, n := range s.Nodes {
		p.drawEdges(n, nodeIDs)
		for _, store := range n.Stores {
			if storeIDs[store] == "" {
				storeIDs[store] = "s" + strconv.Itoa(p.stores)
				p.stores++
				f.shapes = append(f.shapes, shape{storeIDs[store], store, storeForm})
			}
			p.edges = append(p.edges, edge{nodeIDs[n.Name], storeIDs[store], true})
		}
	}
	p.frames = append(p.frames, f)
}

func nodeForm(k Kind) form {
	switch k {
	case Source:
		return sourceForm
	case Sink:
		return sinkForm
	}
	return processorForm
}

// drawEdges adds the topics around n, and its edges to topics and children.
func (p *painter) drawEdges(n Node, nodeIDs map[string]string) {
	id := nodeIDs[n.Name]
	for _, topic := range n.Topics {
		p.edges = append(p.edges, edge{from: p.topic(topic), to: id})
	}
	if n.Pattern != "" {
		p.edges = append(p.edges, edge{from: p.outside(patternForm, n.Pattern), to: id})
	}
	if n.Topic != "" {
		p.edges = append(p.edges, edge{from: id, to: p.topic(n.Topic)})
	}
	if n.TopicFunc != "" {
		p.edges = append(p.edges, edge{from: id, to: p.outside(dynamicForm, n.TopicFunc)})
	}
	for _, child := range n.Children {
		if to, ok := nodeIDs[child]; ok {
			p.edges = append(p.edges, edge{from: id, to: to})
		}
	}
}

func (p *painter) topic(name string) string {
	if p.internal[name] {
		return p.outside(internalForm, name)
	}
	return p.outside(topicForm, name)
}

// outside returns the id of a shape outside of the frames, drawn once.
func (p *painter) outside(f form, label string) string {
	key := strconv.Itoa(int(f)) + label
	if p.topicIDs[key] == "" {
		p.topicIDs[key] = "t" + strconv.Itoa(len(p.topics))
		p.topics = append(p.topics, shape{p.topicIDs[key], label, f})
	}
	return p.topicIDs[key]
}

// hasTopics tells whether a topic of form f is drawn.
func (p picture) hasTopics(f form) bool {
	return slices.ContainsFunc(p.topics, func(s shape) bool { return s.form == f })
}
