// Package group brings the task assignor to Kafka's classic group protocol, as a balancer of franz-go.
//
// There are only a few types. A [Balancer] is given to one consumer client: at each join it sends a [Subscription] (what the
// member has) and at each sync it hands on an [Assignment] (what the member does next). On the leader it reads all
// subscriptions, asks package assign, and answers with an assignment for each member. [Topology] says which topics make
// which tasks.
//
// The hand-over is cooperative, KIP-429: a task that moves is withheld until its owner has revoked its partitions. The
// owner is who says so in its join (the partitions that its client owns), so the revoke callback of the client must return
// only when the tasks of these partitions have stopped. Then the client joins again and the task goes to its new owner.
//
// Both user data formats come from other members: sizes in them are never trusted.
package group
