package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/stream/streamtest"
)

func TestRelational(t *testing.T) {
	top, err := relational()
	if err != nil {
		t.Fatal(err)
	}
	d := streamtest.New(t, top, streamtest.Partitions(3))
	at := time.UnixMilli(1000)
	first, second := &article{1, 5, "the first article"}, &article{2, 6, "short"}
	d.SendAt(inComments, 10, &comment{10, 7, "before its article", 1}, at)
	d.SendAt(inArticles, 1, first, at)
	d.SendAt(inArticles, 2, second, at)
	d.SendAt(inComments, 11, &comment{11, 8, "moves", 1}, at)
	d.SendAt(inComments, 11, &comment{11, 9, "moves", 2}, at)

	articles := make(map[int32]augmentedArticle)
	for _, r := range d.Read(outArticles) {
		articles[r.Key] = *r.Value
	}
	if len(articles) != 2 || articles[1] != (augmentedArticle{*first, 1}) || articles[2] != (augmentedArticle{*second, 1}) {
		t.Errorf("articles are %+v", articles)
	}
	comments := make(map[int32]augmentedComment)
	for _, r := range d.Read(outComments) {
		if r.NoValue {
			delete(comments, r.Key)
			continue
		}
		comments[r.Key] = *r.Value
	}
	if len(comments) != 2 || comments[10].prefix != "the first " || comments[11].prefix != "short" || comments[11].articleID != 2 {
		t.Errorf("comments are %+v", comments)
	}
}

// An article without comments has a number of them all the same.
func TestNoComments(t *testing.T) {
	top, err := relational()
	if err != nil {
		t.Fatal(err)
	}
	d := streamtest.New(t, top)
	d.SendAt(inArticles, 1, &article{1, 5, "alone"}, time.UnixMilli(1000))
	if got := d.Read(outArticles); len(got) != 1 || got[0].Value.comments != 0 {
		t.Errorf("articles are %+v", got)
	}
}

func TestLayout(t *testing.T) {
	v := &augmentedComment{comment{-2, 258, "hé", 7}, "abc"}
	want := []byte("\xff\xff\xff\xfe\x00\x00\x00\x00\x00\x00\x01\x02\x00\x00\x00\x03h\xc3\xa9\x00\x00\x00\x07\x00\x00\x00\x03abc")
	got, err := augmentedCommentValues.AppendTo(nil, v)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("bytes are %q, %v", got, err)
	}
	if back, err := augmentedCommentValues.Decode(got); err != nil || *back != *v {
		t.Errorf("value is %+v, %v", back, err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x01x\x00\x00\x00\x00\x00\x00\x00\x09"))
	f.Add([]byte("\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x05\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, src []byte) {
		v, err := augmentedArticleValues.Decode(src)
		if err != nil {
			return
		}
		if back, err := augmentedArticleValues.AppendTo(nil, v); err != nil || !bytes.Equal(back, src) {
			t.Errorf("%q becomes %q, %v", src, back, err)
		}
	})
}
