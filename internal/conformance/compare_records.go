package conformance

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// compareRecords compares two lists of records in order. Of an event and a
// list only the first difference is reported, the rest follows from it too
// often.
func (res *Result) compareRecords(level Level, event int, what string, want []ExpectedRecord, got []Record) {
	for i := range max(len(want), len(got)) {
		field := fmt.Sprintf("%s %d", what, i)
		switch {
		case i >= len(got):
			res.differ(level, event, field, want[i].text(), "none")
			return
		case i >= len(want):
			res.differ(level, event, field, "none", got[i].text())
			return
		}
		if part := want[i].differs(&got[i]); part != "" {
			res.differ(level, event, field+" "+part, want[i].text(), got[i].text())
			return
		}
	}
}

// differs names the first part in which a record is not the expected one, and
// is empty if there is none. The decoded forms say the same as the bytes, and
// n, the position over all topics, is not compared: nobody can observe it.
func (want *ExpectedRecord) differs(got *Record) string {
	switch {
	case want.Topic != got.Topic:
		return "topic"
	case !sameBytes(want.Key, got.Key):
		return "key"
	case !sameBytes(want.Value, got.Value):
		return "value"
	case want.Time != nil && *want.Time != got.Time:
		// The driver does not tell the timestamps of buffers.
		return "ts"
	case !sameHeaders(want.Headers, got.Headers):
		return "headers"
	}
	return ""
}

// sameBytes compares keys or values: null is not the same as no bytes.
func sameBytes(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }

// sameHeaders compares headers in order. An expected value that says
// something about Java only matches any value.
func sameHeaders(want, got []Header) bool {
	return slices.EqualFunc(want, got, func(w, g Header) bool {
		return w.Name == g.Name && (w.Any || sameBytes(w.Value, g.Value))
	})
}

// topicsOf is the sorted names of the topics of both lists.
func topicsOf(want []ExpectedRecord, got []Record) []string {
	var topics []string
	for _, r := range want {
		topics = append(topics, r.Topic)
	}
	for _, r := range got {
		topics = append(topics, r.Topic)
	}
	slices.Sort(topics)
	return slices.Compact(topics)
}

func (want *ExpectedRecord) topic() string { return want.Topic }
func (r *Record) topic() string            { return r.Topic }

// ofTopic is the records of one topic.
func ofTopic[R any, P interface {
	*R
	topic() string
}](records []R, topic string) []R {
	var of []R
	for i := range records {
		if P(&records[i]).topic() == topic {
			of = append(of, records[i])
		}
	}
	return of
}

func (want *ExpectedRecord) text() string {
	ts := "?"
	if want.Time != nil {
		ts = strconv.FormatInt(*want.Time, 10)
	}
	return recordText(want.Topic, want.Key, want.Value, ts, want.Headers)
}

func (r *Record) text() string {
	return recordText(r.Topic, r.Key, r.Value, strconv.FormatInt(r.Time, 10), r.Headers)
}

func recordText(topic string, key, value []byte, ts string, headers []Header) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s=%s @%s", topic, bytesText(key), bytesText(value), ts)
	for _, h := range headers {
		fmt.Fprintf(&b, " %s:%s", h.Name, bytesText(h.Value))
	}
	return b.String()
}

// bytesText shows bytes as text where they are, else in hexadecimal.
func bytesText(b []byte) string {
	if b == nil {
		return "null"
	}
	if utf8.Valid(b) && !bytes.ContainsFunc(b, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(string(b))
	}
	return fmt.Sprintf("0x%x", b)
}
