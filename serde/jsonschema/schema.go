package jsonschema

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	lib "github.com/santhosh-tekuri/jsonschema/v6"
)

const (
	maxSchemaBytes = 256 << 10
	maxParts       = 10_000  // objects, arrays and values in a schema
	maxWork        = 1 << 20 // schemas applied to values for one text
	maxIdle        = 16      // compiled schemas to keep
	base           = "schema:///"
)

// ErrInvalid says that the JSON doesn't fit the schema.
var ErrInvalid = errors.New("the JSON doesn't fit the schema")

// InvalidError says where in the schema the JSON fails. It holds nothing of
// the data, not even names of members.
type InvalidError struct {
	// At are the places in the schema, such as #/properties/age/minimum.
	At []string
}

func (e *InvalidError) Error() string {
	return ErrInvalid.Error() + " at " + strings.Join(e.At, ", ")
}

// Unwrap returns ErrInvalid.
func (e *InvalidError) Unwrap() error { return ErrInvalid }

// schema checks texts. The compiled form counts its work, so it is used by one
// caller at a time; idle ones wait in a channel for the next.
type schema struct {
	text  any
	using map[string]any
	idle  chan *compiled
}

type compiled struct {
	*lib.Schema
	work *work
}

// compile returns the schema and its title.
func compile(text string, using []resource) (*schema, string, error) {
	s := &schema{using: make(map[string]any), idle: make(chan *compiled, maxIdle)}
	var err error
	if s.text, err = parseSchema(text); err != nil {
		return nil, "", fmt.Errorf("schema: %w", err)
	}
	for _, u := range using {
		if s.using[u.name], err = parseSchema(u.text); err != nil {
			return nil, "", fmt.Errorf("schema %s: %w", u.name, err)
		}
	}
	c, err := s.compile()
	if err != nil {
		return nil, "", fmt.Errorf("schema: %w", err)
	}
	s.idle <- c
	title := ""
	if o, ok := s.text.(map[string]any); ok {
		title, _ = o["title"].(string)
	}
	return s, title, nil
}

func parseSchema(text string) (any, error) {
	if len(text) > maxSchemaBytes {
		return nil, limit("more than %d bytes", maxSchemaBytes)
	}
	v, err := parse([]byte(text))
	if err == nil && parts(v) > maxParts {
		err = limit("more than %d parts", maxParts)
	}
	return v, err
}

func parts(v any) int {
	n := 1
	switch v := v.(type) {
	case map[string]any:
		for _, e := range v {
			n += parts(e)
		}
	case []any:
		for _, e := range v {
			n += parts(e)
		}
	}
	return n
}

// compile may be called concurrently: the texts are only read.
func (s *schema) compile() (c *compiled, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("it can't be compiled")
		}
	}()
	w := &work{left: maxWork}
	compiler := lib.NewCompiler()
	compiler.UseLoader(s)
	compiler.AssertVocabs()
	compiler.RegisterVocabulary(&lib.Vocabulary{
		URL: "ottla:work", Schema: anything(),
		Compile: func(*lib.CompilerContext, map[string]any) (lib.SchemaExt, error) { return w, nil },
	})
	if err := compiler.AddResource(base, s.text); err != nil {
		return nil, errors.New("its $id can't be used")
	}
	sch, err := compiler.Compile(base)
	if err != nil {
		return nil, compileError(err)
	}
	return &compiled{sch, w}, nil
}

// anything is a schema for schemas: the library wants one for what it is told
// of others.
var anything = sync.OnceValue(func() *lib.Schema {
	c := lib.NewCompiler()
	if err := c.AddResource("ottla:anything", true); err != nil {
		return nil
	}
	s, _ := c.Compile("ottla:anything")
	return s
})

// Load implements the library's URLLoader: it gives the schemas that are used
// by name, and nothing else. Relative names arrive behind the $id around them.
func (s *schema) Load(url string) (any, error) {
	for name, v := range s.using {
		if url == name || strings.HasSuffix(url, "/"+name) {
			return v, nil
		}
	}
	return nil, errors.New("it isn't among the schemas given")
}

// compileError is short: the library's own spans many lines.
func compileError(err error) error {
	if at, ok := errors.AsType[*lib.LoadURLError](err); ok {
		return fmt.Errorf("it refers to %q, which isn't among the schemas given", strings.TrimPrefix(at.URL, base))
	}
	if _, ok := errors.AsType[*lib.SchemaValidationError](err); ok {
		return errors.New("not a JSON Schema")
	}
	return errors.New("it can't be compiled: a reference or expression in it is wrong")
}

// work counts schemas applied to values. Some schemas make that exponential.
type work struct{ left int }

func (w *work) Validate(*lib.ValidatorContext, any) {
	if w.left--; w.left < 0 {
		panic(errWork)
	}
}

var errWork = limit("checking takes more than %d steps", maxWork)

// check makes sure that the text fits.
func (s *schema) check(text []byte) error {
	v, err := parse(text)
	if err != nil {
		return err
	}
	var c *compiled
	select {
	case c = <-s.idle:
	default:
		if c, err = s.compile(); err != nil {
			return err
		}
	}
	err = c.run(v)
	select {
	case s.idle <- c:
	default:
	}
	return err
}

func (c *compiled) run(v any) (err error) {
	c.work.left = maxWork
	defer func() {
		switch r := recover(); r {
		case nil:
		case errWork:
			err = errWork
		default:
			err = fmt.Errorf("%w: the validator panicked", ErrInvalid)
		}
	}()
	if err := c.Validate(v); err != nil {
		return invalid(err)
	}
	return nil
}

const maxPlaces = 3

func invalid(err error) error {
	e := &InvalidError{}
	if at, ok := errors.AsType[*lib.ValidationError](err); ok {
		e.places(at)
	}
	return e
}

// places collects the innermost causes.
func (e *InvalidError) places(v *lib.ValidationError) {
	for _, c := range v.Causes {
		e.places(c)
	}
	if len(v.Causes) > 0 || len(e.At) == maxPlaces {
		return
	}
	place := strings.TrimPrefix(v.SchemaURL, base)
	if !strings.Contains(place, "#") {
		place += "#"
	}
	for _, k := range v.ErrorKind.KeywordPath() {
		place += "/" + k
	}
	e.At = append(e.At, place)
}
