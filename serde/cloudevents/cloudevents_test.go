package cloudevents

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/serde"
)

type order struct {
	ID int64 `json:"id"`
}

func sample() Event[order] {
	return Event[order]{
		ID: "1", Source: "/shop", Type: "com.example.order", Subject: "o/7", Time: time.Date(2024, 5, 6, 7, 8, 9, 500_000_000, time.UTC),
		DataContentType: "application/json", DataSchema: "https://example.com/order", Extensions: map[string]string{"traceid": "ü1", "a": "b"},
		Data: order{7},
	}
}

const sampleJSON = `{"specversion":"1.0","id":"1","source":"/shop","type":"com.example.order","subject":"o/7","time":"2024-05-06T07:08:09.5Z",` +
	`"dataschema":"https://example.com/order","a":"b","traceid":"ü1","datacontenttype":"application/json","data":{"id":7}}`

func aware[T any](s serde.Serde[Event[T]]) serde.HeaderAware[Event[T]] {
	return s.(serde.HeaderAware[Event[T]])
}

func headers(h serde.Headers) string {
	var all []string
	for _, e := range h {
		all = append(all, e.Key+"="+string(e.Value))
	}
	return strings.Join(all, " ")
}

func TestStructured(t *testing.T) {
	s := aware(Structured(serde.JSON[order](), "application/json"))
	h := serde.Headers{{Key: "ce_id", Value: []byte("stale")}, {Key: "trace", Value: []byte("x")}, {Key: "content-type", Value: []byte("text/plain")}}
	given := slices.Clone(h)
	b, err := s.AppendRecord([]byte("x"), sample(), &h)
	if err != nil || string(b) != "x"+sampleJSON {
		t.Errorf("%s, %v", b, err)
	}
	if got, want := headers(h), "trace=x content-type=application/cloudevents+json; charset=UTF-8"; got != want {
		t.Errorf("headers %s, want %s", got, want)
	}
	if headers(given) != "ce_id=stale trace=x content-type=text/plain" {
		t.Errorf("headers of someone else changed: %s", headers(given))
	}
	for _, decode := range []func() (Event[order], error){
		func() (Event[order], error) { return s.DecodeRecord(b[1:], h) },
		func() (Event[order], error) { return s.Decode(b[1:]) },
		func() (Event[order], error) {
			return aware(Binary(serde.JSON[order](), "")).DecodeRecord(b[1:], serde.Headers{{Key: "content-type", Value: []byte("Application/CloudEvents+JSON")}})
		},
	} {
		if got, err := decode(); err != nil || !reflect.DeepEqual(got, sample()) {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

func TestBinary(t *testing.T) {
	s := aware(Binary(serde.JSON[order](), "application/json"))
	var h serde.Headers
	b, err := s.AppendRecord(nil, sample(), &h)
	if err != nil || string(b) != `{"id":7}` {
		t.Errorf("%s, %v", b, err)
	}
	want := "ce_specversion=1.0 ce_id=1 ce_source=/shop ce_type=com.example.order ce_subject=o/7 ce_time=2024-05-06T07:08:09.5Z " +
		"ce_dataschema=https://example.com/order ce_a=b ce_traceid=ü1 content-type=application/json"
	if headers(h) != want {
		t.Errorf("headers\n%s, want\n%s", headers(h), want)
	}
	for _, s := range []serde.Serde[Event[order]]{s, Structured(serde.JSON[order](), "")} {
		if got, err := aware(s).DecodeRecord(b, h); err != nil || !reflect.DeepEqual(got, sample()) {
			t.Errorf("%+v, %v", got, err)
		}
	}
	// A store has no headers.
	if b, err := s.AppendTo(nil, sample()); err != nil || string(b) != sampleJSON {
		t.Errorf("%s, %v", b, err)
	}
}

func TestDefaultContentType(t *testing.T) {
	e := Event[string]{ID: "1", Source: "s", Type: "t", Data: "a\xffb"}
	s := aware(Binary(serde.String, "text/plain"))
	var h serde.Headers
	if _, err := s.AppendRecord(nil, e, &h); err != nil || !strings.Contains(headers(h), "content-type=text/plain") {
		t.Errorf("%s, %v", headers(h), err)
	}
	b, err := s.AppendTo(nil, e)
	if err != nil || !strings.HasSuffix(string(b), `"datacontenttype":"text/plain","data_base64":"Yf9i"}`) {
		t.Errorf("%s, %v", b, err)
	}
	got, err := s.Decode(b)
	if e.DataContentType = "text/plain"; err != nil || !reflect.DeepEqual(got, e) {
		t.Errorf("%+v, %v", got, err)
	}
	// Other programs write texts as they are.
	got, err = s.Decode([]byte(`{"specversion":"1.0","id":"1","source":"s","type":"t","datacontenttype":"text/plain","data":"a\nb"}`))
	if err != nil || got.Data != "a\nb" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestNoData(t *testing.T) {
	s := aware(Binary(serde.JSON[order](), "application/json"))
	e := Event[order]{ID: "1", Source: "s", Type: "t", NoData: true}
	var h serde.Headers
	b, err := s.AppendRecord(nil, e, &h)
	if err != nil || len(b) != 0 || strings.Contains(headers(h), "content-type") {
		t.Errorf("%s, %s, %v", b, headers(h), err)
	}
	if got, err := s.DecodeRecord(b, h); err != nil || !reflect.DeepEqual(got, e) {
		t.Errorf("%+v, %v", got, err)
	}
	if b, err = s.AppendTo(nil, e); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Decode(b); err != nil || !reflect.DeepEqual(got, e) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestExtensionsOfOtherTypes(t *testing.T) {
	s := Structured(serde.JSON[order](), "")
	e, err := s.Decode([]byte(`{"specversion":"1.0","id":"1","source":"s","type":"t","n":-5,"b":true,"u":null,"subject":null,"data":null}`))
	if want := map[string]string{"n": "-5", "b": "true"}; err != nil || !maps.Equal(e.Extensions, want) || !e.NoData {
		t.Errorf("%+v, %v", e, err)
	}
}

func TestBadEvents(t *testing.T) {
	s := aware(Structured(serde.JSON[order](), ""))
	const head = `{"specversion":"1.0","id":"1","source":"s","type":"t"`
	for text, want := range map[string]error{
		``: errJSON, `[]`: errJSON, `null`: errJSON, `{"id":"1","id":"1"}`: errJSON, head: errJSON, head + `} x`: errJSON,
		`{}`:                                  ErrNotEvent,
		`{"specversion":"0.3","id":"s3cret"}`: errVersion,
		`{"specversion":"1.0","id":"s3cret"}`: nil,
		head + `,"time":"s3cret"}`:            errTime,
		head + `,"s3cret!":"x"}`:              errName,
		head + `,"x":{"a":"s3cret"}}`:         errAttribute,
		head + `,"x":1.5}`:                    errAttribute,
		head + `,"x":"\u0001"}`:               errText,
		head + `,"data":1,"data_base64":""}`:  errBothData,
		head + `,"data_base64":"s3cret"}`:     errBase64,
		head + `,"data_base64":7}`:            errBase64,
		head + `,"data":"s3cret"}`:            nil,
	} {
		_, err := s.Decode([]byte(text))
		if err == nil || want != nil && !errors.Is(err, want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v, want %v", text, err, want)
		}
	}
	for _, tt := range []struct {
		name, headers string
		want          error
	}{
		{"none", "a=b", ErrNotEvent},
		{"avro", "content-type=application/cloudevents+avro", nil},
		{"batch", "content-type=application/cloudevents-batch+json", nil},
		{"no id", "ce_specversion=1.0 ce_source=s ce_type=t", nil},
		{"version", "ce_specversion=2.0 ce_id=1 ce_source=s ce_type=t", errVersion},
		{"text", "ce_specversion=1.0 ce_id=\xff ce_source=s ce_type=t", errText},
		{"name", "ce_specversion=1.0 ce_id=1 ce_source=s ce_type=t ce_A=x", errName},
		{"reserved", "ce_specversion=1.0 ce_id=1 ce_source=s ce_type=t ce_data=x", errName},
	} {
		var h serde.Headers
		for _, f := range strings.Fields(tt.headers) {
			k, v, _ := strings.Cut(f, "=")
			h.Add(k, []byte(v))
		}
		if _, err := s.DecodeRecord([]byte(`{"id":1}`), h); err == nil || tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestBadToWrite(t *testing.T) {
	s := aware(Binary(serde.String, "application/json"))
	ok := Event[string]{ID: "1", Source: "s", Type: "t", Data: `"x"`}
	for name, change := range map[string]func(*Event[string]){
		"no id":        func(e *Event[string]) { e.ID = "" },
		"name":         func(e *Event[string]) { e.Extensions = map[string]string{"A": "x"} },
		"reserved":     func(e *Event[string]) { e.Extensions = map[string]string{"id": "x"} },
		"year":         func(e *Event[string]) { e.Time = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"text":         func(e *Event[string]) { e.Subject = "\x00" },
		"content type": func(e *Event[string]) { e.DataContentType = "\x00" },
	} {
		e := ok
		change(&e)
		h := serde.Headers{{Key: "a"}}
		if b, err := s.AppendRecord([]byte("x"), e, &h); err == nil || string(b) != "x" || len(h) != 1 {
			t.Errorf("%s: %q, %v, %v", name, b, h, err)
		}
	}
	e := ok
	e.Data = "{"
	if b, err := s.AppendTo([]byte("x"), e); !errors.Is(err, errData) || string(b) != "x" {
		t.Errorf("data: %q, %v", b, err)
	}
}

func TestMistakes(t *testing.T) {
	for name, s := range map[string]serde.Serde[Event[string]]{
		"nil":  Binary[string](nil, ""),
		"key":  serde.Bind(Binary(serde.String, ""), "events", true),
		"type": Structured(serde.String, "\x00"),
	} {
		if s.(serde.Checker).Err() == nil {
			t.Errorf("%s: Err is nil", name)
		}
		if _, err := s.AppendTo(nil, Event[string]{}); err == nil {
			t.Errorf("%s: AppendTo: no error", name)
		}
		if _, err := aware(s).DecodeRecord(nil, nil); err == nil {
			t.Errorf("%s: DecodeRecord: no error", name)
		}
	}
	inner := Binary[func()](serde.JSON[func()](), "")
	if inner.(serde.Checker).Err() == nil {
		t.Error("inner: Err is nil")
	}
	if s := serde.Bind(Binary(serde.String, ""), "events", false); s.(serde.Checker).Err() != nil || serde.Copies(s) != serde.Copies(serde.String) {
		t.Error("bound")
	}
}

func FuzzDecode(f *testing.F) {
	s := aware(Structured(serde.Bytes, "application/octet-stream"))
	f.Add([]byte(sampleJSON), "ce_specversion", []byte("1.0"))
	f.Add([]byte(`{"specversion":"1.0","id":"1","source":"s","type":"t","data_base64":"Yf9i"}`), "content-type", []byte("application/cloudevents+json"))
	f.Fuzz(func(t *testing.T, b []byte, k string, v []byte) {
		full := serde.Headers{{Key: "ce_specversion", Value: []byte("1.0")}, {Key: "ce_id", Value: v}, {Key: "ce_source", Value: v}, {Key: "ce_type", Value: v}, {Key: k, Value: v}}
		for _, h := range []serde.Headers{nil, full, {{Key: "content-type", Value: []byte(structuredType)}}} {
			e, err := s.DecodeRecord(b, h)
			if err != nil {
				continue
			}
			e.DataContentType = "application/octet-stream"
			again, err := s.AppendTo(nil, e)
			if err != nil {
				t.Fatalf("%+v can't be written: %v", e, err)
			}
			got, err := s.Decode(again)
			if err != nil || got.ID != e.ID || string(got.Data) != string(e.Data) || !maps.Equal(got.Extensions, e.Extensions) || !got.Time.Equal(e.Time) {
				t.Fatalf("%+v became %+v, %v", e, got, err)
			}
		}
	})
}

func BenchmarkCloudEvents(b *testing.B) {
	s := aware(Binary(serde.String, "text/plain"))
	e := Event[string]{ID: "1", Source: "/shop", Type: "com.example.order", Data: "hello"}
	var h serde.Headers
	data, err := s.AppendRecord(nil, e, &h)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("encode-binary", func(b *testing.B) {
		b.ReportAllocs()
		buf := make([]byte, 0, 100)
		for b.Loop() {
			var h serde.Headers
			buf, _ = s.AppendRecord(buf[:0], e, &h)
		}
	})
	b.Run("decode-binary", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = s.DecodeRecord(data, h)
		}
	})
}
