// Package simulate runs whole applications through random faults in fake time.
//
// Everything lives in one bubble of testing/synctest: a Kafka cluster in memory
// (kfake), machines that run the real runtime, the network between them, their
// disks, a load and a judge. A minute of cluster life takes about a second.
//
// There are only a few types. A [Schedule] is drawn from a seed: who is killed,
// cut off, paused, stopped or wiped when, and what the brokers refuse. [Run]
// plays it. A machine has a disk and starts one process after the other on it; a
// wire is what stands between a process and the brokers; a truth is what the load
// sent, by which the judge measures what came out. Sessions ends what Kafka ends and
// kfake does not.
//
// # What is judged
//
// The load is that of a bank (package ledger): under exactly once each posting
// is applied once, the postings of an account are numbered without a gap, its
// balances add up, postings of one input partition keep their order, and table,
// changelog and truth are equal at the end. Wide schedules add windows that are
// suppressed until they close and a join of two streams. At least once nothing
// is lost and nothing unknown. Every app ends only when it is told to, stops in
// time, and leaves no goroutine.
//
// # What a kill is
//
// A killed process loses its network for good, between two bytes if that is
// where they were, and its disk, which goes on as a clone that has what was
// synced and some of what was not. Its goroutines end by themselves without any
// effect.
//
// # What a seed replays, and what not
//
// A seed fixes the load, the faults and the moments at which they strike, in
// fake time to the nanosecond, or by the request that they wait for. Not fixed is
// the order of goroutines that may run at the same moment, Go's choice among
// ready cases of a select, the order of maps, and random ids. A failure that needs
// a certain order may therefore need several runs of its seed. What kfake does not
// have can't be tested here: replicas, elections that lose records, and brokers
// that lose memory.
//
// # How to run it
//
// The Kafka client holds locks while it waits for brokers, and fake time stands
// still while a goroutine waits for a lock. The build tag synctests makes the
// client use locks made of channels, which is what TestSeeds needs:
//
//	go test -tags synctests ./internal/simulate                # 25 seeds
//	go test -tags synctests ./internal/simulate -seeds=1000
//	go test -tags synctests ./internal/simulate -seed=9 -run 'TestSeeds/9/eos/pebble' -log=FILE
//
// The runtime itself must not wait for anything but the processor while it
// holds a lock: the simulation would stand still.
package simulate
