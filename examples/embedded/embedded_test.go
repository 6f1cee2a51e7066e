package embedded

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestWanted(t *testing.T) {
	tests := []struct {
		env  string
		args []string
		want bool
	}{
		{"", nil, true},
		{"", []string{"README.md", "-"}, true},
		{"", []string{"./run"}, true},
		{"", []string{"run"}, false},
		{"", []string{"reset", "-execute"}, false},
		{"", []string{"--brokers", "localhost:9092"}, false},
		{"", []string{"-h"}, false},
		{"localhost:9092", nil, false},
	}
	for _, tt := range tests {
		t.Setenv("OTTLA_BROKERS", tt.env)
		if got := Wanted(tt.args); got != tt.want {
			t.Errorf("%q %v: %v", tt.env, tt.args, got)
		}
	}
}

func TestBroker(t *testing.T) {
	b, err := Start(t.TempDir(), 2, "in")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.Addrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: "in", Value: []byte("v")}).FirstErr(); err != nil {
		t.Error(err)
	}
}
