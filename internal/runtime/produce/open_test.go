package produce

import (
	"bytes"
	"testing"
)

// A batch that is opened again has its records, however small its memory is: it is
// small after a clone, when a request that failed may still read the original.
func TestOpenedAgain(t *testing.T) {
	part := &part{room: 64 << 10}
	b := &batch{part: part, buf: make([]byte, headerBytes, headerBytes+16)}
	b.add(&Record{Key: []byte("k"), Value: []byte("v")})
	b.handed = len(b.buf)
	want := bytes.Clone(b.buf)
	part.ready = []*batch{b}
	p := &Producer{c: Config{BatchBytes: 1 << 20, BufferedBytes: 1 << 20}, waiting: 1, bytes: b.handed}
	got, err := p.openBatch(t.Context(), part)
	if err != nil {
		t.Fatal(err)
	}
	if got != b || got.n != 1 || !bytes.Equal(got.buf, want) {
		t.Errorf("opened again it has %d records in %d bytes, want 1 in %d", got.n, len(got.buf), len(want))
	}
}
