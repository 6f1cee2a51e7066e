// Wordcount counts words. It is a complete app, and the first one to read.
//
//	wordcount FILE…                counts the words of files, "-" being standard input
//	COMMAND | wordcount            counts the words of standard input
//	wordcount                      counts the words of this repository's README
//	wordcount --brokers HOST:PORT  runs on Kafka until it is stopped: lines in, word-counts out
//	wordcount help                 lists the commands and flags of every ottla program
//
// Unless brokers are named, it brings its own one and ends when all is counted:
// see demo.go. All that it takes to count words is in this file.
package main

import (
	"os"
	"strings"

	"github.com/ottla-streams/ottla/examples/embedded"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
)

// Topics and stores are handles: a name with the types of keys and values.
var (
	lines  = topology.NewTopic("lines", serde.String, serde.String)
	totals = topology.NewTopic("word-counts", serde.String, serde.Int64)
	counts = state.KeyValue("counts", serde.String, serde.Int64)
)

// wordcount splits lines into words and counts each. GroupBy sends every word to
// the partition of its own, so that any number of instances can share the work.
func wordcount() (*topology.Topology, error) {
	b := stream.NewBuilder()
	b.Stream(lines).
		MapValues(strings.ToLower).
		FlatMapValues(strings.FieldsSeq).
		GroupBy(func(_, word string) string { return word }).
		Count(counts).
		To(totals)
	return b.Build()
}

func main() {
	config := stream.Config{ID: "wordcount"}
	if embedded.Wanted(os.Args[1:]) {
		os.Exit(demo(config, os.Args[1:]))
	}
	stream.Main(config, wordcount)
}
