package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/stream/streamtest"
)

// The topology by itself, with events as Debezium writes them.
func TestView(t *testing.T) {
	top, err := view()
	if err != nil {
		t.Fatal(err)
	}
	d := streamtest.New(t, top)
	send := func(topic, key, value string) {
		t.Helper()
		var v []byte
		if value != "" {
			v = []byte(value)
		}
		if err := d.SendBytes(topic, []byte(key), v, time.UnixMilli(1)); err != nil {
			t.Fatal(err)
		}
	}
	check := func(key int64, want string) {
		t.Helper()
		v, ok, err := orderView.In(d).Get(id{key})
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(v.Item, " ", v.Amount, " ", v.Customer); ok && got != want || !ok && want != "" {
			t.Errorf("order %d is %q %v, want %q", key, got, ok, want)
		}
	}
	ada := `{"id":1,"name":"Ada","email":null,"created":"2026-01-01T00:00:00Z"}`
	countess := `{"id":1,"name":"Countess Ada","email":"ada@example.org","created":"2026-01-01T00:00:00Z"}`
	tea := `{"id":7,"customer_id":1,"item":"tea","amount":"4.50","placed":"2026-01-01T00:00:00Z"}`
	send("shop.public.orders", `{"id":7}`, `{"before":null,"after":`+tea+`,"op":"r"}`)
	check(7, "")
	send("shop.public.customers", `{"id":1}`, `{"before":null,"after":`+ada+`,"op":"c"}`)
	check(7, "tea 4.50 Ada")
	send("shop.public.customers", `{"id":1}`, `{"before":`+ada+`,"after":`+countess+`,"op":"u"}`)
	check(7, "tea 4.50 Countess Ada")
	send("shop.public.orders", `{"id":7}`, `{"before":{"id":7,"customer_id":0,"item":"","amount":"0"},"after":null,"op":"d"}`)
	send("shop.public.orders", `{"id":7}`, "")
	check(7, "")
}

func TestParseID(t *testing.T) {
	if k, err := parseID("12"); err != nil || k.ID != 12 {
		t.Errorf("%v %v", k, err)
	}
	if _, err := parseID("x"); err == nil {
		t.Error("x is an id")
	}
}
