package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"
)

// openInput opens what is to be counted: the files, else standard input if there
// is something in it, else the README. It tells what it chose, unless it was told.
func openInput(files []string, stdin *os.File, notice io.Writer) (io.ReadCloser, error) {
	if len(files) > 0 {
		return openFiles(files, stdin)
	}
	if in := waiting(stdin, notice); in != nil {
		return io.NopCloser(in), nil
	}
	name, text := readme()
	fmt.Fprintf(notice, "counting the words of %s\n", name)
	return io.NopCloser(strings.NewReader(text)), nil
}

// concat is files, one behind the other.
type concat struct {
	io.Reader
	files []*os.File
}

func (c *concat) Close() error {
	for _, f := range c.files {
		f.Close() // it was only read
	}
	return nil
}

func openFiles(names []string, stdin *os.File) (io.ReadCloser, error) {
	c := &concat{}
	var readers []io.Reader
	for _, name := range names {
		f := stdin
		if name != "-" {
			var err error
			if f, err = os.Open(name); err != nil {
				c.Close()
				return nil, err
			}
			c.files = append(c.files, f)
		}
		readers = append(readers, f, strings.NewReader("\n")) // the last line may lack its end
	}
	c.Reader = io.MultiReader(readers...)
	return c, nil
}

// patience is how long a pipe may be silent before it is taken for one that
// nobody writes to, as standard input often is where programs start programs.
const patience = 2 * time.Second

// waiting returns standard input if there is something in it, else nil.
func waiting(stdin *os.File, notice io.Writer) io.Reader {
	info, err := stdin.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice != 0 { // closed, a terminal, or /dev/null
		return nil
	}
	in := bufio.NewReader(stdin)
	first := make(chan error, 1)
	go func() { // it may wait as long as the program runs
		_, err := in.Peek(1)
		first <- err
	}()
	select {
	case err := <-first:
		if err == nil {
			return in
		}
	case <-time.After(patience):
		fmt.Fprintf(notice, "nothing on standard input for %s: to wait for it, give - as file\n", patience)
	}
	return nil
}

// readme returns the README of the repository that the program runs in, or
// another text if it runs elsewhere.
func readme() (name, text string) {
	dir, err := os.Getwd()
	for ; err == nil; dir = filepath.Dir(dir) {
		name := filepath.Join(dir, "README.md")
		text, err := os.ReadFile(name)
		if err == nil && len(text) > 0 {
			return name, string(text)
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	return "a small text of its own", "the quick brown fox jumps over the lazy dog\nthe dog sleeps on\n"
}

const (
	longLine = 64 << 10 // bytes from which on a line is sent in parts
	maxWord  = 512 << 10
)

// splitLines is a bufio.SplitFunc for lines. It cuts long ones between words, so
// that they fit into a record.
func splitLines(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 && i < longLine {
		return i + 1, data[:i], nil
	}
	if len(data) >= longLine {
		if i := bytes.LastIndexFunc(data, unicode.IsSpace); i >= 0 {
			return i + 1, data[:i], nil
		}
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}
