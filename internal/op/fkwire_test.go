package op_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/ottla-streams/ottla/internal/op"
	"github.com/ottla-streams/ottla/serde"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func rowHash(t testing.TB, s string) (h op.RowHash) {
	copy(h.Sum[:], unhex(t, s))
	h.Has = true
	return h
}

const someHash = "7e8fd154170cdbda f9d63e529db5803a"

func TestSubscriptions(t *testing.T) {
	type sub = op.Subscription[string]
	for name, c := range map[string]struct {
		sub sub
		hex string
	}{
		"subscribe":       {sub{Key: "k", Instruction: op.Subscribe, Hash: rowHash(t, someHash), Partition: 7, Version: 1}, "01 03" + someHash + "6b 00000007"},
		"and answer":      {sub{Key: "", Instruction: op.SubscribeAndAnswer, Hash: rowHash(t, someHash), Version: 1}, "01 02" + someHash + "00000000"},
		"unsubscribe":     {sub{Key: "k", Instruction: op.UnsubscribeAndAnswer, Partition: 1, Version: 1}, "81 01 6b 00000001"},
		"version 0":       {sub{Key: "k1", Instruction: op.Subscribe, Hash: rowHash(t, someHash), Partition: -1}, "00 03" + someHash + "6b31"},
		"0 without a row": {sub{Key: "k1", Instruction: op.Unsubscribe, Partition: -1}, "80 00 6b31"},
	} {
		s := op.Subscriptions(serde.String)
		want := unhex(t, c.hex)
		if got, err := s.Decode(want); got != c.sub || err != nil {
			t.Errorf("%s: decoded %+v, %v", name, got, err)
		}
		if got, err := s.AppendTo([]byte("x"), c.sub); err != nil || !bytes.Equal(got, append([]byte("x"), want...)) {
			t.Errorf("%s: encoded %x, %v", name, got, err)
		}
	}
}

func TestSubscriptionsRefuse(t *testing.T) {
	s := op.Subscriptions(serde.Int64)
	for _, h := range []string{"", "01", "0103", "8103", "810300000001", "0203" + someHash + "000000000000000100000001", "8104000000000000000100000001"} {
		if v, err := s.Decode(unhex(t, h)); err == nil {
			t.Errorf("%s decodes as %+v", h, v)
		}
	}
}

func TestResponses(t *testing.T) {
	type response = op.Response[string]
	for name, c := range map[string]struct {
		response response
		hex      string
	}{
		"row":        {response{Hash: rowHash(t, someHash), Value: "P", HasValue: true, Partition: -1}, "00" + someHash + "50"},
		"no row":     {response{Hash: rowHash(t, someHash), Partition: -1}, "00" + someHash},
		"no hash":    {response{Value: "P", HasValue: true, Partition: -1}, "80 50"},
		"nothing":    {response{Partition: -1}, "80"},
		"long value": {response{Value: strings.Repeat("v", 100), HasValue: true, Partition: -1}, "80" + strings.Repeat("76", 100)},
	} {
		s := op.Responses(serde.String)
		want := unhex(t, c.hex)
		if got, err := s.Decode(want); got != c.response || err != nil {
			t.Errorf("%s: decoded %+v, %v", name, got, err)
		}
		if got, err := s.AppendTo(nil, c.response); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: encoded %x, %v", name, got, err)
		}
	}
	for _, h := range []string{"", "01" + someHash, "00", "00aa", "8100"} {
		if v, err := op.Responses(serde.Int64).Decode(unhex(t, h)); err == nil {
			t.Errorf("%s decodes as %+v", h, v)
		}
	}
}

func FuzzForeign(f *testing.F) {
	f.Add(unhex(f, "0103"+someHash+"6b00000007"))
	f.Add(unhex(f, "80006b31"))
	f.Add(unhex(f, "00"+someHash+"50"))
	f.Fuzz(func(t *testing.T, b []byte) {
		subs, answers := op.Subscriptions(serde.Bytes), op.Responses(serde.Bytes)
		if v, err := subs.Decode(b); err == nil {
			if again, err := subs.AppendTo(nil, v); err != nil || !bytes.Equal(again, b) {
				t.Fatalf("subscription %x is encoded as %x, %v", b, again, err)
			}
		}
		if v, err := answers.Decode(b); err == nil {
			if again, err := answers.AppendTo(nil, v); err != nil || !bytes.Equal(again, b) {
				t.Fatalf("response %x is encoded as %x, %v", b, again, err)
			}
		}
	})
}
