package registry

import (
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/sr"
)

// Type is the language that a schema is written in.
type Type = sr.SchemaType

// The types of schemas.
const (
	Avro       = sr.TypeAvro
	Protobuf   = sr.TypeProtobuf
	JSONSchema = sr.TypeJSON
)

// GUID names a schema over all registries. It is what headers carry.
type GUID [16]byte

// String returns the form with dashes that the registry uses.
func (g GUID) String() string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", g[:4], g[4:6], g[6:8], g[8:10], g[10:])
}

var errGUID = errors.New("guid: want 32 hexadecimal digits and 4 dashes")

// parseGUID returns the zero GUID for the empty text of older registries.
func parseGUID(s string) (g GUID, err error) {
	if s == "" {
		return g, nil
	}
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return g, errGUID
	}
	digits := s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:]
	if _, err := hex.Decode(g[:], []byte(digits)); err != nil {
		return GUID{}, errGUID
	}
	return g, nil
}

// Schema is a schema that the registry holds. It is never changed.
type Schema struct {
	ID      int32 // 0 if the schema was found by another schema that refers to it
	GUID    GUID  // zero if the registry has none
	Subject string
	Version int // 0 if unknown, as of a schema found by its id
	Type    Type
	Text    string
	// References are the schemas that this one names, each with its own.
	References []Reference
}

// Reference is the use of another schema.
type Reference struct {
	Name   string // by which the text refers to it
	Schema *Schema
}

// Dependencies returns all schemas that s needs, each once and after those
// that it needs itself. s is not among them.
func (s *Schema) Dependencies() []Reference {
	var all []Reference
	seen := make(map[*Schema]bool)
	var visit func(*Schema)
	visit = func(s *Schema) {
		for _, r := range s.References {
			if !seen[r.Schema] {
				seen[r.Schema] = true
				visit(r.Schema)
				all = append(all, r)
			}
		}
	}
	visit(s)
	return all
}

// Definition is a schema to be written with, as the program has it.
type Definition struct {
	Type Type
	Text string
	// Imports are definitions that Text refers to. They are registered first,
	// each under its name as the subject.
	Imports []Import
	// References name schemas that the registry has already.
	References []sr.SchemaReference
}

// Import is a definition that another refers to by name.
type Import struct {
	Name       string
	Definition Definition
}

// key tells definitions apart.
func (d Definition) key() string {
	k := fmt.Sprintf("%d %q %v", d.Type, d.Text, d.References)
	for _, i := range d.Imports {
		k += fmt.Sprintf(" %q(%s)", i.Name, i.Definition.key())
	}
	return k
}
