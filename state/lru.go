package state

import (
	"container/list"

	"github.com/ottla-streams/ottla/internal/overlay"
)

// lru is the order in which the keys of a store were used.
type lru struct {
	max   int
	order *list.List // of string; the front was used last
	at    map[string]*list.Element
}

func newLRU(max int) *lru {
	return &lru{max: max, order: list.New(), at: make(map[string]*list.Element)}
}

func (l *lru) use(key []byte) {
	if e := l.at[string(key)]; e != nil {
		l.order.MoveToFront(e)
	}
}

// add notes a key that was used.
func (l *lru) add(key []byte) {
	if e := l.at[string(key)]; e != nil {
		l.order.MoveToFront(e)
		return
	}
	k := string(key)
	l.at[k] = l.order.PushFront(k)
}

// oldest returns the key used longest ago, which it forgets; full is unset if
// there is room for all.
func (l *lru) oldest() (key string, full bool) {
	if l.order.Len() <= l.max {
		return "", false
	}
	key = l.order.Remove(l.order.Back()).(string)
	delete(l.at, key)
	return key, true
}

func (l *lru) remove(key []byte) {
	if e := l.at[string(key)]; e != nil {
		l.order.Remove(e)
		delete(l.at, string(key))
	}
}

// onRestore keeps the orders of a store up to date while it is restored. What
// leaves an LRU store is in the changelog; were it decided anew, it would take
// the place of entries whose neighbours' deletes are yet to come.
func onRestore[K, V any](max int, expires bool) func(store any, key, value []byte, r *overlay.Record) {
	if max == 0 && !expires {
		return nil
	}
	return func(store any, key, value []byte, _ *overlay.Record) {
		s := store.(*KeyValueStore[K, V])
		s.restored(key, value)
		switch {
		case s.lru == nil:
		case value == nil:
			s.lru.remove(key)
		default:
			s.lru.add(key)
		}
	}
}
