package conformance

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Failure is the error that a failing function panics with. Its message is
// the function as written.
type Failure string

func (f Failure) Error() string { return string(f) }

// call is a function of the case language taken apart: "name" or "name:ARG".
type call struct {
	text   string
	name   string
	arg    string
	hasArg bool
}

func parseCall(text string) call {
	name, arg, ok := strings.Cut(text, ":")
	return call{text: text, name: name, arg: arg, hasArg: ok}
}

// fail panics with the function as written.
func (c call) fail() { panic(Failure(c.text)) }

// unknown is the error for a function that does not exist, or not for the
// types at hand.
func (c call) unknown(kind string, types ...Type) error {
	return fmt.Errorf("%s %q is unknown for types %v", kind, c.text, types)
}

// number is the argument as an int64.
func (c call) number() (int64, error) {
	n, err := strconv.ParseInt(c.arg, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("function %q: the argument is no int64", c.text)
	}
	return n, nil
}

// count is the argument as a count of things.
func (c call) count() (int, error) {
	n, err := strconv.Atoi(c.arg)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("function %q: the argument is no count", c.text)
	}
	return n, nil
}

// checkArg refuses an argument too many or too few.
func (c call) checkArg(without ...string) error {
	for _, name := range without {
		if c.name == name {
			if c.hasArg {
				return fmt.Errorf("function %q takes no argument", c.text)
			}
			return nil
		}
	}
	if !c.hasArg {
		return fmt.Errorf("function %q lacks its argument", c.text)
	}
	return nil
}

// orZero is an int64 where null counts as 0.
func orZero(v any) int64 {
	if v == nil {
		return 0
	}
	return v.(int64)
}

// firstRune is the first character of a text, empty for an empty one.
func firstRune(s string) string {
	_, n := utf8.DecodeRuneInString(s)
	return s[:n]
}

// field is the n-th part of a text between | characters, or null if it is
// missing or empty.
func field(s string, n int) any {
	for part := range strings.SplitSeq(s, "|") {
		if n == 0 {
			if part == "" {
				return nil
			}
			return part
		}
		n--
	}
	return nil
}

// parseDecimal is the int64 that a text says in decimal, or null.
func parseDecimal(s string) any {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return nil
	}
	return n
}

func length(s string) int64 { return int64(utf8.RuneCountInString(s)) }

func reverse(s string) string {
	r := []rune(s)
	for i, j := 0, len(r)-1; i < j; i, j = i+1, j-1 {
		r[i], r[j] = r[j], r[i]
	}
	return string(r)
}
