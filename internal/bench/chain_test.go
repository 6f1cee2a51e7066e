package bench_test

import (
	"encoding/binary"
	"errors"
	"testing"

	"github.com/ottla-streams/ottla/internal/flow"
	"github.com/ottla-streams/ottla/internal/graph"
	"github.com/ottla-streams/ottla/internal/measure"
	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
)

// payment is a value of 24 bytes.
type payment struct{ account, amount, currency int64 }

// paymentSerde writes a payment as three integers.
type paymentSerde struct{}

func (paymentSerde) AppendTo(dst []byte, p payment) ([]byte, error) {
	dst = binary.BigEndian.AppendUint64(dst, uint64(p.account))
	dst = binary.BigEndian.AppendUint64(dst, uint64(p.amount))
	return binary.BigEndian.AppendUint64(dst, uint64(p.currency)), nil
}

var errSize = errors.New("payment: want 24 bytes")

func (paymentSerde) Decode(b []byte) (p payment, err error) {
	if len(b) != 24 {
		return p, errSize
	}
	return payment{
		int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint64(b[8:])), int64(binary.BigEndian.Uint64(b[16:])),
	}, nil
}

var (
	payments = topology.NewTopic("payments", serde.String, serde.Serde[payment](paymentSerde{}))
	checked  = topology.NewTopic("checked", serde.String, serde.Serde[payment](paymentSerde{}))
	peeked   int64
)

//go:noinline
func positive(_ string, p payment) bool { return p.amount > 0 }

//go:noinline
func blocked(_ string, p payment) bool { return p.account == 13 }

//go:noinline
func fee(p payment) payment { p.amount -= p.amount >> 7; return p }

//go:noinline
func round(p payment) payment { p.amount &^= 1; return p }

//go:noinline
func rekey(k string, p payment) (string, payment) { return k[:len(k)-1], p }

//go:noinline
func peek(_ string, p payment) { peeked += p.amount }

// chain is six stateless operators and a sink.
func chain() (*topology.Topology, error) {
	b := stream.NewBuilder()
	b.Stream(payments).
		Filter(positive).
		MapValues(fee).
		FilterNot(blocked).
		MapValues(round).
		Map(rekey).
		Peek(peek).
		To(checked)
	return b.Build()
}

// discard is a task that counts the bytes it is sent.
type discard struct {
	graph.Instance
	bytes int64
}

func (d *discard) Guarded() bool                  { return false }
func (d *discard) Measure() *measure.Task         { return measure.NewTask("0_0") }
func (d *discard) TopicName(t graph.Topic) string { return t.Name }
func (d *discard) Emit(o *graph.Output) error {
	d.bytes += int64(len(o.Key) + len(o.Value))
	return nil
}
func (d *discard) Partitions(string) (int32, error) { return 1, nil }

func bound(b testing.TB) (flow.Next[string, payment], *discard) {
	top, err := chain()
	if err != nil {
		b.Fatal(err)
	}
	d := &discard{}
	v, err := graph.NewBinder(d).Bind(top.Graph().Nodes[0].Children[0])
	if err != nil {
		b.Fatal(err)
	}
	return v.(flow.Next[string, payment]), d
}

// BenchmarkChain is the fluent API; its floor is BenchmarkChainByHand, and it
// may take three times as long, without an allocation.
func BenchmarkChain(b *testing.B) {
	next, _ := bound(b)
	m := &flow.Meta{Time: 1}
	b.ReportAllocs()
	for i := range b.N {
		if err := next("account-1", payment{int64(i), 1000, 1}, m); err != nil {
			b.Fatal(err)
		}
	}
}

type emitter interface{ Emit(o *graph.Output) error }

// BenchmarkChainByHand does by hand what BenchmarkChain does.
func BenchmarkChainByHand(b *testing.B) {
	var out emitter = &discard{}
	var key, value []byte
	var o graph.Output
	var err error
	b.ReportAllocs()
	for i := range b.N {
		k, v := "account-1", payment{int64(i), 1000, 1}
		if !positive(k, v) {
			continue
		}
		v = fee(v)
		if blocked(k, v) {
			continue
		}
		v = round(v)
		k, v = rekey(k, v)
		peek(k, v)
		if key, err = serde.String.AppendTo(key[:0], k); err != nil {
			b.Fatal(err)
		}
		if value, err = (paymentSerde{}).AppendTo(value[:0], v); err != nil {
			b.Fatal(err)
		}
		o = graph.Output{Topic: "checked", Partition: graph.ByKey, Key: key, Value: value, Time: 1}
		if err := out.Emit(&o); err != nil {
			b.Fatal(err)
		}
	}
}

func TestChainAllocatesNothing(t *testing.T) {
	next, d := bound(t)
	m := &flow.Meta{Time: 1}
	step := func() {
		if err := next("account-1", payment{1, 1000, 1}, m); err != nil {
			t.Fatal(err)
		}
	}
	step()
	if n := testing.AllocsPerRun(1000, step); n != 0 {
		t.Errorf("%v allocations per record", n)
	}
	if d.bytes == 0 {
		t.Error("nothing came out")
	}
}
