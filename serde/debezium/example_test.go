package debezium_test

import (
	"fmt"
	"log"

	"github.com/ottla-streams/ottla/serde/debezium"
)

func ExampleJSON() {
	type row struct {
		ID   int64  `json:"id"`
		Name string `json:"name"`
	}
	changes := debezium.JSON[row](debezium.KeyColumns("id"))
	for _, text := range []string{
		`{"op":"c","before":null,"after":{"id":1,"name":"Ada"},"source":{"table":"customers"}}`,
		`{"op":"d","before":{"id":1,"name":""},"after":null,"source":{"table":"customers"}}`,
	} {
		c, err := changes.Decode([]byte(text))
		if err != nil {
			log.Fatal(err)
		}
		if r, ok := c.Row(); ok {
			fmt.Println(c.Operation(), r.Name)
			continue
		}
		fmt.Println(c.Operation(), "of", c.Before.ID, "with the key only:", c.KeyOnly)
	}
	// Output:
	// create Ada
	// delete of 1 with the key only: true
}
