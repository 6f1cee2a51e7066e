package simulate

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// refusal is an error that brokers answer with, and that passes.
type refusal struct {
	name         string
	fault        kfake.Fault
	transactions bool // who has none never sees it
}

// refusals name topics where the load must not be met, whose producer is not
// what is tested.
var refusals = []refusal{
	{"commit in a rebalance", kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.RebalanceInProgress, Count: 5}, false},
	{"commit of another generation", kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit, kmsg.TxnOffsetCommit}, Err: kerr.IllegalGeneration, Count: 3}, false},
	{"commit as a stranger", kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit, kmsg.TxnOffsetCommit}, Err: kerr.UnknownMemberID, Count: 3}, false},
	{"commit to a former coordinator", kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit, kmsg.TxnOffsetCommit}, Err: kerr.NotCoordinator, Count: 3}, false},
	{"coordinator loads", kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit, kmsg.TxnOffsetCommit}, Err: kerr.CoordinatorLoadInProgress, Count: 5}, false},
	{"membership lost", kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, Err: kerr.UnknownMemberID, TopLevel: true}, false},
	{"rebalance", kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, Err: kerr.RebalanceInProgress, TopLevel: true, Count: 2}, false},
	{"produce to a former leader", kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "applied", Err: kerr.NotLeaderForPartition, Count: 5}, false},
	{"produce timed out but done", kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "applied", Err: kerr.RequestTimedOut, Count: 5}, false},
	{"changelog timed out but done", kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: changelog, Err: kerr.RequestTimedOut, Count: 3}, false},
	{"fetch from a former leader", kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Err: kerr.NotLeaderForPartition, Count: 10}, false},
	{"offsets not stable", kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetFetch}, Err: kerr.UnstableOffsetCommit, Count: 3}, false},
	{"end of transaction not answered well", kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, Err: kerr.UnknownServerError, TopLevel: true}, true},
	{"end of transaction timed out", kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, Err: kerr.RequestTimedOut, TopLevel: true}, true},
	{"end of transaction fenced", kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, Err: kerr.ProducerFenced, TopLevel: true}, true},
	{"producer fenced", kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "applied", Err: kerr.ProducerFenced, Count: 2}, true},
	{"epoch too old", kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "balances", Err: kerr.InvalidProducerEpoch, Count: 2}, true},
	{"transaction to abort", kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: changelog, Err: kerr.TransactionAbortable, Count: 2}, true},
	{"offsets of a fenced producer", kfake.Fault{Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: kerr.InvalidProducerEpoch}, true},
	{"transactions at the same time", kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn, kmsg.AddPartitionsToTxn}, Err: kerr.ConcurrentTransactions, TopLevel: true, Count: 3}, true},
	{"producer id refused", kfake.Fault{Keys: []kmsg.Key{kmsg.InitProducerID}, Err: kerr.ConcurrentTransactions, TopLevel: true, Count: 5}, true},
}
