package describe

import (
	"encoding/json/jsontext"
	"encoding/json/v2"
	"fmt"
	"strconv"
	"strings"
)

// API is what an application shares with others: the topics that it reads and
// writes.
type API struct {
	App     string
	Version string   // of the program
	Brokers []string // host:port
	Topics  []APITopic
}

// APITopic is a topic that an application reads or writes.
type APITopic struct {
	Name string // unique; the pattern or the function's name if Open
	// Open says that the topic is one of several: Name only describes it.
	Open          bool
	Reads, Writes bool
	Key, Value    Schema
}

// Schema is a schema in one of the languages that AsyncAPI knows. The zero Schema
// says nothing.
type Schema struct {
	Format string // media type
	Text   string
}

// object is a JSON object with its members in order.
type object []member

type member struct {
	name  string
	value any
}

func (o object) MarshalJSONTo(e *jsontext.Encoder) error {
	if err := e.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	for _, m := range o {
		if err := e.WriteToken(jsontext.String(m.name)); err != nil {
			return err
		}
		if err := json.MarshalEncode(e, m.value); err != nil {
			return err
		}
	}
	return e.WriteToken(jsontext.EndObject)
}

// AsyncAPI returns the AsyncAPI 3.0 document of an application, as an indented
// JSON object that ends with a line break. Equal values give equal bytes.
func AsyncAPI(a API) ([]byte, error) {
	var channels, operations, messages object
	for i, t := range a.Topics {
		id := channelID(i, t)
		channels = append(channels, member{id, t.channel(id)})
		for _, action := range []struct {
			name string
			does bool
		}{{"receive", t.Reads}, {"send", t.Writes}} {
			if action.does {
				operations = append(operations, member{action.name + "-" + id, object{{"action", action.name}, {"channel", ref("channels", id)}}})
			}
		}
		message, err := t.message()
		if err != nil {
			return nil, err
		}
		messages = append(messages, member{id, message})
	}
	var servers object
	for i, b := range a.Brokers {
		servers = append(servers, member{"broker-" + strconv.Itoa(i+1), object{{"host", b}, {"protocol", "kafka"}}})
	}
	doc := object{
		{"asyncapi", "3.0.0"},
		{"info", object{{"title", a.App}, {"version", a.Version}}},
		{"servers", servers}, {"channels", channels}, {"operations", operations},
		{"components", object{{"messages", messages}}},
	}
	b, err := json.Marshal(doc, json.Deterministic(true), jsontext.WithIndent("  "))
	if err != nil {
		return nil, fmt.Errorf("asyncapi document: %w", err)
	}
	return append(b, '\n'), nil
}

// channelID is a name that may stand in references: those of topics may, those
// of patterns and functions may not.
func channelID(i int, t APITopic) string {
	if t.Open {
		return "topics-" + strconv.Itoa(i+1)
	}
	return t.Name
}

func ref(path ...string) object {
	return object{{"$ref", "#/" + strings.Join(path, "/")}}
}

func (t APITopic) channel(id string) object {
	c := object{{"address", t.Name}}
	if t.Open {
		c = object{{"address", nil}, {"description", "topics that match " + t.Name}}
		if t.Writes {
			c[1].value = "topics chosen by " + t.Name
		}
	}
	return append(c, member{"messages", object{{id, ref("components", "messages", id)}}})
}

func (t APITopic) message() (object, error) {
	m := object{{"name", t.Name}}
	if t.Value.Text != "" {
		schema, err := t.Value.inline()
		if err != nil {
			return nil, fmt.Errorf("topic %s: value schema: %w", t.Name, err)
		}
		m = append(m, member{"payload", object{{"schemaFormat", t.Value.Format}, {"schema", schema}}})
	}
	if t.Key.Text != "" && !t.Key.isText() { // the binding takes no text
		schema, err := t.Key.inline()
		if err != nil {
			return nil, fmt.Errorf("topic %s: key schema: %w", t.Name, err)
		}
		m = append(m, member{"bindings", object{{"kafka", object{{"key", schema}, {"bindingVersion", "0.5.0"}}}}})
	}
	return m, nil
}

// isText says that the schema's language is not JSON.
func (s Schema) isText() bool { return strings.HasPrefix(s.Format, "application/vnd.google.protobuf") }

// inline is the schema as a part of the document. Languages that are not JSON
// stand in it as text.
func (s Schema) inline() (any, error) {
	if s.isText() {
		return s.Text, nil
	}
	v := jsontext.Value(s.Text)
	if !v.IsValid() {
		return nil, fmt.Errorf("%s: not valid JSON", s.Format)
	}
	return v, nil
}
