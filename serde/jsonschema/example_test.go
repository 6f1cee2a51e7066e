package jsonschema_test

import (
	"fmt"

	"github.com/ottla-streams/ottla/serde/jsonschema"
)

func ExamplePlain() {
	type order struct {
		ID int64 `json:"id"`
	}
	orders := jsonschema.Plain[order](`{"type":"object","properties":{"id":{"type":"integer","minimum":1}},"required":["id"]}`)
	b, err := orders.AppendTo(nil, order{7})
	fmt.Println(string(b), err)
	_, err = orders.Decode([]byte(`{"id":0}`))
	fmt.Println(err)
	// Output:
	// {"id":7} <nil>
	// json schema jsonschema_test.order: the JSON doesn't fit the schema at #/properties/id/minimum
}
