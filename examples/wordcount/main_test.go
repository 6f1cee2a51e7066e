package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/stream/streamtest"
)

// The topology by itself, without a broker.
func TestWordcount(t *testing.T) {
	top, err := wordcount()
	if err != nil {
		t.Fatal(err)
	}
	d := streamtest.New(t, top)
	d.Send(lines, "", "To be or not to be")
	got := make(map[string]int64)
	for _, r := range d.Read(totals) {
		got[r.Key] = r.Value
	}
	if len(got) != 4 || got["to"] != 2 || got["be"] != 2 || got["or"] != 1 || got["not"] != 1 {
		t.Errorf("counts are %v", got)
	}
}

// The whole program, as it runs without brokers.
func TestCountAll(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	var text, want strings.Builder
	for i := range 500 { // word i stands in each line from i on
		for w := range i {
			fmt.Fprintf(&text, "Word%03d ", w)
		}
		text.WriteString("\n")
	}
	for w := range 499 {
		fmt.Fprintf(&want, "word%03d %d\n", w, 499-w)
	}
	var out bytes.Buffer
	if err := countAll(t.Context(), stream.Config{ID: "wordcount"}, strings.NewReader(text.String()), &screen{out: &out}); err != nil {
		t.Fatal(err)
	}
	if out.String() != want.String() {
		t.Errorf("output is\n%s", &out)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestCountNothing(t *testing.T) {
	var out bytes.Buffer
	if err := countAll(t.Context(), stream.Config{ID: "wordcount"}, strings.NewReader("\n\n"), &screen{out: &out}); err != nil || out.Len() > 0 {
		t.Errorf("output is %q, %v", &out, err)
	}
}

func TestCountTooLong(t *testing.T) {
	err := countAll(t.Context(), stream.Config{ID: "wordcount"}, strings.NewReader(strings.Repeat("x", maxWord+1)), &screen{out: io.Discard})
	if err == nil || err.Error() != "input: a word is longer than 524288 bytes" {
		t.Errorf("error is %v", err)
	}
}

func TestSplitLines(t *testing.T) {
	long := strings.Repeat("word ", 100_000)
	for _, text := range []string{"", "\n", "a", "a\n", "a\nb", "\na\n\nb\n", long, long + "\nend", "start\n" + long + "\n", strings.Repeat("é", 50_000) + " x"} {
		s := bufio.NewScanner(strings.NewReader(text))
		s.Buffer(nil, maxWord)
		s.Split(splitLines)
		var words []string
		for s.Scan() {
			if len(s.Text()) > 2*longLine {
				t.Errorf("a part has %d bytes", len(s.Text()))
			}
			words = append(words, strings.Fields(s.Text())...)
		}
		if want := strings.Fields(text); s.Err() != nil || !slices.Equal(words, want) {
			t.Errorf("%.20q: %d words, want %d, %v", text, len(words), len(want), s.Err())
		}
	}
}

func TestOpenInput(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) *os.File {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		return f
	}
	closed := file("closed", "x")
	closed.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	a, b := file("a", "from a").Name(), file("b", "from b\n").Name()
	t.Chdir(dir)
	if err := os.WriteFile("README.md", []byte("read me"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		args  []string
		stdin *os.File
		want  string
		quiet bool
	}{
		{"files", []string{a, b}, file("1", "stdin"), "from a\nfrom b\n\n", true},
		{"file and standard input", []string{a, "-"}, file("2", "stdin"), "from a\nstdin\n", true},
		{"standard input", nil, file("3", "stdin"), "stdin", true},
		{"empty standard input", nil, file("4", ""), "read me", false},
		{"closed standard input", nil, closed, "read me", false},
		{"no standard input", nil, null, "read me", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var notice bytes.Buffer
			in, err := openInput(tt.args, tt.stdin, &notice)
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			got, err := io.ReadAll(in)
			if err != nil || string(got) != tt.want || (notice.Len() == 0) != tt.quiet {
				t.Errorf("input is %q, %v, notice %q", got, err, &notice)
			}
		})
	}
	if _, err := openInput([]string{a, "none"}, null, io.Discard); err == nil || err.Error() != "open none: no such file or directory" {
		t.Errorf("error is %v", err)
	}
}

func TestScreen(t *testing.T) {
	counts := map[string]int64{"b": 2, "a": 2, "c": 9, "d\x1b[2Jd": 1}
	var plain bytes.Buffer
	s := &screen{out: &plain}
	s.update(counts)
	if err := s.finish(counts); err != nil || plain.String() != "c 9\na 2\nb 2\nd\x1b[2Jd 1\n" {
		t.Errorf("plain output is %q, %v", &plain, err)
	}
	var live bytes.Buffer
	s = &screen{out: &live, rows: 3, width: 80}
	s.update(counts)
	s.update(counts) // too early
	if err := s.finish(counts); err != nil || live.String() != "c 9\na 2\nb 2\n\x1b[3A\x1b[J4 different words, most often:\nc 9\na 2\nb 2\n" {
		t.Errorf("output on a terminal is %q, %v", &live, err)
	}
	if got := s.fit("d\x1b[2Jd"); got != "d\uFFFD[2Jd" {
		t.Errorf("a word that a terminal obeys is shown as %q", got)
	}
}
