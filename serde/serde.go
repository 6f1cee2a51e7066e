// Package serde turns typed values into the bytes of a Kafka record and back.
//
// There are only a few types: [Serde] is the interface, the variables
// [String], [Bytes], [Int64] … are the built-in ones with the bytes of Kafka's
// own serializers, and [Null] wraps a value of a type that can't say null.
package serde

// Serde encodes and decodes values of one type. A Serde is safe for concurrent
// use, as the built-in ones are: one handle is shared by all tasks.
//
// A Serde never sees a null: a record without key or value is told apart
// before it is decoded.
type Serde[T any] interface {
	// AppendTo appends the encoding of v to dst and returns the extended
	// slice. The caller owns dst.
	AppendTo(dst []byte, v T) ([]byte, error)

	// Decode returns the value that src encodes. All of src belongs to the
	// value: trailing bytes are an error. The result may alias src, which is
	// never written again; what outlives the record has to be copied.
	Decode(src []byte) (T, error)
}

// TopicBinder is implemented by a Serde that depends on the topic it works
// for, such as one of a schema registry. ForTopic is called once for each
// topic of a task, with key set for the record's key.
type TopicBinder[T any] interface {
	ForTopic(topic string, key bool) Serde[T]
}
