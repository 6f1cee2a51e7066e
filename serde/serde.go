// Package serde turns typed values into the bytes of a Kafka record and back.
//
// There are only a few types: [Serde] is the interface, the variables
// [String], [Bytes], [Int64] … are the built-in ones with the bytes of Kafka's
// own serializers, and [Null] wraps a value of a type that can't say null.
// [JSON] makes a Serde of a Go type; [List], [Nullable], [TimeWindowed] and
// [SessionWindowed] make one out of another.
//
// What a Serde may do besides is an interface each: [TopicBinder], [HeaderAware],
// [Checker], [Copier], [Described], [FixedSizer] and [InnerKeyer]. Serdes that wrap another pass it on.
//
// All of this package is safe for concurrent use, except [Headers], which
// belong to one record. When AppendTo returns an error, it returns dst as it
// was. Errors never tell what the bytes are, only their number and place.
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
