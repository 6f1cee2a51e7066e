package describe

import (
	"os"
	"slices"
	"strings"
	"testing"
)

func TestHashString(t *testing.T) {
	tests := []struct {
		in   string
		want uint32
	}{
		{"", 0},
		{"a", 97},
		{"hello", 99162322},
		{"AaAa", 2031744},
		{"BBBB", 2031744},
		{"é", 233},
		{"😀", 0xd83d*31 + 0xde00},
		{"KSTREAM-SOURCE-0000000000", 1861603632},
	}
	for _, tt := range tests {
		if got := hashString(tt.in); got != tt.want {
			t.Errorf("%q: got %d, want %d", tt.in, got, tt.want)
		}
	}
}

func TestCompareUTF16(t *testing.T) {
	inOrder := []string{"", "A", "AB", "a", "é", "中", "😀", "\U0010ffff", "\ue000", "\ufffd"}
	for i, a := range inOrder {
		for j, b := range inOrder {
			if got := compareUTF16(a, b); (got < 0) != (i < j) || (got == 0) != (i == j) {
				t.Errorf("%q, %q: got %d", a, b, got)
			}
		}
	}
}

// TestHashOrders compares with what Java 25 printed.
func TestHashOrders(t *testing.T) {
	topics := func(last rune) []string {
		var list []string
		for r := 'a'; r <= last; r++ {
			list = append(list, "topic-"+string(r))
		}
		return list
	}
	tests := []struct {
		name string
		in   []string
		want string
	}{
		{"none", nil, ""},
		{"twice", []string{"b", "a", "b"}, "a b"},
		{"12 in 16 buckets", topics('l'), "f g h i j k l a b c d e"},
		{"13 in 32 buckets", topics('m'), "f g h i j k l m a b c d e"},
		{"24 in 32 buckets", topics('x'), "v w x n o p q r s t u f g h i j k l m a b c d e"},
		{"8 in one bucket", collisions(3), "AaAaAa AaAaBB AaBBAa AaBBBB BBAaAa BBAaBB BBBBAa BBBBBB"},
		{"16 in one bucket, as a tree", collisions(4), "AaAaBBBB AaAaAaAa AaAaAaBB AaAaBBAa AaBBAaAa AaBBAaBB AaBBBBAa AaBBBBBB " +
			"BBAaAaAa BBAaAaBB BBAaBBAa BBAaBBBB BBBBAaAa BBBBAaBB BBBBBBAa BBBBBBBB"},
	}
	for _, tt := range tests {
		for order, f := range map[string]func([]string) []string{"setOfList": setOfList, "setOfSet": setOfSet, "mapOfSet": mapOfSet} {
			if got := strings.ReplaceAll(strings.Join(f(tt.in), " "), "topic-", ""); got != tt.want {
				t.Errorf("%s of %s: got %s, want %s", order, tt.name, got, tt.want)
			}
		}
	}
}

// TestHashLayouts compares with what Java 25 printed for names that mostly share
// a few buckets. A line has, between tabs: the names in order of insertion, then
// their order in a HashSet that grew, in new HashSet<>(list), in new
// HashSet<>(grown), and in a HashMap filled from the one that grew.
func TestHashLayouts(t *testing.T) {
	data, err := os.ReadFile("testdata/hash.txt")
	if err != nil {
		t.Fatal(err)
	}
	grown := func(names []string) []string { return newHashTable(0).addAll(names) }
	for line := range strings.Lines(string(data)) {
		columns := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		in := strings.Split(columns[0], " ")
		for i, f := range []func([]string) []string{grown, setOfList, setOfSet, mapOfSet} {
			if got := strings.Join(f(in), " "); got != columns[i+1] {
				t.Errorf("column %d of %.60q…: got %s, want %s", i+1, line, got, columns[i+1])
			}
		}
	}
}

// collisions returns the 2^n names of n syllables that all have one hash.
func collisions(n int) []string {
	if n == 0 {
		return []string{""}
	}
	var list []string
	for _, rest := range collisions(n - 1) {
		list = append(list, "Aa"+rest, "BB"+rest)
	}
	slices.Sort(list)
	return list
}

func FuzzHashTable(f *testing.F) {
	f.Add("AaAa,AaBB,BBAa,BBBB", 0)
	f.Add(strings.Join(collisions(5), ","), 3)
	f.Add("a,b,c,a,,😀", 40)
	f.Fuzz(func(t *testing.T, list string, n int) {
		in := strings.Split(strings.ToValidUTF8(list, "?"), ",")
		got := newHashTable(min(max(n, 0), 1000)).addAll(in)
		slices.Sort(got)
		slices.Sort(in)
		if want := slices.Compact(in); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}
