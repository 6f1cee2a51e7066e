package debezium_test

import (
	"encoding/base64"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/serde/avro"
	"github.com/ottla-streams/ottla/serde/debezium"
	"github.com/ottla-streams/ottla/serde/registry"
)

type customer struct {
	ID    int64   `avro:"id"`
	Name  string  `avro:"name"`
	Email *string `avro:"email"`
}

// envelope is the schema as the connector's converter makes it, shortened.
const envelope = `{"type":"record","name":"Envelope","namespace":"shop.public.customers","fields":[
	{"name":"before","type":["null",{"type":"record","name":"Value","fields":[
		{"name":"id","type":"long"},{"name":"name","type":"string"},{"name":"email","type":["null","string"],"default":null}]}],"default":null},
	{"name":"after","type":["null","Value"],"default":null},
	{"name":"source","type":{"type":"record","name":"Source","namespace":"io.debezium.connector.postgresql","fields":[
		{"name":"version","type":"string"},{"name":"connector","type":"string"},{"name":"name","type":"string"},{"name":"ts_ms","type":"long"},
		{"name":"snapshot","type":[{"type":"string","connect.name":"io.debezium.data.Enum"},"null"],"default":"false"},
		{"name":"db","type":"string"},{"name":"sequence","type":["null","string"],"default":null},{"name":"ts_us","type":["null","long"],"default":null},
		{"name":"ts_ns","type":["null","long"],"default":null},{"name":"schema","type":"string"},{"name":"table","type":"string"},
		{"name":"txId","type":["null","long"],"default":null},{"name":"lsn","type":["null","long"],"default":null},
		{"name":"xmin","type":["null","long"],"default":null}]}},
	{"name":"transaction","type":["null",{"type":"record","name":"block","namespace":"event","fields":[
		{"name":"id","type":"string"},{"name":"total_order","type":"long"},{"name":"data_collection_order","type":"long"}]}],"default":null},
	{"name":"op","type":"string"},{"name":"ts_ms","type":["null","long"],"default":null},{"name":"ts_us","type":["null","long"],"default":null},
	{"name":"ts_ns","type":["null","long"],"default":null}]}`

func TestAvro(t *testing.T) {
	f := srfake.New()
	t.Cleanup(f.Close)
	f.SeedSchema("shop.public.customers-value", 1, 5, sr.Schema{Schema: envelope, Type: sr.TypeAvro})
	reg := registry.New(registry.Config{URLs: []string{f.URL()}, Wait: -1})
	t.Cleanup(reg.Close)

	// As the connector writes it.
	raw, err := serde.Bind(avro.Framed[map[string]any](reg.With(registry.UseLatest()), ""), "shop.public.customers", false).AppendTo(nil, map[string]any{
		"before": map[string]any{"id": int64(3), "name": "", "email": nil}, "op": "d", "ts_ms": int64(1700000000123),
		"source": map[string]any{
			"version": "3.7.0.Final", "connector": "postgresql", "name": "shop", "ts_ms": int64(1700000000100), "snapshot": "false", "db": "shop",
			"schema": "public", "table": "customers", "txId": int64(7),
		},
		"transaction": map[string]any{"id": "7:1", "total_order": int64(1), "data_collection_order": int64(2)},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := debezium.Of(avro.Framed[debezium.Envelope[customer]](reg.With(registry.UseLatest()), ""), debezium.KeyColumns("id"))
	if err := s.(serde.Checker).Err(); err != nil {
		t.Fatal(err)
	}
	s = serde.Bind(s, "shop.public.customers", false)
	c, err := s.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	if c.Op != debezium.Delete || !c.KeyOnly || *c.Before != (customer{ID: 3}) || c.After != nil || c.Source.Table != "customers" ||
		*c.Source.TxID != 7 || c.Time.UnixMilli() != 1700000000123 || c.Source.Time.UnixMilli() != 1700000000100 || c.Source.Snapshot != "false" ||
		c.Transaction.DataCollectionOrder != 2 {
		t.Errorf("%+v", c)
	}
	h := s.(serde.HeaderAware[*debezium.Change[customer]])
	if got, err := h.DecodeRecord(raw, nil); err != nil || !reflect.DeepEqual(got, c) {
		t.Errorf("%+v, %v", got, err)
	}
}

// Plain Avro, in a schema of one's own, can be written as well.
func TestAvroRoundTrip(t *testing.T) {
	type row = customer
	s := debezium.Of(avro.Plain[debezium.Envelope[row]](envelope), debezium.KeyColumns("id"))
	var h serde.Headers
	c := &debezium.Change[row]{Op: debezium.Create, After: &row{ID: 7}}
	b, err := s.(serde.HeaderAware[*debezium.Change[row]]).AppendRecord(nil, c, &h)
	if err != nil {
		t.Fatal(err)
	}
	c.Source.More = map[string]any{"xmin": nil} // that the schema has it is told
	if got, err := s.Decode(b); err != nil || !reflect.DeepEqual(got, c) {
		t.Errorf("%+v, %v", got, err)
	}
	for name, bad := range map[string]serde.Serde[*debezium.Change[row]]{
		"nil": debezium.Of[row](nil), "inner": debezium.Of(avro.Plain[debezium.Envelope[row]]("{")),
	} {
		if bad.(serde.Checker).Err() == nil {
			t.Errorf("%s: Err is nil", name)
		}
		if _, err := bad.Decode(b); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if b, err := s.AppendTo([]byte("x"), nil); err == nil || string(b) != "x" {
		t.Errorf("tombstone: %q, %v", b, err)
	}
}

type avroOrder struct {
	ID       int64  `avro:"id"`
	Customer int64  `avro:"customer_id"`
	Item     string `avro:"item"`
	Amount   string `avro:"amount"`
	Placed   string `avro:"placed"`
}

// Records that Debezium 3.7 wrote with the converter of Apicurio 2.6.
func TestAvroOfConnector(t *testing.T) {
	f := srfake.New()
	t.Cleanup(f.Close)
	reg := registry.New(registry.Config{URLs: []string{f.URL()}, Wait: -1})
	t.Cleanup(reg.Close)
	changes := debezium.Of(avro.Framed[debezium.Envelope[avroOrder]](reg.With(registry.UseLatest()), ""), debezium.KeyColumns("id"))
	type key struct {
		ID int64 `avro:"id"`
	}
	keys := avro.Framed[key](reg.With(registry.UseLatest()), "")
	written := debezium.Of(avro.Framed[debezium.Envelope[avroOrder]](reg.With(registry.UseID(16)), ""))

	text, err := os.ReadFile("testdata/avro.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(string(text)) {
		c := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if c[0] == "schema" {
			id, err := strconv.Atoi(c[1])
			if err != nil {
				t.Fatal(err)
			}
			f.SeedSchema("s"+c[1], 1, id, sr.Schema{Schema: c[2], Type: sr.TypeAvro})
		}
		if c[0] != "av.public.orders" {
			continue
		}
		k, v := unbase(t, c[1]), unbase(t, c[2])
		id, err := keys.Decode(k)
		if err != nil {
			t.Fatal(err)
		}
		word := fmt.Sprint(id.ID)
		if len(v) > 0 {
			change, err := changes.Decode(v)
			if err != nil {
				t.Fatal(err)
			}
			if again, err := written.AppendTo(nil, change); err != nil || string(again) != string(v) {
				t.Errorf("written as\n%x %v, was\n%x", again, err, v)
			}
			word += " " + change.Operation().String()
			if row, ok := change.Row(); ok {
				word += " " + row.Item + " " + row.Amount
			}
			if change.KeyOnly {
				word += " key only"
			}
			if change.Source.Table != "orders" || change.Source.TxID == nil || change.Time.IsZero() || change.Source.Snapshot == "" {
				t.Errorf("%+v", change)
			}
		}
		got = append(got, word)
	}
	want := []string{"1 read keyboard 49.90", "1 update keyboard 11.00", "2 read screen 189.00", "2 delete key only", "2"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func unbase(t *testing.T, s string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Whatever comes instead of an envelope is an error or a change, never a crash.
func FuzzAvro(f *testing.F) {
	s := debezium.Of(avro.Plain[debezium.Envelope[customer]](envelope), debezium.KeyColumns("id"))
	h := s.(serde.HeaderAware[*debezium.Change[customer]])
	for _, c := range []*debezium.Change[customer]{
		{Op: debezium.Create, After: &customer{ID: 7, Name: "Ada"}},
		{Op: debezium.Delete, Before: &customer{ID: 7}},
	} {
		var headers serde.Headers
		b, err := h.AppendRecord(nil, c, &headers)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := s.Decode(b)
		if err == nil && c != nil && c.After == nil && (c.Op == debezium.Create || c.Op == debezium.Update) {
			t.Errorf("a row that is not there: %+v", c)
		}
	})
}
