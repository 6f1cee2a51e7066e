package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/term"
)

// screen prints counts. On a terminal it shows the highest ones while counting
// goes on, and rewrites them in place.
type screen struct {
	out   io.Writer
	rows  int // lines of the live list, 0 if there is none
	width int
	drawn int
	next  time.Time
}

// newScreen returns a screen on a file, which may be a terminal.
func newScreen(f *os.File) *screen {
	s := &screen{out: f}
	if width, height, err := term.GetSize(int(f.Fd())); err == nil && height > 2 && width > 12 {
		s.width, s.rows = width, min(height-2, 15)
	}
	return s
}

// update shows the counts, a few times a second.
func (s *screen) update(counts map[string]int64) {
	if s.rows == 0 || len(counts) == 0 || time.Now().Before(s.next) {
		return
	}
	s.next = time.Now().Add(150 * time.Millisecond)
	s.erase()
	for _, word := range highest(counts, s.rows) {
		fmt.Fprintln(s.out, s.fit(word), counts[word])
		s.drawn++
	}
}

// finish prints the counts that are final: all of them, or on a terminal those
// that fit it.
func (s *screen) finish(counts map[string]int64) error {
	s.erase()
	words := highest(counts, len(counts))
	if s.rows > 0 && len(words) > s.rows {
		fmt.Fprintf(s.out, "%d different words, most often:\n", len(words))
		words = words[:s.rows]
	}
	w := bufio.NewWriter(s.out)
	for _, word := range words {
		fmt.Fprintln(w, s.fit(word), counts[word])
	}
	return w.Flush()
}

// erase goes back to the first line of what was drawn, and clears all below it.
func (s *screen) erase() {
	if s.drawn > 0 {
		fmt.Fprintf(s.out, "\x1b[%dA\x1b[J", s.drawn)
		s.drawn = 0
	}
}

// fit returns the word as it can be shown: on a terminal on one line, without
// characters that a terminal obeys.
func (s *screen) fit(word string) string {
	if s.rows == 0 {
		return word
	}
	runes := []rune(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, word))
	return string(runes[:min(len(runes), s.width/2)])
}

// highest returns the n words with the highest counts, in alphabetical order
// where counts are equal.
func highest(counts map[string]int64, n int) []string {
	words := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), strings.Compare(a, b))
	})
	return words[:min(n, len(words))]
}
