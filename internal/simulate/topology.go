package simulate

import (
	"time"

	"github.com/ottla-streams/ottla/internal/e2e/bank/ledger"
	"github.com/ottla-streams/ottla/join"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/table"
	"github.com/ottla-streams/ottla/topology"
	"github.com/ottla-streams/ottla/window"
)

const (
	app       = "bank"
	changelog = app + "-balances-changelog"

	windowSize = 5 * time.Second
	// late is longer than a run, so that no record is late.
	late = time.Hour
)

var (
	confirmations = topology.NewTopic("confirmations", serde.String, serde.String)
	confirmed     = topology.NewTopic("confirmed", serde.String, serde.String)
	perWindow     = topology.NewTopic("per-window", serde.TimeWindowed(serde.String, windowSize), serde.Int64)
	topics        = []string{"transfers", "applied", "balances", "confirmations", "confirmed", "per-window"}
)

// build makes the topology of a run. Every record that comes in passes through
// user code that may stand still.
func build(wide bool, user func()) (*topology.Topology, error) {
	b := stream.NewBuilder()
	transfers := b.Stream(ledger.Transfers).Peek(func(string, *ledger.Transfer) { user() })
	entries := ledger.Post(b, transfers)
	if wide {
		entries.GroupByKey().
			WindowedBy(window.Tumbling(windowSize).Grace(late)).
			Count(state.Windows("per-window", serde.String, serde.Int64)).Named("count").
			Suppress(table.UntilWindowCloses()).Named("closed").
			To(perWindow)
		transfers.
			Join(b.Stream(confirmations), "confirmed", join.Within(late), func(_ *ledger.Transfer, by string) string { return by }).
			To(confirmed)
	}
	return b.Build()
}
