package produce

import "testing"

const benchRecords = 1000 // of a batch

// BenchmarkAppend is a record on its way into a batch, with its share of the
// batch's checksum; BenchmarkCopy is its floor.
func BenchmarkAppend(b *testing.B) {
	batch := &batch{buf: make([]byte, headerBytes, 1<<20)}
	r := Record{Key: []byte("user00000001"), Value: make([]byte, 100), Time: 1}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		batch.add(&r)
		if i%benchRecords == benchRecords-1 {
			batch.sign(producerID{}, 0)
			batch.seal(nil, false)
			batch.buf, batch.n = batch.buf[:headerBytes], 0
		}
	}
}

func BenchmarkCopy(b *testing.B) {
	buf := make([]byte, 0, 1<<20)
	key, value := []byte("user00000001"), make([]byte, 100)
	for i := 0; b.Loop(); i++ {
		buf = append(append(buf, key...), value...)
		if i%benchRecords == benchRecords-1 {
			buf = buf[:0]
		}
	}
}
