// Package assign decides which worker runs which task. It is a pure function of the members of a group, the tasks of a
// topology and a configuration: no clock, no network, no randomness, and the order of the input does not matter.
//
// There are only a few types. A [Task] is one sub-topology on one partition number, named by a [TaskID]. A [Member] is one
// worker of the group with what it runs and what its state directory holds. [Assign] turns them into an [Assignment].
//
// The work goes in three steps, each in its own file. The balance step (balance.go) finds the target of every task: the
// member that should run it so that counts are even and little moves. The availability step (warmup.go) keeps a stateful
// task where its state is whole until its target has caught up. The standby step (standby.go) places copies.
package assign
