package flow

// Fan sends a record to each of next in order. The first error ends it.
func Fan[K, V any](next []Next[K, V]) Next[K, V] {
	switch len(next) {
	case 0:
		return func(K, V, *Meta) error { return nil }
	case 1:
		return next[0]
	case 2:
		a, b := next[0], next[1]
		return func(k K, v V, m *Meta) error {
			if err := a(k, v, m); err != nil {
				return err
			}
			return b(k, v, m)
		}
	}
	return func(k K, v V, m *Meta) error {
		for _, n := range next {
			if err := n(k, v, m); err != nil {
				return err
			}
		}
		return nil
	}
}
