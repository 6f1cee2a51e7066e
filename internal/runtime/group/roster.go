package group

import (
	"maps"
	"slices"
)

// keepVanished is the number of balances in which a vanished member is named. One is not enough: its tasks may be withheld
// in the first, and a generation may break off before all members saw it.
const keepVanished = 3

// roster remembers the transactional ids of the group from one generation to the next.
type roster struct {
	present  map[string]bool
	vanished map[string]int
	// led is true between balancing as leader and the next join: the assignment that comes back says nothing new.
	led bool
}

func (r *roster) joining() { r.led = false }

// learn takes over what another leader knows, in case this member is the next one.
func (r *roster) learn(a Assignment) {
	if r.led {
		return
	}
	r.present = set(a.Members)
	r.vanished = make(map[string]int)
	for _, id := range a.Vanished {
		r.vanished[id] = keepVanished - 1
	}
}

// balance notes the members of a new generation and returns who vanished lately, sorted.
func (r *roster) balance(current []string) []string {
	r.led = true
	if r.vanished == nil {
		r.vanished = make(map[string]int)
	}
	for id := range r.present {
		r.vanished[id] = keepVanished
	}
	for _, id := range current {
		delete(r.vanished, id)
	}
	r.present = set(current)
	gone := slices.Sorted(maps.Keys(r.vanished))
	for _, id := range gone {
		if r.vanished[id]--; r.vanished[id] == 0 {
			delete(r.vanished, id)
		}
	}
	return gone
}

func set(list []string) map[string]bool {
	out := make(map[string]bool, len(list))
	for _, s := range list {
		out[s] = true
	}
	return out
}
