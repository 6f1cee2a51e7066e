// Package embedded brings a Kafka broker along, for examples that run where there
// is none.
//
// There is one type: a [Broker] listens on a port of this machine while the
// program runs. It is franz-go's kfake, a stand-in that suits demonstrations and
// tests. The packages of ottla know nothing of it.
package embedded

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kfake"
)

// Wanted says whether a program with these arguments is to bring its own broker:
// if no environment variable and no flag names one, and none of the commands of
// stream.Main is asked for.
func Wanted(args []string) bool {
	if os.Getenv("OTTLA_BROKERS") != "" {
		return false
	}
	if len(args) > 0 && slices.Contains([]string{"run", "describe", "topics", "reset", "help", "version"}, args[0]) {
		return false
	}
	return !slices.ContainsFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "-") && arg != "-" })
}

// Broker is a Kafka broker in this process.
type Broker struct{ cluster *kfake.Cluster }

// Start starts a broker that keeps its data in a folder, with topics of the
// given number of partitions.
func Start(dir string, partitions int32, topics ...string) (*Broker, error) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.DataDir(dir), kfake.SeedTopics(partitions, topics...))
	if err != nil {
		return nil, fmt.Errorf("embedded broker: %w", err)
	}
	return &Broker{cluster}, nil
}

// Addrs are the addresses for stream.Config.Brokers.
func (b *Broker) Addrs() []string { return b.cluster.ListenAddrs() }

// Close stops the broker. Its folder stays.
func (b *Broker) Close() { b.cluster.Close() }
