package registry

import "errors"

// settings are what options change.
type settings struct {
	subject Strategy
	mode    mode
	id      int32
	headers bool
}

type mode int

const (
	register mode = iota
	lookup
	latest
	fixed
)

// Option changes how serdes use the registry, see [Registry.With].
type Option func(*settings)

// With returns the registry with other settings for the serdes made with it.
// Caches and connection stay the same. Without options a serde registers its
// schema, under the subjects of [TopicName], with ids before the payload.
func (r *Registry) With(opts ...Option) *Registry {
	if r == nil {
		return nil
	}
	derived := *r
	for _, o := range opts {
		o(&derived.use)
	}
	return &derived
}

// Strategy makes the subject out of a topic's name and the full name of the
// record, such as com.example.Order.
type Strategy int

const (
	// TopicName is <topic>-key and <topic>-value. The topics of stores are
	// their changelogs.
	TopicName Strategy = iota
	// RecordName is the full name of the record, whatever the topic.
	RecordName
	// TopicRecordName is <topic>-<full name of the record>.
	TopicRecordName
)

// Subjects sets how subjects are named. Defaults to [TopicName].
func Subjects(s Strategy) Option { return func(o *settings) { o.subject = s } }

// LookupOnly makes serdes write with their schema only if the subject has it
// already. For programs without the right to register.
func LookupOnly() Option { return func(o *settings) { o.mode = lookup } }

// UseLatest makes serdes write with the newest schema of the subject, as of
// the first record. Later ones are used after a restart.
func UseLatest() Option { return func(o *settings) { o.mode = latest } }

// UseID makes serdes write with the schema that has the id.
func UseID(id int32) Option { return func(o *settings) { o.mode, o.id = fixed, id } }

// InHeaders makes serdes put the GUID of the schema into a header of the
// record, so that key or value are the bare payload (Confluent Platform 8.1).
// What has no headers, such as a store, still gets ids before the payload.
// Both forms are always read.
func InHeaders() Option { return func(o *settings) { o.headers = true } }

var (
	errNoTopic  = errors.New("subject: no topic: bind the serde to one with serde.Bind, or name subjects by record")
	errNoRecord = errors.New("subject: the schema to write has no full name: name subjects by topic")
)

// name returns the subject. bound is false for a serde that knows no topic.
func (s Strategy) name(bound bool, topic string, key bool, record string) (string, error) {
	if s != TopicName && record == "" {
		return "", errNoRecord
	}
	if s == RecordName {
		return record, nil
	}
	if !bound {
		return "", errNoTopic
	}
	switch {
	case s == TopicRecordName:
		return topic + "-" + record, nil
	case key:
		return topic + "-key", nil
	}
	return topic + "-value", nil
}
