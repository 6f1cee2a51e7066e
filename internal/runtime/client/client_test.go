package client

import (
	"log/slog"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
)

// Brokers check what a client says about itself, and refuse some of it.
func TestNewIsAccepted(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	cl, err := Config{Brokers: c.ListenAddrs(), Name: "app", Logger: slog.New(slog.DiscardHandler)}.New("admin")
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if err := cl.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if !validVersion.MatchString(Version()) {
		t.Errorf("version %q", Version())
	}
}
