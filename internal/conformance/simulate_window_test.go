package conformance

import (
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/window"
)

type windowedSeq = iter.Seq2[state.Entry[window.Key[any], any], error]

// windowStore is a window store; timed says that its entries show timestamps.
type windowStore struct {
	*state.WindowStore[any, any]
	timed bool
}

// execute carries out one of the window_commands.
func (s windowStore) execute(c Command, at entry) (string, error) {
	if c.Op == "put" {
		k := window.Key[any]{Key: c.Keys[0], Start: c.Times[0]}
		return "ok", s.PutEntry(state.Entry[window.Key[any], any]{Key: k, Value: c.Value, Time: at.Time, Headers: at.Headers})
	}
	if c.Op == "fetch" {
		v, at, ok, err := s.WindowStore.Find(window.Key[any]{Key: c.Keys[0], Start: c.Times[0]})
		if err != nil || !ok {
			return "null", err
		}
		return s.text(v, at), nil
	}
	entries, err := s.scan(c)
	if err != nil {
		return "", err
	}
	return list(entries, func(e state.Entry[window.Key[any], any]) string {
		text := s.text(e.Value, e.Time.UnixMilli())
		if strings.HasSuffix(c.Op, "fetch_range") {
			return fmt.Sprintf("%d=%s", e.Key.Start, text)
		}
		return windowText(e.Key) + "=" + text
	})
}

func (s windowStore) text(v any, at int64) string {
	if !s.timed {
		return Format(v)
	}
	return fmt.Sprintf("%s@%d", Format(v), at)
}

// scan is what a command to read several windows reads.
func (s windowStore) scan(c Command) (windowedSeq, error) {
	op, reverse := strings.CutPrefix(c.Op, "backward_")
	if op == "all" {
		return either(reverse, s.All, s.AllReverse)(), nil
	}
	from, to := time.UnixMilli(c.Times[0]), time.UnixMilli(c.Times[1])
	switch op {
	case "fetch_range":
		return either(reverse, s.FetchRange, s.FetchRangeReverse)(c.Keys[0], from, to), nil
	case "fetch_all":
		return either(reverse, s.FetchAll, s.FetchAllReverse)(from, to), nil
	case "fetch_keys":
	default:
		return nil, fmt.Errorf("window stores have no %s", c.Op)
	}
	switch first, last := c.Keys[0], c.Keys[1]; {
	case first == nil && last == nil:
		return either(reverse, s.FetchAll, s.FetchAllReverse)(from, to), nil
	case first == nil:
		return either(reverse, s.FetchKeysTo, s.FetchKeysToReverse)(last, from, to), nil
	case last == nil:
		return either(reverse, s.FetchKeysFrom, s.FetchKeysFromReverse)(first, from, to), nil
	default:
		return either(reverse, s.FetchKeys, s.FetchKeysReverse)(first, last, from, to), nil
	}
}

// sessionStore is a session store.
type sessionStore struct {
	*state.SessionStore[any, any]
}

// execute carries out one of the session_commands.
func (s sessionStore) execute(c Command, _ entry) (string, error) {
	var k window.Key[any]
	if len(c.Times) > 1 {
		k = window.Key[any]{Key: c.Keys[0], Start: c.Times[0], End: c.Times[1]}
	}
	switch c.Op {
	case "put":
		return "ok", s.Put(k, c.Value)
	case "remove":
		return "ok", s.Remove(k)
	case "fetch_session":
		v, ok, err := s.FetchSession(k.Key, k.StartTime(), k.EndTime())
		if err != nil || !ok {
			return "null", err
		}
		return Format(v), nil
	}
	entries, err := s.scan(c)
	if err != nil {
		return "", err
	}
	return list(entries, func(e state.Entry[window.Key[any], any]) string {
		return windowText(e.Key) + "=" + Format(e.Value)
	})
}

// scan is what a command to read several sessions reads.
func (s sessionStore) scan(c Command) (windowedSeq, error) {
	op, reverse := strings.CutPrefix(c.Op, "backward_")
	if op == "fetch" {
		return either(reverse, s.Fetch, s.FetchReverse)(c.Keys[0]), nil
	}
	if op == "find" || op == "find_keys" {
		end, start := time.UnixMilli(c.Times[0]), time.UnixMilli(c.Times[1])
		if op == "find" {
			return either(reverse, s.Find, s.FindReverse)(c.Keys[0], end, start), nil
		}
		return either(reverse, s.FindKeys, s.FindKeysReverse)(c.Keys[0], c.Keys[1], end, start), nil
	}
	if op != "fetch_keys" {
		return nil, fmt.Errorf("session stores have no %s", c.Op)
	}
	switch first, last := c.Keys[0], c.Keys[1]; {
	case first == nil && last == nil:
		return either(reverse, s.All, s.AllReverse)(), nil
	case first == nil:
		return either(reverse, s.FetchKeysTo, s.FetchKeysToReverse)(last), nil
	case last == nil:
		return either(reverse, s.FetchKeysFrom, s.FetchKeysFromReverse)(first), nil
	default:
		return either(reverse, s.FetchKeys, s.FetchKeysReverse)(first, last), nil
	}
}

// either chooses between a read and the same backwards.
func either[F any](reverse bool, forward, backward F) F {
	if reverse {
		return backward
	}
	return forward
}

func windowText(k window.Key[any]) string {
	return fmt.Sprintf("%s@%d/%d", Format(k.Key), k.Start, k.End)
}

// list is the list of the entries that a read yields.
func list[E any](entries iter.Seq2[E, error], text func(E) string) (string, error) {
	var parts []string
	for e, err := range entries {
		if err != nil {
			return "", err
		}
		parts = append(parts, text(e))
	}
	return "[" + strings.Join(parts, " ") + "]", nil
}
