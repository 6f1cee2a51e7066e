package avro_test

import (
	"errors"
	"fmt"
	"log"

	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/serde/avro"
	"github.com/ottla-streams/ottla/serde/avro/hamba"
	"github.com/ottla-streams/ottla/serde/registry"
)

// Person is a record.
type Person struct {
	Name string  `avro:"name"`
	Mail *string `avro:"mail"` // nil is null
}

const personSchema = `{"type":"record","name":"Person","fields":[
	{"name":"name","type":"string"}, {"name":"mail","type":["null","string"],"default":null}]}`

func ExamplePlain() {
	people := avro.Plain[Person](personSchema)
	b, err := people.AppendTo(nil, Person{Name: "Ada"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%x\n", b)
	_, err = people.Decode(b[:len(b)-1])
	fmt.Println(errors.Is(err, avro.ErrTruncated))
	// Output:
	// 0641646100
	// true
}

// Data of an older schema are read as the new one says.
func ExampleWrittenWith() {
	old := avro.Plain[map[string]any](`{"type":"record","name":"Person","fields":[{"name":"name","type":"string"},{"name":"age","type":"int"}]}`)
	b, err := old.AppendTo(nil, map[string]any{"name": "Ada", "age": 36})
	if err != nil {
		log.Fatal(err)
	}
	people := avro.Plain[Person](personSchema, avro.WrittenWith(`{"type":"record","name":"Person","fields":[
		{"name":"name","type":"string"},{"name":"age","type":"int"}]}`))
	fmt.Println(people.Decode(b))
	// Output: {Ada <nil>} <nil>
}

// The schema is registered with the first record, and others find it by its id.
func ExampleFramed() {
	fake := srfake.New() // a registry in this process
	defer fake.Close()
	reg := registry.New(registry.Config{URLs: []string{fake.URL()}})

	people := serde.Bind(avro.Framed[Person](reg, personSchema), "people", false) // topics do that
	b, err := people.AppendTo(nil, Person{Name: "Ada"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%x\n", b)

	anything := avro.Framed[any](reg.With(registry.UseLatest()), "")
	fmt.Println(anything.Decode(b))
	// Output:
	// 00000000010641646100
	// map[mail:<nil> name:Ada] <nil>
}

func ExampleWith() {
	people := avro.Plain[Person](personSchema, avro.With(hamba.Codec))
	b, err := people.AppendTo(nil, Person{Name: "Ada"})
	fmt.Printf("%x %v\n", b, err)
	// Output: 0641646100 <nil>
}

func ExampleSchemaFor() {
	schema, err := avro.SchemaFor[Person]("com.example")
	fmt.Println(schema, err)
	// Output: {"fields":[{"name":"name","type":"string"},{"default":null,"name":"mail","type":["null","string"]}],"name":"Person","namespace":"com.example","type":"record"} <nil>
}
