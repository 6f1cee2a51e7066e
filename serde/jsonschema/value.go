package jsonschema

import (
	"bytes"
	"encoding/json"
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Limits of JSON texts, of data as of schemas.
const (
	maxBytes  = 16 << 20
	maxValues = 1 << 20
	maxDepth  = 200
	maxDigits = 400 // of a number, and of its exponent's value
)

var (
	// ErrLimit says that a text, or checking it, takes more than is allowed.
	ErrLimit = errors.New("the JSON exceeds a limit")

	errJSON = errors.New("not one valid JSON text")
)

func limit(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrLimit, fmt.Sprintf(format, args...))
}

// parse returns the one value in text as the validator takes it: numbers keep
// all their digits. It doesn't quote the text in errors.
func parse(text []byte) (any, error) {
	if len(text) > maxBytes {
		return nil, limit("more than %d bytes", maxBytes)
	}
	p := parser{d: jsontext.NewDecoder(bytes.NewReader(text)), values: maxValues}
	v, err := p.value(0)
	if err != nil {
		return nil, err
	}
	if _, err := p.d.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errJSON
	}
	return v, nil
}

type parser struct {
	d      *jsontext.Decoder
	values int // left
}

func (p *parser) value(depth int) (any, error) {
	if p.values--; p.values < 0 {
		return nil, limit("more than %d values", maxValues)
	}
	if depth > maxDepth {
		return nil, limit("nested more than %d deep", maxDepth)
	}
	t, err := p.d.ReadToken()
	if err != nil {
		return nil, errJSON
	}
	switch t.Kind() {
	case jsontext.KindNull:
		return nil, nil
	case jsontext.KindTrue, jsontext.KindFalse:
		return t.Bool(), nil
	case jsontext.KindString:
		return t.String(), nil
	case jsontext.KindNumber:
		return number(t.String())
	case jsontext.KindBeginObject:
		return p.object(depth)
	}
	return p.array(depth)
}

func (p *parser) object(depth int) (any, error) {
	o := make(map[string]any)
	for p.d.PeekKind() != jsontext.KindEndObject {
		name, err := p.d.ReadToken()
		if err != nil {
			return nil, errJSON
		}
		k := name.String()
		if o[k], err = p.value(depth + 1); err != nil {
			return nil, err
		}
	}
	_, err := p.d.ReadToken()
	return o, err
}

func (p *parser) array(depth int) (any, error) {
	a := []any{}
	for p.d.PeekKind() != jsontext.KindEndArray {
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		a = append(a, v)
	}
	_, err := p.d.ReadToken()
	return a, err
}

// number keeps away what takes a million digits once it is compared.
func number(text string) (any, error) {
	digits, exponent := text, 0
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		var err error
		if exponent, err = strconv.Atoi(text[i+1:]); err != nil {
			exponent = maxDigits + 1
		}
		digits = text[:i]
	}
	if len(digits) > maxDigits || max(exponent, -exponent) > maxDigits {
		return nil, limit("a number of more than %d digits", maxDigits)
	}
	return json.Number(text), nil
}
