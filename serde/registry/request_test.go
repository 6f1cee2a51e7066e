package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/ottla-streams/ottla/serde"
)

func TestAwayForAWhile(t *testing.T) {
	f := newFake(t)
	seed(f, "a", 1, 1, text)
	var log bytes.Buffer
	r := f.connect(t, func(c *Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	f.away.Store(3)
	if _, err := r.ByID(background, 1); err != nil {
		t.Fatal(err)
	}
	if n := f.asked.Load(); n != 4 {
		t.Errorf("%d requests, want 4", n)
	}
	if s := log.String(); strings.Count(s, "\n") != 2 || !strings.Contains(s, "is away") || !strings.Contains(s, "is back") {
		t.Errorf("log %q", s)
	}
}

// What is cached needs no registry.
func TestAwayAfterwards(t *testing.T) {
	f := newFake(t)
	s := serde.Bind(Framed(f.connect(t, func(c *Config) { c.Wait = -1 }), upper()), "orders", false)
	b := mustAppend(t, s, "abc")
	mustDecode(t, s, b)
	f.away.Store(1 << 40)
	mustDecode(t, s, mustAppend(t, s, "abc"))
	_, err := s.Decode([]byte("\x00\x00\x00\x00\x63abc"))
	if e, ok := errors.AsType[*Error](err); !ok || !errors.Is(err, ErrUnavailable) || !e.Temporary() {
		t.Errorf("new id: %v", err)
	}
}

func TestNobodyThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	f := newFake(t)
	seed(f, "a", 1, 1, text)

	none := New(Config{URLs: []string{addr}, Wait: 300 * time.Millisecond, Logger: slog.New(slog.DiscardHandler)})
	start := time.Now()
	_, err = none.ByID(background, 1)
	if !errors.Is(err, ErrUnavailable) {
		t.Errorf("%v", err)
	}
	if d := time.Since(start); d < 150*time.Millisecond || d > 5*time.Second {
		t.Errorf("gave up after %v", d)
	}
	both := New(Config{URLs: []string{addr, f.URL()}, Wait: -1})
	if _, err := both.ByID(background, 1); err != nil {
		t.Errorf("the second address: %v", err)
	}
}

// An address that answers but can't serve must not hide one that can.
func TestOtherAddressAfterFailure(t *testing.T) {
	sick := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }))
	defer sick.Close()
	f := newFake(t)
	seed(f, "a", 1, 1, text)
	r := New(Config{URLs: []string{sick.URL, f.URL()}, Logger: slog.New(slog.DiscardHandler)})
	if _, err := r.ByID(background, 1); err != nil {
		t.Error(err)
	}
}

func TestBackoffAndClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		away := roundTrip(func(*http.Request) (*http.Response, error) {
			tries++
			return nil, errors.New("away")
		})
		r := New(Config{
			Client: []sr.ClientOpt{sr.HTTPClient(&http.Client{Transport: away})}, Wait: time.Minute, Logger: slog.New(slog.DiscardHandler),
		})
		start := time.Now()
		if _, err := r.ByID(background, 1); !errors.Is(err, ErrUnavailable) {
			t.Error(err)
		}
		if d := time.Since(start); d != time.Minute || tries < 12 || tries > 40 {
			t.Errorf("%d tries in %v", tries, d)
		}

		ctx, cancel := context.WithTimeout(background, time.Second)
		defer cancel()
		start = time.Now()
		_, err := r.ByID(ctx, 1)
		if d := time.Since(start); err == nil || d != time.Second {
			t.Errorf("own deadline: %v after %v", err, d)
		}

		time.AfterFunc(3*time.Second, r.Close)
		start = time.Now()
		_, err = r.ByID(background, 1)
		if d := time.Since(start); !errors.Is(err, ErrClosed) || d != 3*time.Second {
			t.Errorf("closed: %v after %v", err, d)
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestErrorKinds(t *testing.T) {
	tests := []struct {
		status, code int
		message      string
		want         error
		shown        bool
	}{
		{401, 401, "bad user", ErrDenied, false},
		{403, 40301, "denied for user", ErrDenied, false},
		{404, 40403, "Schema not found", ErrUnknown, true},
		{409, 409, "READER_FIELD_MISSING_DEFAULT_VALUE", ErrIncompatible, true},
		{422, 42201, "Invalid schema", ErrInvalid, true},
		{302, 0, "", ErrUnavailable, false},
		{400, 0, "", ErrInvalid, false},
	}
	for _, tt := range tests {
		f := newFake(t)
		f.Intercept(func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(tt.status)
			json.NewEncoder(w).Encode(map[string]any{"error_code": tt.code, "message": tt.message})
			return true
		})
		r := f.connect(t)
		for range 3 {
			_, err := r.Register(background, "orders-value", upper().Definition)
			if !errors.Is(err, tt.want) {
				t.Fatalf("%d: %v", tt.status, err)
			}
			wantError(t, err, `subject "orders-value"`, fmt.Sprint(tt.status))
			if strings.Contains(err.Error(), tt.message) != tt.shown && tt.message != "" {
				t.Errorf("%d: %v", tt.status, err)
			}
		}
		if n := f.asked.Load(); n != 1 && tt.want != ErrUnavailable {
			t.Errorf("%d: %d requests: what is refused is asked for once in a while only", tt.status, n)
		}
	}
}

func TestNoCredentialsInErrors(t *testing.T) {
	const user, password, token = "app-user", "p%ss w/rd", "tok-123456"
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(422)
		u, p, _ := r.BasicAuth()
		json.NewEncoder(w).Encode(map[string]any{"error_code": 42201, "message": u + p + r.Header.Get("Authorization")})
	}))
	defer echo.Close()
	dead := httptest.NewServer(nil)
	dead.Close()
	inURL := func(u string) string { return strings.Replace(u, "http://", "http://"+user+":p%25ss%20w%2Frd@", 1) }
	configs := map[string]Config{
		"basic":        {URLs: []string{echo.URL}, Client: []sr.ClientOpt{sr.BasicAuth(user, password)}},
		"token":        {URLs: []string{echo.URL}, Client: []sr.ClientOpt{sr.BearerToken(token)}},
		"url":          {URLs: []string{inURL(echo.URL)}},
		"url, no host": {URLs: []string{inURL(dead.URL)}},
		"bad url":      {URLs: []string{"http://" + user + ":" + password + "@" + strings.TrimPrefix(dead.URL, "http://")}},
		"hook": {URLs: []string{inURL(dead.URL)}, Client: []sr.ClientOpt{
			sr.PreReq(func(*http.Request) error { return errors.New("no token " + token) }), sr.BearerToken(token),
		}},
	}
	for name, c := range configs {
		c.Wait = -1
		var log bytes.Buffer
		c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		_, err := New(c).ByID(background, 1)
		if err == nil {
			t.Fatalf("%s: no error", name)
		}
		seen := fmt.Sprintf("%v %+v %#v %s %+v", err, err, err, log.String(), c)
		for _, secret := range []string{password, token, "p%25ss", "%20w", "YXBwLXVzZXI6"} {
			if strings.Contains(seen, secret) {
				t.Errorf("%s: %q is in %s", name, secret, seen)
			}
		}
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	f := newFake(t)
	seed(f, "a", 1, 1, text)
	there := httptest.NewServer(http.RedirectHandler(f.URL()+"/schemas/ids/1", http.StatusFound))
	defer there.Close()
	_, err := New(Config{URLs: []string{there.URL}}).ByID(background, 1)
	wantError(t, err, "redirects aren't followed")
	if f.asked.Load() != 0 {
		t.Error("followed")
	}
}

func TestTLSSettingsAreKept(t *testing.T) {
	f := newFake(t)
	seed(f, "a", 1, 1, text)
	s := httptest.NewTLSServer(f.Handler())
	defer s.Close()
	trusted := s.Client().Transport.(*http.Transport).TLSClientConfig
	r := New(Config{URLs: []string{s.URL}, Client: []sr.ClientOpt{sr.DialTLSConfig(trusted)}, Wait: -1})
	if _, err := r.ByID(background, 1); err != nil {
		t.Error(err)
	}
	r = New(Config{URLs: []string{s.URL}, Wait: -1})
	if _, err := r.ByID(background, 1); !errors.Is(err, ErrUnavailable) {
		t.Errorf("unknown authority: %v", err)
	}
}
