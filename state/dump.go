package state

import (
	"fmt"

	"github.com/ottla-streams/ottla/serde"
)

// Dump calls yield with every entry, in order of encoded keys, until it returns
// false. It is for tools that know the store but not its types; at is in
// milliseconds.
func (s *KeyValueStore[K, V]) Dump(yield func(k, v any, at int64, h serde.Headers) bool) error {
	var failed error
	err := s.layers.Scan(nil, nil, false, true, func(key, raw []byte) bool {
		k, err := s.key.Decode(append([]byte{}, key...))
		if err != nil {
			failed = fmt.Errorf("key: %w", err)
			return false
		}
		v, at, h, err := s.decode(raw)
		if err != nil {
			failed = err
			return false
		}
		return yield(k, v, at, h)
	})
	if err == nil {
		err = failed
	}
	return err
}
