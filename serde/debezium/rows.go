package debezium

import (
	"encoding/base64"
	"fmt"
	"math/big"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
)

// unavailable stands for a value that the connector wasn't told, if its
// setting unavailable.value.placeholder has the default.
const unavailable = "__debezium_unavailable_value"

var unavailableBase64 = base64.StdEncoding.EncodeToString([]byte(unavailable))

// rows knows the columns of T: the fields of a struct, or whatever a map has.
type rows[T any] struct {
	options
	fields []field
}

type field struct {
	name  string
	index []int
}

func newRows[T any](o options) rows[T] {
	r := rows[T]{options: o}
	t := reflect.TypeFor[T]()
	if t.Kind() != reflect.Struct {
		return r
	}
	for _, f := range reflect.VisibleFields(t) {
		if f.IsExported() && !f.Anonymous {
			r.fields = append(r.fields, field{columnName(f), f.Index})
		}
	}
	return r
}

// columnName is the name in the field's tag, whatever the format.
func columnName(f reflect.StructField) string {
	for _, tag := range []string{"avro", "json"} {
		if name, _, _ := strings.Cut(f.Tag.Get(tag), ","); name != "" {
			return name
		}
	}
	return f.Name
}

// mark sets what is told from the values of columns. defaults are those that
// the event itself tells.
func (r *rows[T]) mark(c *Change[T], defaults map[string]string) {
	if c.Before != nil && len(r.key) > 0 {
		c.KeyOnly = true
		r.columns(c.Before, func(name string, v reflect.Value) {
			if !slices.Contains(r.key, name) && !placeholder(v) && !isDefault(v, name, r.defaults) && !isDefault(v, name, defaults) {
				c.KeyOnly = false
			}
		})
	}
	if c.After != nil {
		r.columns(c.After, func(name string, v reflect.Value) {
			if isUnavailable(v) {
				c.Unavailable = append(c.Unavailable, name)
			}
		})
		slices.Sort(c.Unavailable)
	}
}

func (r *rows[T]) columns(row *T, each func(string, reflect.Value)) {
	v := reflect.ValueOf(row).Elem()
	for _, f := range r.fields {
		if at, err := v.FieldByIndexErr(f.index); err == nil {
			each(f.name, at)
		}
	}
	for v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	if v.Kind() == reflect.Map && v.Type().Key().Kind() == reflect.String {
		for k, e := range v.Seq2() {
			each(k.String(), e)
		}
	}
}

// inside returns what pointers and interfaces lead to. It isn't valid for nil.
func inside(v reflect.Value) reflect.Value {
	for v.IsValid() && (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) {
		v = v.Elem()
	}
	return v
}

// zeroText are the texts of columns that can't be null: a number, a time of
// day, a timestamp and a decimal in base64.
var zeroText = regexp.MustCompile(`^(|[0.]+|(1970-01-01T)?00:00:00(\.0+)?Z|AA==)$`)

// placeholder tells whether a column may hold a value only as it can't be null.
func placeholder(v reflect.Value) bool {
	v = inside(v)
	if !v.IsValid() || v.IsZero() {
		return true
	}
	switch x := v.Interface().(type) {
	case time.Time:
		return x.Unix() == 0 && x.Nanosecond() == 0
	case big.Rat:
		return x.Sign() == 0
	case []byte:
		return len(x) == 1 && x[0] == 0 || len(x) == 0 // a decimal, or bytes
	}
	switch v.Kind() {
	case reflect.Slice, reflect.Map:
		return v.Len() == 0
	case reflect.String:
		return zeroText.MatchString(v.String())
	}
	return false
}

func isDefault(v reflect.Value, column string, defaults map[string]string) bool {
	text, ok := defaults[column]
	if v = inside(v); !ok || !v.IsValid() || !v.CanInterface() {
		return false
	}
	return fmt.Sprint(v.Interface()) == text
}

func isUnavailable(v reflect.Value) bool {
	v = inside(v)
	if !v.IsValid() {
		return false
	}
	switch v.Kind() {
	case reflect.String:
		return v.String() == unavailable || v.String() == unavailableBase64
	case reflect.Slice:
		return v.Type().Elem().Kind() == reflect.Uint8 && string(v.Bytes()) == unavailable
	}
	return false
}
