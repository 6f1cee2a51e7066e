package serde

import (
	"encoding"
	"encoding/json/v2"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Schema says what the values of a [Serde] look like, for documents such as
// AsyncAPI. The zero Schema says nothing.
type Schema struct {
	Format string // media type of the schema language
	Text   string // the schema in that language
}

// The schema languages, as AsyncAPI names them.
const (
	JSONSchemaFormat = "application/schema+json;version=draft-07"
	AvroFormat       = "application/vnd.apache.avro;version=1.9.0"
	ProtobufFormat   = "application/vnd.google.protobuf;version=3"
)

// Described is implemented by a Serde that knows the schema of its values.
type Described interface {
	Schema() Schema
}

// SchemaOf returns the schema of a Serde's values. That of a Serde which is not
// [Described] is made of the Go type: it tells what a value is, not how its bytes
// look.
func SchemaOf[T any](s Serde[T]) Schema {
	if d, ok := s.(Described); ok {
		return d.Schema()
	}
	t := reflect.TypeFor[T]()
	shape := map[string]any{"title": t.String()}
	if isBytes(t) {
		shape["type"], shape["format"] = "string", "binary"
	} else if scalar := scalarShape(t); scalar != nil {
		shape = scalar
	}
	return jsonSchema(shape)
}

func isBytes(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8
}

func jsonSchema(shape map[string]any) Schema {
	text, err := json.Marshal(shape, json.Deterministic(true))
	if err != nil {
		return Schema{}
	}
	return Schema{JSONSchemaFormat, string(text)}
}

// Schema implements Described. What a type's own methods write is left open.
func (s *jsonSerde[T]) Schema() Schema { return jsonSchema(jsonShape(s.typ, nil)) }

// jsonShape is the JSON Schema of the JSON form of t. outer are the types around
// it: one that contains itself is left open there.
func jsonShape(t reflect.Type, outer []reflect.Type) map[string]any {
	if slices.Contains(outer, t) {
		return map[string]any{"title": t.String()}
	}
	outer = append(outer[:len(outer):len(outer)], t)
	switch {
	case t == reflect.TypeFor[time.Time]():
		return map[string]any{"type": "string", "format": "date-time"}
	case t == reflect.TypeFor[time.Duration]():
		return map[string]any{"type": "integer", "description": "nanoseconds"}
	case writesText(t):
		return map[string]any{"type": "string", "title": t.String()}
	case writesItself(t):
		return map[string]any{"title": t.String()}
	case isBytes(t):
		return map[string]any{"type": "string", "contentEncoding": "base64"}
	}
	if s := scalarShape(t); s != nil {
		return s
	}
	switch t.Kind() {
	case reflect.Pointer:
		return jsonShape(t.Elem(), outer)
	case reflect.Slice, reflect.Array:
		return map[string]any{"type": "array", "items": jsonShape(t.Elem(), outer)}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": jsonShape(t.Elem(), outer)}
	case reflect.Struct:
		properties := make(map[string]any)
		addFields(properties, t, outer)
		return map[string]any{"type": "object", "title": t.String(), "properties": properties}
	}
	return map[string]any{"title": t.String()}
}

// addFields adds the exported fields of a struct under their JSON names, those
// of embedded structs among them.
func addFields(properties map[string]any, t reflect.Type, outer []reflect.Type) {
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" && options == "":
			continue
		case f.Anonymous && name == "":
			embedded := f.Type
			if embedded.Kind() == reflect.Pointer {
				embedded = embedded.Elem()
			}
			if embedded.Kind() == reflect.Struct && !writesItself(embedded) && !writesText(embedded) {
				if !slices.Contains(outer, embedded) {
					addFields(properties, embedded, append(outer[:len(outer):len(outer)], embedded))
				}
				continue
			}
		}
		if f.IsExported() {
			if name == "" {
				name = f.Name
			}
			properties[name] = jsonShape(f.Type, outer)
		}
	}
}

// scalarShape is the JSON Schema of a value without parts, nil for others.
func scalarShape(t reflect.Type) map[string]any {
	switch t.Kind() {
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return map[string]any{"type": "integer", "format": t.Kind().String()}
	case reflect.Float32, reflect.Float64:
		return map[string]any{"type": "number"}
	}
	return nil
}

// writesText says that the JSON form of t is the text of its own method.
func writesText(t reflect.Type) bool {
	return has[encoding.TextMarshaler](t) || has[encoding.TextAppender](t)
}

// writesItself says that the JSON form of t is made by its own method.
func writesItself(t reflect.Type) bool {
	return has[json.Marshaler](t) || has[json.MarshalerTo](t)
}

func has[I any](t reflect.Type) bool {
	i := reflect.TypeFor[I]()
	return t.Implements(i) || reflect.PointerTo(t).Implements(i)
}
