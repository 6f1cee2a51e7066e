// Package stream builds and runs stream applications on Kafka.
//
// There are only a few types: a [Builder] makes a topology of [KStream] and
// table.KTable values; an [App] runs it; [Main] makes a program of it, with the
// commands run, describe, topics and reset. Topics and stores are typed handles
// of the packages topology and state.
//
// A topology is split into sub-topologies at its repartition topics. Each runs as
// tasks, one per partition, and the tasks spread over the workers of all
// instances of the app: run the program as often as you like.
package stream
