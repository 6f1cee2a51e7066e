package debezium

import (
	"encoding/json/v2"
	"errors"
	"math/big"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/serde"
)

// event is one record that Debezium 3.7 wrote for PostgreSQL 15.
type event struct{ topic, key, value string }

func postgres(t testing.TB, topic string) []event {
	t.Helper()
	text, err := os.ReadFile("testdata/postgres.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var all []event
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if f[0] == topic {
			all = append(all, event{f[0], f[1], f[2]})
		}
	}
	if len(all) == 0 {
		t.Fatalf("no events of %s", topic)
	}
	return all
}

type order struct {
	ID       int64     `json:"id"`
	Customer int64     `json:"customer_id"`
	Item     string    `json:"item"`
	Amount   string    `json:"amount"`
	Placed   time.Time `json:"placed"`
}

// summary writes what matters of changes, one word each.
func summary[T any](t *testing.T, s serde.Serde[*Change[T]], events []event) []string {
	var all []string
	for _, e := range events {
		var c *Change[T]
		if e.value != "" {
			var err error
			if c, err = s.Decode([]byte(e.value)); err != nil {
				t.Fatalf("%s: %v", e.value, err)
			}
		}
		word := c.Operation().String()
		if c != nil && c.Before != nil {
			word += "+before"
			if c.KeyOnly {
				word += "(key)"
			}
		}
		if row, ok := c.Row(); ok != (row != nil) || ok != (c != nil && c.After != nil) {
			t.Errorf("row %v, %v", row, ok)
		}
		if c != nil && len(c.Unavailable) > 0 {
			word += "-" + strings.Join(c.Unavailable, ",")
		}
		all = append(all, word)
	}
	return all
}

func TestPostgres(t *testing.T) {
	type customer struct {
		ID    int64   `json:"id"`
		Name  string  `json:"name"`
		Email *string `json:"email"`
	}
	type row = map[string]any
	// Customers have replica identity FULL, the others the default one.
	customers := []string{"read", "read", "create", "update+before", "delete+before", "tombstone"}
	orders := []string{
		"read", "read", "update-item", "delete+before(key)", "tombstone", "create",
		"create", "update", "delete+before(key)", "tombstone",
	}
	wide := []string{"create", "update", "delete+before(key)", "tombstone", "create", "truncate"}
	same := func(what string, got, want []string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	same("customers", summary(t, JSON[customer](KeyColumns("id")), postgres(t, "shop.public.customers")), customers)
	same("customers as maps", summary(t, JSON[row](KeyColumns("id")), postgres(t, "shop.public.customers")), customers)
	same("orders", summary(t, JSON[order](KeyColumns("id")), postgres(t, "shop.public.orders")), orders)
	same("orders as maps", summary(t, JSON[row](KeyColumns("id")), postgres(t, "shop.public.orders")), orders)
	same("wide, with schemas", summary(t, JSON[row](KeyColumns("id")), postgres(t, "w.public.wide")), wide)
	same("messages", summary(t, JSON[row](), postgres(t, "shop.message")), []string{"message"})
	defs := []string{"create", "delete+before(key)", "tombstone"}
	same("defaults", summary(t, JSON[row](KeyColumns("id"), DefaultValue("s", "new"), DefaultValue("n", 42), DefaultValue("o", "opt")),
		postgres(t, "d.public.defs"))[:3], defs)
	same("defaults, with schemas", summary(t, JSON[row](KeyColumns("id")), postgres(t, "e.public.defs")), defs[1:2])
	// Without the names of the key there is no telling.
	if s := summary(t, JSON[order](), postgres(t, "shop.public.orders")); slices.Contains(s, "delete+before(key)") {
		t.Errorf("without key: %v", s)
	}
}

func TestChangeHasAll(t *testing.T) {
	e := postgres(t, "w.public.wide")[1]
	c, err := JSON[map[string]any](KeyColumns("id")).Decode([]byte(e.value))
	if err != nil {
		t.Fatal(err)
	}
	if c.Transaction == nil || *c.Transaction != (Transaction{"756:26724104", 1, 1}) {
		t.Errorf("transaction %+v", c.Transaction)
	}
	src := c.Source
	if src.Connector != "postgresql" || src.Version != "3.7.0.Final" || src.Name != "w" || src.DB != "shop" || src.Schema != "public" ||
		src.Table != "wide" || src.Snapshot != "false" || *src.TxID != 756 || *src.LSN != 26724104 || src.Sequence == "" {
		t.Errorf("source %+v", src)
	}
	if got := string(src.Rest); got != `{"xmin":null,"origin":null,"origin_lsn":null}` {
		t.Errorf("rest of the source %s", got)
	}
	if c.Time.Nanosecond() == 0 || !src.Time.Before(c.Time) || src.Time.Year() != 2026 {
		t.Errorf("times %v, %v", src.Time, c.Time)
	}
	if (*c.After)["n"] != 6.0 {
		t.Errorf("after %v", *c.After)
	}
	m, err := JSON[order]().Decode([]byte(postgres(t, "shop.message")[0].value))
	if err != nil || !strings.Contains(string(m.Rest), `"content":"Y29udGVudA=="`) {
		t.Errorf("message %+v, %v", m, err)
	}
}

func TestJSONRoundTrip(t *testing.T) {
	s := JSON[map[string]any](KeyColumns("id"))
	for _, topic := range []string{"shop.public.customers", "shop.public.orders", "w.public.wide", "shop.message"} {
		for _, e := range postgres(t, topic) {
			if e.value == "" {
				continue
			}
			c, err := s.Decode([]byte(e.value))
			if err != nil {
				t.Fatal(err)
			}
			b, err := s.AppendTo([]byte("x"), c)
			if err != nil {
				t.Fatal(err)
			}
			again, err := s.Decode(b[1:])
			if err != nil || !reflect.DeepEqual(again, c) {
				t.Errorf("%s became %s, %v", e.value, b, err)
			}
		}
	}
	if b, err := s.AppendTo([]byte("x"), nil); !errors.Is(err, errTombstone) || string(b) != "x" {
		t.Errorf("tombstone: %q, %v", b, err)
	}
	if c, err := s.Decode([]byte(`{"schema":null,"payload":null}`)); c != nil || err != nil {
		t.Errorf("tombstone with schema: %v, %v", c, err)
	}
}

func TestKey(t *testing.T) {
	type key struct {
		ID int64 `json:"id"`
	}
	s := Key[key]()
	for _, topic := range []string{"shop.public.orders", "w.public.wide"} {
		e := postgres(t, topic)[0]
		if k, err := s.Decode([]byte(e.key)); err != nil || k.ID != 1 {
			t.Errorf("%s: %v, %v", e.key, k, err)
		}
	}
	if b, err := s.AppendTo(nil, key{7}); err != nil || string(b) != `{"id":7}` {
		t.Errorf("%s, %v", b, err)
	}
	// Columns of these names are no schema.
	for _, text := range []string{`{"schema":"a","X":"b"}`, `{"schema":"a","payload":"b","X":"c"}`} {
		if _, err := Key[map[string]string]().Decode([]byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	if n, err := Key[int]().Decode([]byte("7")); n != 7 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	for _, text := range []string{"", "{", `{"schema":1}`, `{"schema":1,"payload":"s3cret"}`} {
		if _, err := s.Decode([]byte(text)); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: %v", text, err)
		}
	}
	if Key[func()]().(serde.Checker).Err() == nil {
		t.Error("func: Err is nil")
	}
}

func TestBadEvents(t *testing.T) {
	s := JSON[order](KeyColumns("id"))
	for text, want := range map[string]error{
		``: errJSON, `[]`: errJSON, `7`: errJSON, `{"op":7}`: errJSON, `{"op":"c","op":"c"}`: errJSON, `{"op":"c","ts_ms":"x"}`: errJSON,
		`{"schema":{}}`:                      errPayload,
		`{"id":1,"item":"s3cret"}`:           errNoOp,
		`{"status":"BEGIN"}`:                 errNoOp,
		`{"op":"s3cret"}`:                    errOp,
		`{"op":"x"}`:                         errOp,
		`{"op":"\u0000"}`:                    errOp,
		`{"op":"c","after":null}`:            errAfter,
		`{"op":"u"}`:                         errAfter,
		`{"op":"r","before":{}}`:             errAfter,
		`{"op":"d","before":[1]}`:            nil,
		`{"op":"c","after":{"id":"s3cret"}}`: nil,
	} {
		_, err := s.Decode([]byte(text))
		if err == nil || want != nil && !errors.Is(err, want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v, want %v", text, err, want)
		}
	}
	// Old versions said this of a snapshot, and some databases have no image.
	c, err := s.Decode([]byte(`{"op":"d","source":{"snapshot":true}}`))
	if err != nil || c.Source.Snapshot != "true" || c.Before != nil || c.KeyOnly || !c.Time.IsZero() {
		t.Errorf("%+v, %v", c, err)
	}
	if JSON[func()]().(serde.Checker).Err() == nil {
		t.Error("func: Err is nil")
	}
}

func TestPlaceholders(t *testing.T) {
	type row struct {
		ID  int64     `json:"id"`
		At  time.Time `json:"at"`
		Dec *big.Rat  `json:"dec"`
		B   []byte    `json:"b"`
		Any any       `json:"any"`
		No  string    `json:"-"`
	}
	r := newRows[row](options{key: []string{"id"}})
	for _, tt := range []struct {
		name string
		row  row
		want bool
	}{
		{"zero", row{ID: 1}, true},
		{"zeros", row{1, time.Unix(0, 0), new(big.Rat), []byte{0}, "0.00", ""}, true},
		{"time", row{ID: 1, At: time.Unix(1, 0)}, false},
		{"decimal", row{ID: 1, Dec: big.NewRat(1, 2)}, false},
		{"bytes", row{ID: 1, B: []byte{0, 0}}, false},
		{"any", row{ID: 1, Any: "0a"}, false},
		{"list", row{ID: 1, Any: []any{}}, true},
	} {
		c := &Change[row]{Op: Delete, Before: &tt.row}
		if r.mark(c, nil); c.KeyOnly != tt.want {
			t.Errorf("%s: %v", tt.name, c.KeyOnly)
		}
	}
	c := &Change[row]{Op: Update, After: &row{Any: unavailableBase64, B: []byte(unavailable)}}
	if r.mark(c, nil); !slices.Equal(c.Unavailable, []string{"any", "b"}) {
		t.Errorf("unavailable %v", c.Unavailable)
	}
}

func FuzzJSON(f *testing.F) {
	s := JSON[map[string]any](KeyColumns("id"))
	for _, e := range postgres(f, "shop.public.orders") {
		f.Add([]byte(e.value))
	}
	f.Add([]byte(`{"schema":{},"payload":{"op":"d","before":{"id":1,"d":"AA=="},"source":{"ts_ms":1,"x":2}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := s.Decode(b)
		if err != nil || c == nil {
			return
		}
		out, err := s.AppendTo(nil, c)
		if err != nil {
			t.Fatalf("%+v can't be written: %v", c, err)
		}
		again, err := s.Decode(out)
		if err != nil {
			t.Fatalf("%s can't be read: %v", out, err)
		}
		x, _ := json.Marshal(c.After, json.Deterministic(true))
		y, _ := json.Marshal(again.After, json.Deterministic(true))
		if again.Op != c.Op || string(x) != string(y) || again.KeyOnly != c.KeyOnly {
			t.Errorf("%s became %s", b, out)
		}
	})
}
