package metrics

import (
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/plugin/kprom"
)

// ClientPrefix is that of the names of the Kafka clients' own metrics.
const ClientPrefix = "ottla_kafka"

// client measures one Kafka client as kprom does.
type client struct {
	*kprom.Metrics
	reg prometheus.Registerer
	log *slog.Logger
}

// Client returns a hook that measures one Kafka client, from its making to its
// close. A conflict in the registry is logged: the client goes on unmeasured.
func Client(reg prometheus.Registerer, app string, debug bool, log *slog.Logger) kgo.Hook {
	details := []kprom.Detail{kprom.Batches, kprom.Records, kprom.UncompressedBytes, kprom.CompressedBytes, kprom.ConsistentNaming}
	if debug {
		details = append(details, kprom.ByTopic, kprom.ByNode)
	}
	m := kprom.NewMetrics(ClientPrefix, kprom.Registry(nil), kprom.WithClientLabel(),
		kprom.WithStaticLabel(prometheus.Labels{"app": app}), kprom.FetchAndProduceDetail(details...))
	return &client{m, reg, log}
}

func (c *client) OnNewClient(cl *kgo.Client) {
	c.Metrics.OnNewClient(cl)
	if err := c.reg.Register(c.Metrics); err != nil {
		c.log.Warn("kafka client is not measured", "error", err)
	}
}

func (c *client) OnClientClosed(cl *kgo.Client) {
	c.reg.Unregister(c.Metrics)
	c.Metrics.OnClientClosed(cl)
}
