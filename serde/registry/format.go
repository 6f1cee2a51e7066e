package registry

import (
	"fmt"

	"github.com/ottla-streams/ottla/serde"
)

// Format is how values of type T are written and read by a schema. Packages
// of formats make one; programs use those.
type Format[T any] struct {
	// Name begins errors, such as "avro".
	Name string
	// Definition is the schema to write with. Its Text may be empty where the
	// serde writes with the latest schema or with a fixed id.
	Definition Definition
	// Record is the full name of what is written, for subjects by record.
	Record string
	// Index returns what follows the id, as the message indexes of Protobuf do.
	// Nil: nothing.
	Index func(*Schema) ([]byte, error)
	// Split takes the index off what follows the id. Nil: there is none.
	Split func(src []byte) (index, payload []byte, err error)
	// Writer returns how values are written by the schema. It is called once
	// for each schema.
	Writer func(*Schema) (AppendFunc[T], error)
	// Reader returns how payloads with the schema are read. It is called once
	// for each schema.
	Reader func(*Schema) (DecodeFunc[T], error)
	// Copies says that decoded values never alias their bytes.
	Copies bool
	// Err says why the format can't be used, see [serde.Checker].
	Err error
}

// AppendFunc appends the payload of v to dst. With an error it returns dst.
type AppendFunc[T any] func(dst []byte, v T) ([]byte, error)

// DecodeFunc returns the value of a payload. index is what Split took off.
type DecodeFunc[T any] func(index, payload []byte) (T, error)

// Framed returns the Serde of a format whose records begin with the id of a
// schema of the registry, or have it in a header. Errors about schemas are an
// [*Error]. It blocks while a schema isn't cached yet, at most for the Wait of
// the [Config].
func Framed[T any](r *Registry, f Format[T]) serde.Serde[T] {
	s := &shared[T]{r: r, f: f}
	switch {
	case f.Err != nil:
		s.err = f.Err
	case r.Err() != nil:
		s.err = r.Err()
	case f.Definition.Text == "" && r.use.mode != latest && r.use.mode != fixed:
		s.err = fmt.Errorf("%s: no schema to write with: give one, or use the latest or a fixed one of the registry", f.Name)
	}
	return &framed[T]{shared: s}
}
