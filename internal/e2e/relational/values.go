package main

import (
	"encoding/binary"
	"errors"
)

type article struct {
	key       int32
	timestamp int64
	text      string
}

type comment struct {
	key       int32
	timestamp int64
	text      string
	articleID int32
}

// augmentedArticle is an article with the number of its comments.
type augmentedArticle struct {
	article
	comments int64
}

// augmentedComment is a comment with the beginning of its article.
type augmentedComment struct {
	comment
	prefix string
}

func (a *article) fields(f *form) { f.int32(&a.key); f.int64(&a.timestamp); f.text(&a.text) }

func (c *comment) fields(f *form) {
	f.int32(&c.key)
	f.int64(&c.timestamp)
	f.text(&c.text)
	f.int32(&c.articleID)
}

func (a *augmentedArticle) fields(f *form) { a.article.fields(f); f.int64(&a.comments) }

func (c *augmentedComment) fields(f *form) { c.comment.fields(f); f.text(&c.prefix) }

var errLength = errors.New("the bytes are too few, or too many")

// form is the bytes of a value on their way in or out: numbers are big endian,
// a text has its length before it.
type form struct {
	reads bool
	b     []byte // what is left to read, or what is written
	err   error
}

// take returns the next n bytes.
func (f *form) take(n int) []byte {
	if n < 0 || n > len(f.b) {
		f.err = errLength
	}
	if f.err != nil {
		return nil
	}
	part := f.b[:n]
	f.b = f.b[n:]
	return part
}

func (f *form) int32(v *int32) {
	if !f.reads {
		f.b = binary.BigEndian.AppendUint32(f.b, uint32(*v))
	} else if part := f.take(4); part != nil {
		*v = int32(binary.BigEndian.Uint32(part))
	}
}

func (f *form) int64(v *int64) {
	if !f.reads {
		f.b = binary.BigEndian.AppendUint64(f.b, uint64(*v))
	} else if part := f.take(8); part != nil {
		*v = int64(binary.BigEndian.Uint64(part))
	}
}

func (f *form) text(v *string) {
	n := int32(len(*v))
	f.int32(&n)
	if !f.reads {
		f.b = append(f.b, *v...)
	} else {
		*v = string(f.take(int(n)))
	}
}

// layout is the serde of a value that tells its fields to a form.
type layout[T any] struct{ fields func(*T, *form) }

func (l layout[T]) AppendTo(dst []byte, v *T) ([]byte, error) {
	f := form{b: dst}
	l.fields(v, &f)
	return f.b, nil
}

func (l layout[T]) Decode(src []byte) (*T, error) {
	f := form{reads: true, b: src}
	v := new(T)
	l.fields(v, &f)
	if f.err == nil && len(f.b) > 0 {
		f.err = errLength
	}
	if f.err != nil {
		return nil, f.err
	}
	return v, nil
}
