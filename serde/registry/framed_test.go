package registry

import (
	"bytes"
	"errors"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/ottla-streams/ottla/serde"
)

func TestFramedRoundTrip(t *testing.T) {
	f := newFake(t)
	s := serde.Bind(Framed(f.connect(t), upper()), "orders", false)
	got := mustAppend(t, s, "abc")
	if want := []byte("\x00\x00\x00\x00\x01abc"); !bytes.Equal(got, want) {
		t.Errorf("bytes %x, want %x", got, want)
	}
	if v := mustDecode(t, s, got); v != text+" abc" {
		t.Errorf("value %q", v)
	}
	if !f.SubjectExists("orders-value") {
		t.Error("the schema isn't registered under orders-value")
	}
	if !serde.Copies(s) {
		t.Error("Copies is lost")
	}
}

func TestSubjects(t *testing.T) {
	tests := []struct {
		s    Strategy
		key  bool
		want string
	}{
		{TopicName, false, "orders-value"},
		{TopicName, true, "orders-key"},
		{RecordName, true, "com.example.Upper"},
		{TopicRecordName, false, "orders-com.example.Upper"},
	}
	for _, tt := range tests {
		f := newFake(t)
		s := Framed(f.connect(t).With(Subjects(tt.s)), upper())
		mustAppend(t, serde.Bind(s, "orders", tt.key), "a")
		if !f.SubjectExists(tt.want) {
			t.Errorf("strategy %d, key %v: no subject %s", tt.s, tt.key, tt.want)
		}
	}
}

func TestUnboundSubjects(t *testing.T) {
	f := newFake(t)
	r := f.connect(t)
	_, err := Framed(r, upper()).AppendTo(nil, "a")
	if !errors.Is(err, errNoTopic) {
		t.Errorf("unbound: %v", err)
	}
	mustAppend(t, Framed(r.With(Subjects(RecordName)), upper()), "a")
	nameless := upper()
	nameless.Record = ""
	if _, err := Framed(r.With(Subjects(RecordName)), nameless).AppendTo(nil, "a"); !errors.Is(err, errNoRecord) {
		t.Errorf("no record name: %v", err)
	}
}

func TestModes(t *testing.T) {
	f := newFake(t)
	seed(f, "orders-value", 1, 7, `"string"`)
	seed(f, "orders-value", 2, 9, `"bytes"`)
	r := f.connect(t)
	noText := upper()
	noText.Definition.Text = ""
	tests := []struct {
		name string
		r    *Registry
		f    Format[string]
		id   byte
	}{
		{"latest", r.With(UseLatest()), noText, 9},
		{"fixed", r.With(UseID(7)), noText, 7},
		{"register", r, upper(), 10},
		{"lookup", r.With(LookupOnly()), upper(), 10},
	}
	for _, tt := range tests {
		s := serde.Bind(Framed(tt.r, tt.f), "orders", false)
		if b := mustAppend(t, s, "a"); b[4] != tt.id {
			t.Errorf("%s: id %d, want %d", tt.name, b[4], tt.id)
		}
	}
	if err := Framed(r, noText).(serde.Checker).Err(); err == nil {
		t.Error("no schema to register: Err is nil")
	}
}

func TestLookupOfMissing(t *testing.T) {
	f := newFake(t)
	s := serde.Bind(Framed(f.connect(t).With(LookupOnly()), upper()), "orders", false)
	b, err := s.AppendTo([]byte("x"), "a")
	if !errors.Is(err, ErrUnknown) || string(b) != "x" {
		t.Fatalf("error %v, bytes %q", err, b)
	}
	wantError(t, err, "orders-value", "register it first")
	if f.SubjectExists("orders-value") {
		t.Error("it was registered")
	}
}

func TestDecodeBadFrames(t *testing.T) {
	f := newFake(t)
	s := Framed(f.connect(t), upper())
	for _, b := range []string{"", "\x00", "\x00\x00\x00\x00", "\x01\x00\x00\x00\x01abc", "{\"a\":1}"} {
		if _, err := s.Decode([]byte(b)); !errors.Is(err, ErrFrame) {
			t.Errorf("%q: %v", b, err)
		}
	}
	if _, err := s.Decode([]byte("\xff\xff\xff\xff\xff")); !errors.Is(err, ErrFrame) {
		t.Errorf("no magic: %v", err)
	}
	if _, err := s.Decode([]byte("\x00\xff\xff\xff\xff")); !errors.Is(err, ErrUnknown) {
		t.Errorf("negative id: %v", err)
	}
	if n := f.asked.Load(); n != 0 {
		t.Errorf("%d requests, want none", n)
	}
}

func TestDecodeOtherType(t *testing.T) {
	f := newFake(t)
	f.SeedSchema("orders-value", 1, 3, sr.Schema{Schema: "{}", Type: sr.TypeJSON})
	_, err := Framed(f.connect(t), upper()).Decode([]byte("\x00\x00\x00\x00\x03a"))
	wantError(t, err, "upper: schema id 3", "JSON")
}

// A schema that can't be used is compiled once, not with every record.
func TestUnusableSchemaOnce(t *testing.T) {
	f := newFake(t)
	seed(f, "orders-value", 1, 3, text)
	format, compiled := upper(), 0
	format.Reader = func(*Schema) (DecodeFunc[string], error) {
		compiled++
		return nil, errors.New("unusable")
	}
	s := Framed(f.connect(t), format)
	for range 3 {
		_, err := s.Decode([]byte("\x00\x00\x00\x00\x03a"))
		wantError(t, err, "upper: schema id 3: unusable")
	}
	if compiled != 1 {
		t.Errorf("compiled %d times", compiled)
	}
}

func TestBrokenRegistry(t *testing.T) {
	for _, r := range []*Registry{nil, New(Config{URLs: []string{"http://%zz"}})} {
		s := Framed(r, upper())
		if s.(serde.Checker).Err() == nil {
			t.Error("Err is nil")
		}
		if _, err := s.AppendTo(nil, "a"); err == nil {
			t.Error("AppendTo: no error")
		}
		if _, err := s.Decode(nil); err == nil {
			t.Error("Decode: no error")
		}
	}
}

// Many tasks that start together ask for each schema once.
func TestConcurrentUse(t *testing.T) {
	f := newFake(t)
	seed(f, "a", 1, 1000, `"int"`)
	s := Framed(f.connect(t), upper())
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			b := serde.Bind(s, "orders", false)
			for range 50 {
				out, err := b.AppendTo(nil, "abc")
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := b.Decode(out); err != nil {
					t.Error(err)
				}
				if _, err := b.Decode([]byte("\x00\x00\x00\x03\xe8x")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := f.asked.Load(); n != 3 {
		t.Errorf("%d requests, want 3: one to write, two to read", n)
	}
}

func TestNoAllocations(t *testing.T) {
	f := newFake(t)
	seed(f, "a", 1, 1000, `"int"`)
	format := upper()
	format.Reader = func(*Schema) (DecodeFunc[string], error) {
		return func(_, _ []byte) (string, error) { return "", nil }, nil
	}
	s := serde.Bind(Framed(f.connect(t), format), "orders", false)
	first := mustAppend(t, s, "abc")
	other := []byte("\x00\x00\x00\x03\xe8x")
	buf := make([]byte, 0, 64)
	n := testing.AllocsPerRun(100, func() {
		for _, b := range [][]byte{first, other} {
			if _, err := s.Decode(b); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.AppendTo(buf, "abc"); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations with a warm cache", n)
	}
}
