package stream

import (
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// letter is a dead letter of the record at an offset of topic in.
func letter(offset, value string) *kgo.Record {
	header := func(name, value string) kgo.RecordHeader {
		return kgo.RecordHeader{Key: name, Value: []byte(value)}
	}
	return &kgo.Record{
		Topic: "dead", Key: []byte("k\x00"), Value: []byte(value), Timestamp: time.UnixMilli(1000),
		Headers: []kgo.RecordHeader{
			header("own", "h"), header("__streams.errors.topic", "in"), header("__streams.errors.partition", "1"),
			header("__streams.errors.offset", offset), header("__streams.errors.message", "amount:\x1b[2J none"),
		},
	}
}

func TestMainDeadLetters(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "in"), kfake.SeedTopics(1, "dead"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.ConsumeTopics("in"))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	produce := func(letters ...*kgo.Record) {
		t.Helper()
		if err := cl.ProduceSync(t.Context(), letters...).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	dlq := func(want int, args ...string) (out, errs string) {
		t.Helper()
		code, out, errs := call(t, nil, append(append([]string{"dlq"}, args...), "-brokers", strings.Join(c.ListenAddrs(), ","), "-topic", "dead")...)
		if code != want {
			t.Fatalf("dlq %v: code %d, %s", args, code, errs)
		}
		return out, errs
	}
	if out, _ := dlq(exitDone, "list"); strings.Count(out, "\n") != 1 {
		t.Errorf("an empty topic has\n%s", out)
	}
	// A record that was too far ahead for its letter.
	ahead := letter("8", "second")
	ahead.Timestamp = time.UnixMilli(5)
	ahead.Headers = append(ahead.Headers, kgo.RecordHeader{Key: "__streams.errors.timestamp", Value: []byte("1000")})
	produce(letter("7", "first"), ahead)
	out, _ := dlq(exitDone, "list")
	if want := "0          1       1970-01-01T00:00:01Z  in partition 1 offset 8  amount:\ufffd[2J none\n"; !strings.HasSuffix(out, want) || strings.Count(out, "\n") != 3 {
		t.Errorf("list has\n%swant at its end\n%s", out, want)
	}
	out, _ = dlq(exitDone, "show", "-partition", "0", "-offset", "1")
	for _, want := range []string{"from       in partition 1 offset 8\n", "header     own = \"h\"\n", "00000000  6b 00", "value      second\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("show lacks %q:\n%s", want, out)
		}
	}
	if _, errs := dlq(exitFailed, "show", "-partition", "0", "-offset", "2"); !strings.Contains(errs, "no record at partition 0 offset 2") {
		t.Errorf("a letter that is not there: %s", errs)
	}
	if _, errs := dlq(exitMisused, "show", "-partition", "0"); !strings.Contains(errs, "-offset") {
		t.Errorf("half a place: %s", errs)
	}
	if out, _ := dlq(exitDone, "replay"); !strings.Contains(out, "offset 7") || !strings.Contains(out, "nothing was sent") {
		t.Errorf("replay without -execute:\n%s", out)
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"replay", "-execute"}, "sent 2 dead letters"},
		{[]string{"replay", "-execute"}, "sent 0 dead letters"},
		{[]string{"replay", "-execute", "-partition", "0", "-offset", "0"}, "sent 1 dead letters"},
	} {
		if out, _ := dlq(exitDone, tt.args...); !strings.Contains(out, tt.want) {
			t.Errorf("%v: %s, want %s", tt.args, out, tt.want)
		}
	}
	for _, want := range []string{"first", "second", "first"} {
		for r := range cl.PollRecords(t.Context(), 1).RecordsAll() {
			if string(r.Value) != want || string(r.Key) != "k\x00" || r.Partition != 1 || r.Timestamp.UnixMilli() != 1000 || len(r.Headers) != 1 {
				t.Errorf("sent back %+v, want %s as it was", r, want)
			}
		}
	}
	produce(&kgo.Record{Topic: "dead", Value: []byte("nobody's")})
	if _, errs := dlq(exitFailed, "replay", "-execute"); !strings.Contains(errs, "partition 0 offset 2 does not tell where it came from") {
		t.Errorf("a letter of nowhere: %s", errs)
	}
}

func TestMainNoDeadLetterTopic(t *testing.T) {
	if code, _, errs := call(t, nil, "dlq", "list"); code != exitMisused || !strings.Contains(errs, "-topic") {
		t.Errorf("code %d, %s", code, errs)
	}
	if code, _, errs := call(t, nil, "dlq"); code != exitMisused || !strings.Contains(errs, "dlq list") {
		t.Errorf("code %d, %s", code, errs)
	}
}
