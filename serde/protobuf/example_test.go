package protobuf_test

import (
	"fmt"
	"log"

	"github.com/twmb/franz-go/pkg/sr/srfake"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/serde/protobuf"
	"github.com/ottla-streams/ottla/serde/registry"
)

func ExamplePlain() {
	numbers := protobuf.Plain[*wrapperspb.Int64Value]()
	b, err := numbers.AppendTo(nil, wrapperspb.Int64(7))
	if err != nil {
		log.Fatal(err)
	}
	m, err := numbers.Decode(b)
	fmt.Printf("%x %d %v\n", b, m.GetValue(), err)
	// Output: 0807 7 <nil>
}

// After the id comes the place of the message in its file: the third.
func ExampleFramed() {
	fake := srfake.New() // a registry in this process
	defer fake.Close()
	reg := registry.New(registry.Config{URLs: []string{fake.URL()}})
	numbers := serde.Bind(protobuf.Framed[*wrapperspb.Int64Value](reg), "numbers", false)
	b, err := numbers.AppendTo(nil, wrapperspb.Int64(7))
	fmt.Printf("%x %v\n", b, err)
	// Output: 000000000102040807 <nil>
}
