package sorted

import (
	"fmt"
	"slices"
	"testing"

	"github.com/tidwall/btree"
)

type number int

func (n number) Before(o number) bool { return n < o }

// Every range of small trees has what a slice has, either way.
func TestRange(t *testing.T) {
	for size := range 70 {
		tree := btree.NewBTreeGOptions(number.Before, btree.Options{NoLocks: true, Degree: 2})
		var all []number
		for i := range size {
			tree.Set(number(2 * i))
			all = append(all, number(2*i))
		}
		for from := number(-1); from <= number(2*size); from += 3 {
			for to := number(-2); to <= number(2*size)+1; to += 3 {
				end := &to
				if to == -2 {
					end = nil
				}
				var want []number
				for _, n := range all {
					if n >= from && (end == nil || n < to) {
						want = append(want, n)
					}
				}
				compare(t, tree, from, end, false, want)
				slices.Reverse(want)
				compare(t, tree, from, end, true, want)
			}
		}
	}
}

func compare(t *testing.T, tree *btree.BTreeG[number], from number, to *number, reverse bool, want []number) {
	t.Helper()
	var r Range[number]
	r.Start(tree, from, to, reverse)
	var got []number
	for r.Next() {
		got = append(got, r.Item())
	}
	if r.Next() {
		t.Error("it goes on after its end")
	}
	r.Release()
	if !slices.Equal(got, want) {
		end := "the end"
		if to != nil {
			end = fmt.Sprint(*to)
		}
		t.Fatalf("%d to %s of %d, reverse %t: %v, want %v", from, end, tree.Len(), reverse, got, want)
	}
}
