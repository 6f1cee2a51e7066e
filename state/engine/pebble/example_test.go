package pebble_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/ottla-streams/ottla/state/engine/pebble"
)

func Example() {
	dir, err := os.MkdirTemp("", "state")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	opener := pebble.New(pebble.Options{CacheBytes: 16 << 20})
	defer opener.Close()
	db, err := opener.Open(filepath.Join(dir, "wordcount", "0_1"))
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()

	batch := db.NewBatch()
	batch.Set([]byte("counts/kafka"), []byte("2"))
	batch.Set([]byte("counts/streams"), []byte("1"))
	batch.Set([]byte("offset"), []byte("3"))
	if err := batch.Commit(); err != nil {
		log.Fatal(err)
	}

	counts, err := db.Scan([]byte("counts/"), []byte("counts0"), false)
	if err != nil {
		log.Fatal(err)
	}
	for counts.Next() {
		fmt.Printf("%s %s\n", counts.Key(), counts.Value())
	}
	if err := counts.Close(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// counts/kafka 2
	// counts/streams 1
}
