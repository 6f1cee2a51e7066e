package conformance

import (
	"fmt"
	"strconv"
	"strings"
)

// Command is one command to a store, the value of a record that one of the
// …_commands processors is given.
type Command struct {
	Op    string
	Keys  []any   // nil elements are open ends of a range
	Value any     // nil deletes
	Times []int64 // in the order written
	Pairs []Pair  // put_all only
}

// Pair is one assignment of put_all.
type Pair struct {
	Key   any
	Value any
}

// commandArgs says what the words after an operation are, a letter each: k
// key, e end of a range, v value, p prefix (a string), t time, and for the
// rest of the words ? an optional time and * pairs.
var commandArgs = map[string]map[string]string{
	"kv_commands": {
		"put": "kv", "put_all": "*", "put_if_absent": "kv", "delete": "k", "get": "k",
		"range": "ee", "reverse_range": "ee", "all": "", "reverse_all": "", "prefix": "p",
	},
	"window_commands": {
		"put": "kvt", "fetch": "kt", "fetch_range": "ktt", "backward_fetch_range": "ktt",
		"fetch_keys": "eett", "backward_fetch_keys": "eett", "fetch_all": "tt", "backward_fetch_all": "tt",
		"all": "", "backward_all": "",
	},
	"session_commands": {
		"put": "kttv", "remove": "ktt", "find": "ktt", "backward_find": "ktt", "find_keys": "eett",
		"backward_find_keys": "eett", "fetch_session": "ktt", "fetch": "k", "backward_fetch": "k",
		"fetch_keys": "ee", "backward_fetch_keys": "ee",
	},
	"versioned_commands": {"put": "kvt", "get": "k?", "delete": "kt"},
}

// ParseCommand parses a command to a store with keys and values of the types.
// The processor is named by its kind, such as kv_commands.
func ParseCommand(processor, text string, key, value Type) (Command, error) {
	words := strings.Split(text, " ")
	args, ok := commandArgs[processor][words[0]]
	if !ok {
		return Command{}, fmt.Errorf("%s has no command %q", processor, words[0])
	}
	c := Command{Op: words[0]}
	words = words[1:]
	for _, arg := range args {
		n, err := c.parseArg(arg, words, key, value)
		if err != nil {
			return Command{}, fmt.Errorf("command %q: %w", text, err)
		}
		words = words[n:]
	}
	if len(words) > 0 {
		return Command{}, fmt.Errorf("command %q has too many words", text)
	}
	return c, nil
}

// parseArg takes one argument off the words and returns how many it took.
func (c *Command) parseArg(arg rune, words []string, key, value Type) (int, error) {
	if arg == '*' {
		return len(words), c.parsePairs(words, key, value)
	}
	if len(words) == 0 {
		if arg == '?' {
			return 0, nil
		}
		return 0, fmt.Errorf("a word is missing")
	}
	switch arg {
	case 'v':
		v, err := parseWord(words[0], value)
		c.Value = v
		return 1, err
	case 't', '?':
		n, err := strconv.ParseInt(words[0], 10, 64)
		c.Times = append(c.Times, n)
		return 1, err
	case 'p':
		c.Keys = append(c.Keys, words[0])
		return 1, nil
	}
	if arg == 'e' && words[0] == "-" {
		c.Keys = append(c.Keys, nil)
		return 1, nil
	}
	k, err := parseWord(words[0], key)
	c.Keys = append(c.Keys, k)
	return 1, err
}

func (c *Command) parsePairs(words []string, key, value Type) error {
	for _, w := range words {
		ks, vs, ok := strings.Cut(w, "=")
		if !ok {
			return fmt.Errorf("%q is no assignment", w)
		}
		k, err := parseWord(ks, key)
		if err != nil {
			return err
		}
		v, err := parseWord(vs, value)
		if err != nil {
			return err
		}
		c.Pairs = append(c.Pairs, Pair{Key: k, Value: v})
	}
	return nil
}

// parseWord is a value of a type as a word of a command, null for null.
func parseWord(word string, t Type) (any, error) {
	switch {
	case word == "null":
		return nil, nil
	case t == String:
		return word, nil
	case t == Int64:
		n, err := strconv.ParseInt(word, 10, 64)
		return n, err
	case t == Bytes:
		return []byte(word), nil
	}
	return nil, fmt.Errorf("type %s has no words", t)
}
