package serde_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/serde"
)

type person struct {
	Name   string `json:"name"`
	Age    int32  `json:"age,omitempty"`
	Born   time.Time
	Secret string `json:"-"`
	Friend *person
	Tags   []string
	Home   netip.Addr
	address
	hidden int
}

type address struct {
	City string
	Raw  []byte
}

func TestSchemaOf(t *testing.T) {
	_ = person{}.hidden
	tests := []struct {
		name      string
		got, want serde.Schema
	}{
		{"string", serde.SchemaOf(serde.String), json(`{"type":"string"}`)},
		{"int64", serde.SchemaOf(serde.Int64), json(`{"format":"int64","type":"integer"}`)},
		{"bytes", serde.SchemaOf(serde.Bytes), json(`{"format":"binary","title":"[]uint8","type":"string"}`)},
		{"list", serde.SchemaOf(serde.List(serde.Int64)), json(`{"title":"[]int64"}`)},
		{"JSON of bytes", serde.SchemaOf(serde.JSON[[]byte]()), json(`{"contentEncoding":"base64","type":"string"}`)},
		{"JSON of a map", serde.SchemaOf(serde.JSON[map[string]float64]()), json(`{"additionalProperties":{"type":"number"},"type":"object"}`)},
		{"JSON of a struct", serde.SchemaOf(serde.JSON[person]()), json(`{"properties":{` +
			`"Born":{"format":"date-time","type":"string"},"City":{"type":"string"},"Friend":{"title":"serde_test.person"},` +
			`"Home":{"title":"netip.Addr","type":"string"},"Raw":{"contentEncoding":"base64","type":"string"},` +
			`"Tags":{"items":{"type":"string"},"type":"array"},"age":{"format":"int32","type":"integer"},"name":{"type":"string"}},` +
			`"title":"serde_test.person","type":"object"}`)},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%s: got\n%v, want\n%v", tt.name, tt.got, tt.want)
		}
	}
}

func json(text string) serde.Schema { return serde.Schema{Format: serde.JSONSchemaFormat, Text: text} }
