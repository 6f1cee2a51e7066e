package flow_test

import (
	"math/rand/v2"
	"testing"

	"github.com/ottla-streams/ottla/internal/flow"
)

type fetchedBatch int64

func (b *fetchedBatch) Again(at int32) *flow.Origin {
	return &flow.Origin{Offset: int64(*b) + int64(at)}
}

// TestCauses checks that each output finds its own cause, of a batch, of its own
// or none, against a plain list.
func TestCauses(t *testing.T) {
	var c flow.Causes
	random := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		var want []int64
		batches := []*fetchedBatch{new(fetchedBatch), new(fetchedBatch)}
		*batches[0], *batches[1] = 1000, 2000
		var place flow.Origin // used again and again
		for i := range random.IntN(200) {
			at := int32(random.IntN(100))
			switch kind := random.IntN(5); kind {
			case 0:
				c.Set(i, nil)
				want = append(want, -1)
			case 1:
				place = flow.Origin{Offset: int64(at)}
				c.Set(i, &place)
				want = append(want, int64(at))
			default:
				b := batches[kind%2]
				place = flow.Origin{Offset: -5, From: b, At: at}
				c.Set(i, &place)
				want = append(want, int64(*b)+int64(at))
			}
		}
		for i, w := range want {
			got := int64(-1)
			if o := c.Of(i); o != nil {
				got = o.Offset
			}
			if got != w {
				t.Fatalf("output %d of %d: cause at offset %d, want %d", i, len(want), got, w)
			}
		}
		if c.Of(len(want)) != nil {
			t.Error("a cause of an output that is not there")
		}
		c.Reset()
	}
}
