// Package archtest holds the rules of the code that no compiler checks: which
// package may import which (the table layers) and how a source file looks (the
// table style).
package archtest

import "slices"

const module = "github.com/ottla-streams/ottla"

// layer is a package of the module and what it may import apart from the
// standard library. Paths of the module are relative to it. A path that ends
// in /... covers the packages below it too; the longest that fits counts.
type layer struct {
	pkg   string
	may   []string // packages of the module
	third []string // packages of other modules, with all below them
}

// Modules of others that more than one layer uses.
const (
	btree      = "github.com/tidwall/btree"
	prometheus = "github.com/prometheus/client_golang"
	kfake      = "github.com/twmb/franz-go/pkg/kfake"
)

// kafka is what it takes to be a client of Kafka.
var kafka = []string{
	"github.com/twmb/franz-go/pkg/kadm",
	"github.com/twmb/franz-go/pkg/kbin",
	"github.com/twmb/franz-go/pkg/kerr",
	"github.com/twmb/franz-go/pkg/kgo",
	"github.com/twmb/franz-go/pkg/kmsg",
	"github.com/twmb/franz-go/pkg/kversion",
	"github.com/twmb/franz-go/pkg/sasl",
}

// Groups of layers, each with all that lies below it.
var (
	base   = []string{"serde", "window", "join", "internal/flow", "internal/hash", "internal/describe", "internal/measure", "internal/trace"}
	stores = []string{"state/engine", "internal/overlay"}
	graphs = slices.Concat(base, stores, []string{"internal/graph"})
	states = slices.Concat(graphs, []string{"state"})
	dsl    = slices.Concat(states, []string{"topology", "internal/op", "internal/dsl"})
	public = []string{
		"serde/...", "window", "join", "state", "state/engine/...", "topology", "table", "stream", "stream/streamtest", "tracing", "serve",
	}
	engines = []string{"state/engine/pebble", "state/engine/memory"}
	tasks   = slices.Concat(states, []string{"internal/runtime/assign", "internal/runtime/batch", "internal/runtime/task"})
)

// layers is the table, from the bottom up: a package imports only from rows
// above its own. internal/runtime knows the graph of a program, never the DSL
// that made it; task and assign know no Kafka client.
var layers = []layer{
	{pkg: "window"},
	{pkg: "join"},
	{pkg: "serde", may: []string{"window"}},
	{pkg: "serde/registry", may: []string{"serde"}, third: []string{"github.com/twmb/franz-go/pkg/sr"}},
	{pkg: "serde/avro", may: []string{"serde", "serde/registry"}, third: []string{"github.com/twmb/avro"}},
	{pkg: "serde/avro/hamba", may: []string{"serde/avro"}, third: []string{"github.com/hamba/avro"}},
	{pkg: "serde/protobuf", may: []string{"serde", "serde/registry"}, third: []string{"google.golang.org/protobuf"}},
	{pkg: "serde/jsonschema", may: []string{"serde", "serde/registry"}, third: []string{"github.com/santhosh-tekuri/jsonschema"}},
	{pkg: "serde/cloudevents", may: []string{"serde"}},
	{pkg: "serde/debezium", may: []string{"serde"}},
	{pkg: "internal/flow", may: []string{"serde"}},
	{pkg: "internal/hash"},
	{pkg: "internal/measure"},
	{pkg: "internal/sorted", third: []string{btree}},
	{pkg: "internal/trace", may: []string{"serde"}},
	{pkg: "internal/describe", may: []string{"internal/hash"}},

	{pkg: "state/engine"},
	{pkg: "state/engine/pebble", may: []string{"state/engine"}, third: []string{"github.com/cockroachdb/pebble"}},
	{pkg: "state/engine/memory", may: []string{"internal/sorted", "state/engine"}, third: []string{btree}},
	{pkg: "internal/overlay", may: []string{"serde", "state/engine", "internal/measure"}, third: []string{btree}},

	{pkg: "internal/graph", may: slices.Concat(base, stores)},
	{pkg: "state", may: graphs},
	{pkg: "state/storetest", may: states},
	{pkg: "internal/op", may: states, third: []string{btree}},
	{pkg: "topology", may: slices.Concat(states, []string{"internal/op"})},
	{pkg: "internal/dsl", may: slices.Concat(states, []string{"topology", "internal/op"})},
	{pkg: "table", may: dsl},

	{pkg: "internal/runtime/assign", may: base},
	{pkg: "internal/runtime/batch", may: []string{"internal/flow", "serde"}},
	{pkg: "internal/runtime/task", may: slices.Concat(states, []string{"internal/runtime/batch"})},
	{pkg: "internal/runtime/drive", may: tasks},
	{pkg: "internal/runtime/client", third: kafka},
	{pkg: "internal/runtime/offsets", third: kafka},
	{pkg: "internal/runtime/statedir", may: slices.Concat(graphs, []string{"internal/runtime/assign"})},
	{pkg: "internal/runtime/budget"},
	{pkg: "internal/runtime/produce", may: slices.Concat(base, []string{"internal/runtime/client"}), third: kafka},
	{pkg: "internal/runtime/collect", may: slices.Concat(tasks, []string{"internal/runtime/client", "internal/runtime/produce"}), third: kafka},
	{pkg: "internal/runtime/topics", may: states, third: kafka},
	{
		pkg:   "internal/runtime/fetch",
		may:   []string{"internal/flow", "serde", "internal/runtime/batch", "internal/runtime/client", "internal/runtime/offsets"},
		third: kafka,
	},
	{
		pkg:   "internal/runtime/restore",
		may:   slices.Concat(tasks, []string{"internal/runtime/client", "internal/runtime/offsets"}),
		third: kafka,
	},
	{
		pkg:   "internal/runtime/global",
		may:   slices.Concat(tasks, []string{"internal/sorted", "internal/runtime/client", "internal/runtime/offsets", "internal/runtime/restore"}),
		third: append([]string{btree}, kafka...),
	},
	{pkg: "internal/runtime/deadletter", may: []string{"internal/runtime/client"}, third: kafka},
	{pkg: "internal/runtime/group", may: tasks, third: kafka},
	{
		pkg: "internal/runtime/worker",
		may: slices.Concat(tasks, engines, []string{
			"internal/runtime/collect", "internal/runtime/produce", "internal/runtime/topics", "internal/runtime/restore", "internal/runtime/group",
			"internal/runtime/fetch",
			"internal/runtime/client", "internal/runtime/offsets", "internal/runtime/statedir", "internal/runtime/budget",
		}),
		third: kafka,
	},

	{pkg: "internal/metrics", may: []string{"internal/measure"}, third: append([]string{prometheus, "github.com/twmb/franz-go/plugin/kprom"}, kafka...)},
	{pkg: "stream", may: slices.Concat(dsl, engines, []string{"table", "internal/metrics", "internal/runtime/..."}), third: append([]string{prometheus}, kafka...)},
	{pkg: "stream/streamtest", may: slices.Concat(dsl, engines, []string{"internal/runtime/drive"})},
	{
		pkg: "tracing", may: []string{"serde", "stream"},
		third: append([]string{"github.com/twmb/franz-go/plugin/kotel", "go.opentelemetry.io/otel"}, kafka...),
	},

	{pkg: "serve", may: []string{"serde", "window", "state", "topology", "stream"}},
	{pkg: "examples/...", may: public, third: append([]string{kfake, "golang.org/x/term"}, kafka...)},
	{pkg: "internal/conformance", may: []string{"..."}},
	{pkg: "internal/bench", may: []string{"..."}},
	{pkg: "internal/bench/contender", may: public, third: kafka},
	{pkg: "internal/e2e/...", may: []string{"..."}, third: append([]string{kfake}, kafka...)},
	{
		pkg: "internal/simulate", may: []string{"..."},
		third: append([]string{kfake, "github.com/cockroachdb/pebble"}, kafka...),
	},
	{pkg: "internal/archtest"},
}

// guarded are packages of the standard library that few may import.
var guarded = map[string][]string{
	// It would put test flags and code into the programs of users.
	"testing": {"state/storetest", "stream/streamtest", "internal/conformance", "internal/e2e/..."},
	// The log is slog's, by the logger of the configuration.
	"log": {"examples/..."},
	// They register themselves on the default mux, open to everyone.
	"net/http/pprof": {"examples/..."},
	"expvar":         {"examples/..."},
}
