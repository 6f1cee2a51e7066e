package protobuf

import (
	"errors"
	"strings"
)

// scan finds the messages in the text of a .proto file. It reads only as much
// of the language as that takes: words, braces, strings and comments.
func scan(text string) (pkg string, all []*message, err error) {
	s := &scanner{rest: text}
	all, err = s.block(0, func(word string) { pkg = word })
	if err == nil && len(all) == 0 {
		err = errors.New("the schema has no message")
	}
	return pkg, all, err
}

var errProto = errors.New("not a .proto text: braces or strings don't match")

const maxBlocks = 64 // braces inside each other

type scanner struct {
	rest string
}

// block reads to the end of the block or text and returns its messages.
// atPackage is called with the name in a package statement; it is nil inside
// of blocks.
func (s *scanner) block(depth int, atPackage func(string)) (all []*message, err error) {
	if depth > maxBlocks {
		return nil, errProto
	}
	var statement []string // words since the last ; or brace
	for {
		word, err := s.next()
		if err != nil {
			return nil, err
		}
		switch word {
		case "":
			if depth > 0 {
				return nil, errProto
			}
			return all, nil
		case "}":
			if depth == 0 {
				return nil, errProto
			}
			return all, nil
		case ";":
			if atPackage != nil && len(statement) == 2 && statement[0] == "package" {
				atPackage(statement[1])
			}
			statement = nil
		case "{":
			inside, err := s.block(depth+1, nil)
			if err != nil {
				return nil, err
			}
			all = append(all, opened(statement, inside)...)
			statement = nil
		default:
			statement = append(statement, word)
		}
	}
}

// opened returns the messages that a block makes, by the words before it.
func opened(statement []string, inside []*message) []*message {
	n := len(statement)
	switch {
	case n >= 2 && n <= 3 && statement[n-2] == "message": // "export" or "local" may come first
		return []*message{{statement[n-1], inside}}
	case n > 0 && (statement[0] == "oneof" || statement[0] == "extend"):
		return inside // groups in it belong to the message around it
	}
	for i, w := range statement {
		if w == "group" && i+1 < n && i+2 < n && statement[i+2] == "=" {
			return []*message{{statement[i+1], inside}}
		}
	}
	return nil // an enum, a service or the value of an option
}

const special = "{};=[],<>()"

// next returns the next word or sign, or "" at the end. Strings are left out.
func (s *scanner) next() (string, error) {
	for {
		s.rest = strings.TrimLeft(s.rest, " \t\r\n\f\v")
		switch {
		case s.rest == "":
			return "", nil
		case strings.HasPrefix(s.rest, "//"):
			_, s.rest, _ = strings.Cut(s.rest, "\n")
		case strings.HasPrefix(s.rest, "/*"):
			var ok bool
			if _, s.rest, ok = strings.Cut(s.rest[2:], "*/"); !ok {
				return "", errProto
			}
		case s.rest[0] == '"' || s.rest[0] == '\'':
			if !s.quoted() {
				return "", errProto
			}
		case strings.IndexByte(special, s.rest[0]) >= 0:
			sign := s.rest[:1]
			s.rest = s.rest[1:]
			return sign, nil
		default:
			n := strings.IndexAny(s.rest, special+" \t\r\n\f\v\"'")
			if slash := strings.IndexByte(s.rest[1:], '/') + 1; slash > 0 && (n < 0 || slash < n) {
				n = slash
			}
			if n < 0 {
				n = len(s.rest)
			}
			word := s.rest[:n]
			s.rest = s.rest[n:]
			return word, nil
		}
	}
}

// quoted skips a string.
func (s *scanner) quoted() bool {
	for i := 1; i < len(s.rest); i++ {
		switch s.rest[i] {
		case '\\':
			i++
		case s.rest[0]:
			s.rest = s.rest[i+1:]
			return true
		case '\n':
			return false
		}
	}
	return false
}
