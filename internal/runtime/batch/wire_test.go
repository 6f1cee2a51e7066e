package batch

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ottla-streams/ottla/serde"
)

// record is what is encoded as a record.
type record struct {
	at, delta  int
	key, value []byte
	headers    serde.Headers
	extra      []byte // in the record, after what belongs there
}

func (r record) appendTo(dst []byte) []byte {
	body := kbin.AppendVarlong([]byte{0}, int64(r.at))
	body = kbin.AppendVarint(body, int32(r.delta))
	body = appendBytes(appendBytes(body, r.key), r.value)
	body = kbin.AppendVarint(body, int32(len(r.headers)))
	for _, h := range r.headers {
		body = appendBytes(appendBytes(body, []byte(h.Key)), h.Value)
	}
	body = append(body, r.extra...)
	return append(kbin.AppendVarint(dst, int32(len(body))), body...)
}

func appendBytes(dst, b []byte) []byte {
	if b == nil {
		return kbin.AppendVarint(dst, -1)
	}
	return kbin.AppendVarintBytes(dst, b)
}

// payload is records as they stand in a batch.
func payload(records ...record) []byte {
	var dst []byte
	for _, r := range records {
		dst = r.appendTo(dst)
	}
	return dst
}

// compressors of all codecs, by number.
var compressors = func() (all []kgo.Compressor) {
	for _, codec := range []kgo.CompressionCodec{
		kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression(),
	} {
		c, err := kgo.DefaultCompressor(codec)
		if err != nil {
			panic(err)
		}
		all = append(all, c)
	}
	return all
}()

// wire encodes a batch of records. Length, checksum and, from the codec, its
// attributes are set; so are Magic and NumRecords.
func wire(b kmsg.RecordBatch, codec int, records ...record) []byte {
	b.Magic, b.NumRecords, b.Records = 2, int32(len(records)), payload(records...)
	if codec > 0 && len(records) > 0 {
		packed, kind := compressors[codec].Compress(new(bytes.Buffer), b.Records)
		b.Records = bytes.Clone(packed)
		b.Attributes |= int16(kind)
	}
	b.Length = int32(headerSize - epochAt + len(b.Records))
	return sign(b.AppendTo(nil))
}

// sign makes the checksum of a batch fit.
func sign(raw []byte) []byte {
	binary.BigEndian.PutUint32(raw[crcAt:], crc32.Checksum(raw[attributesAt:], castagnoli))
	return raw
}

// remembering is a client's decompressor that does its work only once, as it
// gets the same batches again and again.
type remembering struct {
	kgo.Decompressor
	known map[string][]byte
}

func (d remembering) Decompress(src []byte, codec kgo.CompressionCodecType) (dst []byte, err error) {
	dst, ok := d.known[string(src)]
	if !ok {
		if dst, err = d.Decompressor.Decompress(src, codec); err == nil {
			d.known[string(src)] = dst
		}
	}
	return dst, err
}

// inflater is the Inflate of a Reader.
func inflater(d kgo.Decompressor) func([]byte, int8) ([]byte, error) {
	return func(src []byte, codec int8) ([]byte, error) {
		return d.Decompress(src, kgo.CompressionCodecType(codec))
	}
}

// marker is a control batch that ends a transaction.
func marker(offset, producer int64, commit byte) []byte {
	return wire(kmsg.RecordBatch{FirstOffset: offset, ProducerID: producer, Attributes: transactional | control}, 0,
		record{key: []byte{0, 0, 0, commit}, value: []byte{0, 0, 0, 0, 0, 0}})
}

// data is a batch of n records of a transaction.
func data(offset, producer int64, n int) []byte {
	records := make([]record, n)
	for i := range records {
		records[i] = record{delta: i, value: []byte("v")}
	}
	return wire(kmsg.RecordBatch{FirstOffset: offset, LastOffsetDelta: int32(n - 1), ProducerID: producer, Attributes: transactional}, 0, records...)
}
