package describe_test

import (
	"fmt"
	"log"

	"github.com/ottla-streams/ottla/internal/describe"
)

var upper = describe.Topology{Subtopologies: []describe.Subtopology{{
	ID: 0,
	Nodes: []describe.Node{
		{Name: "words", Kind: describe.Source, Topics: []string{"in"}, Children: []string{"upper"}},
		{Name: "upper", Kind: describe.Processor, Parents: []string{"words"}, Children: []string{"loud"}},
		{Name: "loud", Kind: describe.Sink, Topic: "out", Parents: []string{"upper"}},
	},
}}}

func ExampleText() {
	fmt.Print(describe.Text(upper))
	// Output:
	// Topologies:
	//    Sub-topology: 0
	//     Source: words (topics: [in])
	//       --> upper
	//     Processor: upper (stores: [])
	//       --> loud
	//       <-- words
	//     Sink: loud (topic: out)
	//       <-- upper
}

func ExampleMermaid() {
	fmt.Print(describe.Mermaid(upper))
	// Output:
	// flowchart TD
	//   subgraph g0["Sub-topology 0"]
	//     n0(["words"])
	//     n1["upper"]
	//     n2(["loud"])
	//   end
	//   t0[/"in"/]
	//   t1[/"out"/]
	//   t0 --> n0
	//   n0 --> n1
	//   n1 --> n2
	//   n2 --> t1
}

func ExampleParseJSON() {
	data, err := describe.JSON(upper)
	if err != nil {
		log.Fatal(err)
	}
	d, err := describe.ParseJSON(data)
	if err != nil {
		log.Fatal(err)
	}
	for _, n := range d.Subtopologies[0].Nodes {
		fmt.Println(n.Kind, n.Name)
	}
	// Output:
	// source words
	// processor upper
	// sink loud
}
