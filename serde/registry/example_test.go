package registry_test

import (
	"errors"
	"fmt"
	"os"

	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/serde/avro"
	"github.com/ottla-streams/ottla/serde/registry"
)

// A registry is declared once and shared by all serdes.
func ExampleNew() {
	reg := registry.New(registry.Config{
		URLs:   []string{"https://registry.example.com"},
		Client: []sr.ClientOpt{sr.BasicAuth(os.Getenv("REGISTRY_USER"), os.Getenv("REGISTRY_PASSWORD"))},
	})
	defer reg.Close()
	fmt.Println(reg.Err())
	// Output: <nil>
}

// Where only a release may register schemas, programs look them up.
func ExampleRegistry_With() {
	fake := srfake.New()
	defer fake.Close()
	reg := registry.New(registry.Config{URLs: []string{fake.URL()}}).With(registry.LookupOnly())
	numbers := serde.Bind(avro.Framed[int64](reg, `"long"`), "numbers", false)
	_, err := numbers.AppendTo(nil, 7)
	fmt.Println(errors.Is(err, registry.ErrUnknown))

	fake.SeedSchema("numbers-value", 1, 12, sr.Schema{Schema: `"long"`})
	reg = registry.New(registry.Config{URLs: []string{fake.URL()}}).With(registry.LookupOnly())
	numbers = serde.Bind(avro.Framed[int64](reg, `"long"`), "numbers", false)
	b, err := numbers.AppendTo(nil, 7)
	fmt.Printf("%x %v\n", b, err)
	// Output:
	// true
	// 000000000c0e <nil>
}
