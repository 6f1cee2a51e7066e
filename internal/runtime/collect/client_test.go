package collect

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// viaClient lets the tests use the client's own producer, as transactions do.
var viaClient bool

var theClients = kgo.ProducerLinger(time.Microsecond)

// TestViaClient is all tests again with the client's own producer.
func TestViaClient(t *testing.T) {
	viaClient = true
	defer func() { viaClient = false }()
	for name, test := range map[string]func(*testing.T){
		"partitions": TestPartitionsAsKafka, "copies": TestCopies, "slabs": TestSlabsAreUsedAgain, "ends": TestEnds,
		"refused": TestRefused, "unknown topic": TestUnknownTopic, "too large": TestTooLarge, "backpressure": TestBackpressure,
	} {
		t.Run(name, test)
	}
}
