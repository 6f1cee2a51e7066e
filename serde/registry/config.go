package registry

import (
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/sr"
)

// Config says where the registry is and how to talk to it. It prints without
// what is secret in it.
type Config struct {
	// URLs are the addresses of the registry, all of the same one. After a
	// failure the next one is asked. Defaults to http://localhost:8081.
	URLs []string

	// Client are further options of the client, such as sr.BasicAuth,
	// sr.BearerToken, sr.DialTLSConfig, sr.DefaultParams(sr.Normalize) or
	// sr.HTTPClient. Redirects aren't followed unless the HTTP client has a
	// CheckRedirect. Defaults to none.
	Client []sr.ClientOpt

	// Wait is how long a serde waits for a registry that is away, in all its
	// tries, before it returns an error that is ErrUnavailable. It applies to
	// schemas that aren't cached yet. Negative doesn't wait: one try.
	// Defaults to 1 minute.
	Wait time.Duration

	// MaxSchema is the largest schema to accept, in bytes. All that one schema
	// refers to may have 4 times as many. Defaults to 256 KiB.
	MaxSchema int

	// Logger gets a line when the registry is away and when it is back.
	// Defaults to slog.Default().
	Logger *slog.Logger
}

// String returns the addresses without what is secret in them.
func (c Config) String() string {
	shown := make([]string, len(c.URLs))
	for i, u := range c.URLs {
		shown[i] = "(not a URL)"
		if parsed, err := url.Parse(u); err == nil {
			shown[i] = parsed.Redacted()
		}
	}
	return fmt.Sprintf("schema registry %s, %d options", strings.Join(shown, " "), len(c.Client))
}

// GoString is String.
func (c Config) GoString() string { return c.String() }

// LogValue is String.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText is String, for JSON.
func (c Config) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// newClients returns a client for each address to begin with, and all that
// must not show up in an error.
func newClients(c Config, limit int) ([]*sr.Client, []string, error) {
	opts := slices.Clone(c.Client)
	if len(c.URLs) > 0 {
		opts = append(opts, sr.URLs(slices.Clone(c.URLs)...))
	}
	first, err := sr.NewClient(opts...)
	if err != nil {
		return nil, nil, errors.New("schema registry: " + err.Error())
	}
	urls, _ := first.OptValue(sr.URLs).([]string)
	for _, u := range urls {
		parsed, err := url.Parse(u)
		if err != nil || parsed.Host == "" {
			return nil, nil, errors.New("schema registry: an address isn't a URL such as http://registry:8081")
		}
	}
	given, _ := first.OptValue(sr.HTTPClient).(*http.Client)
	guarded := guard(given, int64(limit))
	var clients []*sr.Client
	for i := range urls {
		rotated := slices.Concat(urls[i:], urls[:i])
		// The TLS settings are in the transport already.
		cl, err := sr.NewClient(append(slices.Clone(opts), sr.URLs(rotated...), sr.DialTLSConfig(nil), sr.HTTPClient(guarded))...)
		if err != nil {
			return nil, nil, errors.New("schema registry: " + err.Error())
		}
		clients = append(clients, cl)
	}
	return clients, secretsOf(first, urls), nil
}

// secretsOf returns the secrets in all their spellings, longer ones first, as
// they may contain others.
func secretsOf(cl *sr.Client, urls []string) []string {
	token, _ := cl.OptValue(sr.BearerToken).(string)
	all := []string{token}
	add := func(user, password string) {
		coded := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
		all = append(all, password, url.QueryEscape(password), url.PathEscape(password), coded)
	}
	if basic := cl.OptValues(sr.BasicAuth); len(basic) == 2 {
		user, _ := basic[0].(string)
		password, _ := basic[1].(string)
		add(user, password)
	}
	for _, u := range urls {
		if parsed, err := url.Parse(u); err == nil && parsed.User != nil {
			password, _ := parsed.User.Password()
			add(parsed.User.Username(), password)
			_, asGiven, _ := strings.Cut(parsed.User.String(), ":")
			all = append(all, asGiven)
		}
	}
	all = slices.DeleteFunc(all, func(s string) bool { return s == "" })
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) })
	return slices.Compact(all)
}
