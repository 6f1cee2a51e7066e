package conformance

import (
	"fmt"
	"strconv"
	"strings"
)

// Type is a static type of keys or values as the case language writes it, for
// instance "time_windowed<string,10>". The empty Type is none.
type Type string

// The plain types.
const (
	String Type = "string" // Go string
	Int64  Type = "int64"  // Go int64
	Bytes  Type = "bytes"  // Go []byte
)

const (
	timeWindowed    = "time_windowed<"
	sessionWindowed = "session_windowed<"
)

// TimeWindowed is the type of the keys of a time-windowed aggregation over
// keys of a type, with windows of size milliseconds.
func TimeWindowed(key Type, size int64) Type {
	return Type(timeWindowed + string(key) + "," + strconv.FormatInt(size, 10) + ">")
}

// SessionWindowed is the type of the keys of a session-windowed aggregation.
func SessionWindowed(key Type) Type {
	return Type(sessionWindowed + string(key) + ">")
}

// ParseType checks the text of a type.
func ParseType(text string) (Type, error) {
	t := Type(text)
	switch {
	case t == String, t == Int64, t == Bytes:
		return t, nil
	case !strings.HasSuffix(text, ">"):
		return "", fmt.Errorf("type %q is unknown", text)
	case t.IsTimeWindowed():
		inner, size := t.split()
		if n, err := strconv.ParseInt(size, 10, 64); err != nil || n < 0 {
			return "", fmt.Errorf("type %q: window size %q is no duration", text, size)
		}
		if _, err := ParseType(string(inner)); err != nil {
			return "", err
		}
		return t, nil
	case t.IsSessionWindowed():
		if _, err := ParseType(string(t.Inner())); err != nil {
			return "", err
		}
		return t, nil
	}
	return "", fmt.Errorf("type %q is unknown", text)
}

// UnmarshalText parses a type.
func (t *Type) UnmarshalText(text []byte) error {
	parsed, err := ParseType(string(text))
	*t = parsed
	return err
}

// IsTimeWindowed reports whether t is a time-windowed key.
func (t Type) IsTimeWindowed() bool { return strings.HasPrefix(string(t), timeWindowed) }

// IsSessionWindowed reports whether t is a session-windowed key.
func (t Type) IsSessionWindowed() bool { return strings.HasPrefix(string(t), sessionWindowed) }

// IsWindowed reports whether t is a windowed key of either kind.
func (t Type) IsWindowed() bool { return t.IsTimeWindowed() || t.IsSessionWindowed() }

// Inner is the type of the plain key of a windowed type, and empty for others.
func (t Type) Inner() Type {
	switch {
	case t.IsTimeWindowed():
		inner, _ := t.split()
		return inner
	case t.IsSessionWindowed():
		return t[len(sessionWindowed) : len(t)-1]
	}
	return ""
}

// WindowSize is the size of the windows of a time-windowed type in
// milliseconds, and 0 for others.
func (t Type) WindowSize() int64 {
	if !t.IsTimeWindowed() {
		return 0
	}
	_, size := t.split()
	n, _ := strconv.ParseInt(size, 10, 64) // checked by ParseType
	return n
}

// split cuts a time-windowed type into the inner type and the size.
func (t Type) split() (inner Type, size string) {
	args := string(t[len(timeWindowed) : len(t)-1])
	i := strings.LastIndexByte(args, ',')
	if i < 0 {
		return Type(args), ""
	}
	return Type(args[:i]), args[i+1:]
}

// or is t, or another type if t is none.
func (t Type) or(other Type) Type {
	if t == "" {
		return other
	}
	return t
}
