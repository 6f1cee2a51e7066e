package cloudevents_test

import (
	"fmt"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/serde/cloudevents"
)

func ExampleStructured() {
	events := cloudevents.Structured(serde.JSON[int](), "application/json")
	b, err := events.AppendTo(nil, cloudevents.Event[int]{ID: "1", Source: "/shop", Type: "sold", Data: 7})
	fmt.Println(string(b), err)
	// Output: {"specversion":"1.0","id":"1","source":"/shop","type":"sold","datacontenttype":"application/json","data":7} <nil>
}

// In binary mode the attributes are headers of the record.
func ExampleBinary() {
	events := cloudevents.Binary(serde.JSON[int](), "application/json").(serde.HeaderAware[cloudevents.Event[int]])
	var h serde.Headers
	b, err := events.AppendRecord(nil, cloudevents.Event[int]{ID: "1", Source: "/shop", Type: "sold", Data: 7}, &h)
	fmt.Println(string(b), err)
	for _, e := range h {
		fmt.Println(e.Key, string(e.Value))
	}
	// Output:
	// 7 <nil>
	// ce_specversion 1.0
	// ce_id 1
	// ce_source /shop
	// ce_type sold
	// content-type application/json
}
