// Package deadletter reads the dead letter topic of an application and sends
// what lies in it back to where it came from.
//
// There are two types: a [Letter] is a record that was left out, and a [Box] the
// topic that they lie in. A Box belongs to one goroutine.
package deadletter

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// prefix is what the names of the headers begin with that tell of the error
// (KIP-1034).
const prefix = "__streams.errors."

// Letter is a record of the dead letter topic.
type Letter struct {
	*kgo.Record
	// Where the record came from. Topic is empty if the letter does not tell.
	Topic     string
	Partition int32
	Offset    int64
	Time      time.Time // of the record, which is not the letter's if that was far ahead

	Exception, Message, Stack string
}

func newLetter(r *kgo.Record) Letter {
	l := Letter{Record: r, Partition: -1, Offset: -1, Time: r.Timestamp}
	for _, h := range r.Headers {
		name, ok := strings.CutPrefix(h.Key, prefix)
		if !ok {
			continue
		}
		text := string(h.Value)
		switch name {
		case "topic":
			l.Topic = text
		case "partition":
			if n, err := strconv.ParseInt(text, 10, 32); err == nil {
				l.Partition = int32(n)
			}
		case "offset":
			if n, err := strconv.ParseInt(text, 10, 64); err == nil {
				l.Offset = n
			}
		case "timestamp":
			if n, err := strconv.ParseInt(text, 10, 64); err == nil {
				l.Time = time.UnixMilli(n)
			}
		case "exception":
			l.Exception = text
		case "message":
			l.Message = text
		case "stacktrace":
			l.Stack = text
		}
	}
	return l
}

// Source names the record that failed.
func (l Letter) Source() string {
	if l.Topic == "" {
		return "(unknown)"
	}
	return fmt.Sprintf("%s partition %d offset %d", l.Topic, l.Partition, l.Offset)
}

// original is the record as it was before it failed.
func (l Letter) original() (*kgo.Record, error) {
	if l.Topic == "" || l.Partition < 0 {
		return nil, fmt.Errorf("dead letter at partition %d offset %d does not tell where it came from", l.Record.Partition, l.Record.Offset)
	}
	r := &kgo.Record{Topic: l.Topic, Partition: l.Partition, Key: l.Key, Value: l.Value, Timestamp: l.Time}
	for _, h := range l.Headers {
		if !strings.HasPrefix(h.Key, prefix) {
			r.Headers = append(r.Headers, h)
		}
	}
	return r, nil
}
