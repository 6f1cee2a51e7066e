// Package client makes the Kafka clients of an application alike: seeds, the
// user's own options, names, retries and logs.
//
// There is one type, [Config]; each kind of client adds its own options to what
// [Config.New] gives it. A Config is read-only and safe for concurrent use.
package client

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// Config is what all clients of an application share.
type Config struct {
	Brokers []string
	Opts    []kgo.Opt // the user's: TLS, SASL, dialer
	Name    string    // prefix of the client ids
	Logger  *slog.Logger
	Hook    func() kgo.Hook // makes one for each client, nil for none
}

// maxBackoff caps how long a client waits before it tries again, so that little
// time is lost when a broker is back.
const maxBackoff = 500 * time.Millisecond

// maxInflated is what one compressed batch may grow to. It keeps a small
// record batch from taking all memory.
const maxInflated = 64 << 20

// New returns a client whose id is the config's name and role. The user's
// options come before opts, which have the last word.
func (c Config) New(role string, opts ...kgo.Opt) (*kgo.Client, error) {
	all := []kgo.Opt{
		kgo.DialTimeout(5 * time.Second),
		kgo.MaxDecompressBatchBytes(maxInflated),
		kgo.MetadataMinAge(250 * time.Millisecond),
		kgo.RetryBackoffFn(backoff),
		kgo.DisableClientMetrics(),
		kgo.SoftwareNameAndVersion("ottla", Version()),
	}
	all = append(all, c.Opts...)
	all = append(all, kgo.SeedBrokers(c.Brokers...), kgo.ClientID(c.Name+"-"+role), kgo.WithLogger(newLog(c.Logger.With("client", role))))
	if c.Hook != nil {
		all = append(all, kgo.WithHooks(c.Hook()))
	}
	all = append(all, opts...)
	cl, err := kgo.NewClient(all...)
	if err != nil {
		return nil, fmt.Errorf("kafka client %s: %w", role, err)
	}
	return cl, nil
}

func backoff(tries int) time.Duration {
	return min(20*time.Millisecond<<min(tries, 8), maxBackoff)
}

// Pin keeps requests of some kinds at versions that are no newer than told. The
// newest ones of several kinds name topics by id only, which those who write
// such requests by hand don't need.
func Pin(newest map[kmsg.Key]int16) kgo.Opt {
	v := kversion.Stable()
	for key, version := range newest {
		v.SetMaxKeyVersion(int16(key), version)
	}
	return kgo.MaxVersions(v)
}
