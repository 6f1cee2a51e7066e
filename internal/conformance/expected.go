package conformance

import "encoding/json/jsontext"

// Expected is what Kafka Streams did with a case. Lists that a case leaves
// out are nil.
type Expected struct {
	Describe            *string             `json:"describe"`
	Subtopologies       []Subtopology       `json:"subtopologies"`
	CopartitionGroups   [][]string          `json:"copartition_groups"`
	BranchNames         map[string][]string `json:"branch_names"`
	QueryableStoreNames map[string]*string  `json:"queryable_store_names"`
	Outputs             [][]ExpectedRecord  `json:"outputs"`
	Repartitions        [][]ExpectedRecord  `json:"repartitions"`
	Changelogs          [][]ExpectedRecord  `json:"changelogs"`
	Calls               [][]Call            `json:"calls"`
	Stores              map[string]Store    `json:"stores"`
	Metrics             *Metrics            `json:"metrics"`
	Error               *ExpectedError      `json:"error"`
}

// Metrics holds the metrics that are compared.
type Metrics struct {
	Dropped int64 `json:"dropped-records-total"`
}

// ExpectedRecord is a record that Java produced. N is its position among all
// records of its event, which nothing compares.
type ExpectedRecord struct {
	N         int            `json:"n"`
	Topic     string         `json:"topic"`
	Key       []byte         `json:"key_b64"`
	Value     []byte         `json:"value_b64"`
	Time      *int64         `json:"ts"` // nil: not known
	Headers   []Header       `json:"headers"`
	KeyJSON   jsontext.Value `json:"key"`   // nil: the topic has no known types
	ValueJSON jsontext.Value `json:"value"` // likewise
}

// ExpectedError is the exception that Java threw.
type ExpectedError struct {
	Phase         Phase  `json:"phase"`
	Step          string `json:"step"`
	Event         int    `json:"event"`
	Exception     string `json:"exception"`
	Message       string `json:"message"`
	RootException string `json:"root_exception"`
	RootMessage   string `json:"root_message"`
}

// Phase says when an error occurred.
type Phase string

// The phases of a run.
const (
	PhaseBuild Phase = "build"
	PhaseStart Phase = "start"
	PhaseEvent Phase = "event"
)

// Subtopology is one sub-topology with its topics. The order of topics does
// not matter.
type Subtopology struct {
	ID                int             `json:"id"`
	SourceTopics      []string        `json:"source_topics"`
	SinkTopics        []string        `json:"sink_topics"` // fixed topics only
	RepartitionTopics []InternalTopic `json:"repartition_topics"`
	ChangelogTopics   []InternalTopic `json:"changelog_topics"` // reused source topics too
}

// InternalTopic is an internal topic, named with the application id, and its
// settings.
type InternalTopic struct {
	Name       string            `json:"name"`
	Partitions *int32            `json:"partitions"` // nil: not fixed
	Config     map[string]string `json:"config"`
}

// Call is one call of a peek or foreach step.
type Call struct {
	Step  string         `json:"step"`
	Key   jsontext.Value `json:"key"`
	Value jsontext.Value `json:"value"`
}

// Store is the final content of a store.
type Store struct {
	Kind       StoreKind `json:"kind"`
	Persistent bool      `json:"persistent"` // not compared
	Entries    []Entry   `json:"entries"`

	// Of a buffer only these are known.
	Records      int64  `json:"records"`
	Bytes        int64  `json:"bytes"`         // not compared
	MinTimestamp *int64 `json:"min_timestamp"` // nil: empty
}

// StoreKind says what the entries of a [Store] are.
type StoreKind string

// The kinds of stores.
const (
	KindKeyValue  StoreKind = "key_value"
	KindWindow    StoreKind = "window"
	KindSession   StoreKind = "session"
	KindVersioned StoreKind = "versioned"
	KindBuffer    StoreKind = "buffer"
)

// Entry is one entry of a store; see [JSON] for keys and values. Fields that
// the kind of store does not have are nil.
type Entry struct {
	Key       jsontext.Value `json:"key"`
	Value     jsontext.Value `json:"value"`
	Start     *int64         `json:"start"`
	End       *int64         `json:"end"`
	Time      *int64         `json:"ts"`
	Headers   []Header       `json:"headers"`
	ValidFrom *int64         `json:"valid_from"`
	ValidTo   *int64         `json:"valid_to"`
}
