package serve_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ottla-streams/ottla/serde"
	"github.com/ottla-streams/ottla/serve"
	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
	"github.com/ottla-streams/ottla/topology"
	"github.com/ottla-streams/ottla/window"
)

var (
	counts   = state.KeyValue("counts", serde.String, serde.Int64)
	minutes  = state.Windows("minutes", serde.String, serde.Int64)
	sessions = state.Sessions("sessions", serde.String, serde.Int64)
	names    = state.Versioned("names", serde.String, serde.String, time.Hour)
)

func build(t testing.TB) *topology.Topology {
	t.Helper()
	b := stream.NewBuilder()
	in := b.Stream(topology.NewTopic("in", serde.String, serde.String)).GroupByKey()
	in.Count(counts)
	in.WindowedBy(window.Tumbling(time.Minute)).Count(minutes)
	in.WindowedBySession(window.Session(time.Minute)).Count(sessions)
	b.Table(topology.NewTopic("name", serde.String, serde.String)).Materialize(names)
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return top
}

func cluster(t testing.TB, partitions int32, topics ...string) []string {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(partitions, topics...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c.ListenAddrs()
}

// instance is an app with its HTTP service.
type instance struct {
	app  *stream.App
	url  string
	stop func()
}

func run(t testing.TB, addrs []string, c serve.Config) *instance {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	app, err := stream.NewApp(build(t), stream.Config{
		ID: "served", Brokers: addrs, StateDir: t.TempDir(), Workers: 1, Logger: log, CommitInterval: 30 * time.Millisecond,
		Advertise: l.Addr().String(), SessionTimeout: 6 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	c.Logger = log
	c.Stores = []serve.Store{serve.KeyValue(counts), serve.Windows(minutes), serve.Sessions(sessions), serve.Versioned(names)}
	h, err := serve.New(app, c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{}, 2)
	go func() {
		if err := app.Run(ctx); err != nil {
			t.Error(err)
		}
		ended <- struct{}{}
	}()
	go func() {
		if err := serve.On(ctx, l, h); err != nil {
			t.Error(err)
		}
		ended <- struct{}{}
	}()
	stopped := false
	stop := func() {
		if !stopped {
			stopped = true
			cancel()
			<-ended
			<-ended
		}
	}
	t.Cleanup(stop)
	return &instance{app, "http://" + l.Addr().String(), stop}
}

func (i *instance) get(t testing.TB, path string) (int, map[string]any) {
	t.Helper()
	resp, err := http.Get(i.url + path)
	if err != nil {
		return 0, map[string]any{"error": err.Error()}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, nil
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		m = map[string]any{"body": string(b)}
	}
	return resp.StatusCode, m
}

func eventually(t testing.TB, f func() error) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func produce(t testing.TB, addrs []string, topic string, at time.Time, keys ...string) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addrs...))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	var records []*kgo.Record
	for _, k := range keys {
		records = append(records, &kgo.Record{Topic: topic, Key: []byte(k), Value: []byte("value of " + k), Timestamp: at})
	}
	if err := cl.ProduceSync(context.Background(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

var noon = time.UnixMilli(1_700_000_000_000)

// Each of two instances answers for all keys, by key and by range, and goes on
// when the other one has left.
func TestAnyInstanceAnswers(t *testing.T) {
	addrs := cluster(t, 4, "in", "name")
	var keys []string
	for i := range 50 {
		keys = append(keys, fmt.Sprintf("key/%02d ü", i))
	}
	produce(t, addrs, "in", noon, keys...)
	a, b := run(t, addrs, serve.Config{}), run(t, addrs, serve.Config{})
	all := func(of *instance) error {
		for _, k := range keys {
			status, m := of.get(t, "/stores/counts/keys/"+url.PathEscape(k))
			if status != http.StatusOK || m["value"] != 1.0 || m["key"] != k {
				return fmt.Errorf("%s: %d %v", k, status, m)
			}
		}
		return nil
	}
	eventually(t, func() error {
		here := 0
		for _, m := range a.app.AllMetadata() {
			if len(m.Stores["counts"]) == 2 {
				here++
			}
		}
		if here != 2 {
			return fmt.Errorf("metadata %v", a.app.AllMetadata())
		}
		return nil
	})
	eventually(t, func() error { return all(a) })
	eventually(t, func() error { return all(b) })
	var got []string
	for path := "/stores/counts?limit=7"; ; {
		status, m := b.get(t, path)
		if status != http.StatusOK {
			t.Fatalf("scan: %d %v", status, m)
		}
		for _, r := range m["rows"].([]any) {
			got = append(got, r.(map[string]any)["key"].(string))
		}
		next, ok := m["next"].(string)
		if !ok {
			break
		}
		path = "/stores/counts?limit=7&after=" + next
	}
	if strings.Join(got, ",") != strings.Join(keys, ",") {
		t.Errorf("pages have %q", got)
	}
	_, m := a.get(t, "/stores/counts?from="+url.QueryEscape(keys[3])+"&to="+url.QueryEscape(keys[5]))
	if rows := m["rows"].([]any); len(rows) != 3 {
		t.Errorf("range has %v", rows)
	}
	for _, path := range []string{"/stores/minutes?limit=1000", "/stores/sessions?limit=1000"} {
		if status, m := b.get(t, path); status != http.StatusOK || len(m["rows"].([]any)) != len(keys) {
			t.Errorf("%s: %d %v", path, status, m)
		}
	}
	k := url.PathEscape(keys[0])
	start := noon.Truncate(time.Minute).UnixMilli()
	for _, in := range []*instance{a, b} {
		if status, m := in.get(t, fmt.Sprintf("/stores/minutes/keys/%s?start=%d", k, start)); status != http.StatusOK || m["value"] != 1.0 {
			t.Errorf("window: %d %v", status, m)
		}
	}
	b.stop()
	eventually(t, func() error { return all(a) })
	if status, m := a.get(t, "/stores/counts?limit=1000"); status != http.StatusOK || len(m["rows"].([]any)) != len(keys) {
		t.Errorf("scan of one: %d %v", status, m)
	}
}

// The changes of a key come from whichever instance has it.
func TestWatch(t *testing.T) {
	addrs := cluster(t, 2, "in", "name")
	a, b := run(t, addrs, serve.Config{}), run(t, addrs, serve.Config{})
	produce(t, addrs, "in", noon, "k")
	for _, in := range []*instance{a, b} {
		eventually(t, func() error {
			if status, m := in.get(t, "/stores/counts/keys/k"); status != http.StatusOK {
				return fmt.Errorf("%d %v", status, m)
			}
			return nil
		})
	}
	settled(t, a, b)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var lines [2]*bufio.Scanner
	for i, in := range []*instance{a, b} {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, in.url+"/stores/counts/keys/k/watch", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Fatal(resp.Status)
		}
		lines[i] = bufio.NewScanner(resp.Body)
	}
	for n := 1; n <= 3; n++ {
		for i := range lines {
			if v := nextValue(lines[i]); v != float64(n) {
				t.Errorf("stream %d told %v, want %d", i, v, n)
			}
		}
		produce(t, addrs, "in", noon, "k")
	}
}

func nextValue(s *bufio.Scanner) any {
	for s.Scan() {
		if data, ok := strings.CutPrefix(s.Text(), "data: "); ok {
			var m map[string]any
			if err := json.Unmarshal([]byte(data), &m); err != nil {
				return err
			}
			return m["value"]
		}
	}
	return s.Err()
}

func TestBadRequests(t *testing.T) {
	addrs := cluster(t, 1, "in", "name")
	token := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("deny") != "" {
				http.Error(w, "who are you?", http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
	in := run(t, addrs, serve.Config{Middleware: token, Profiles: true})
	produce(t, addrs, "in", noon, "k")
	eventually(t, func() error {
		if status, m := in.get(t, "/stores/counts/keys/k"); status != http.StatusOK {
			return fmt.Errorf("%d %v", status, m)
		}
		return nil
	})
	for _, c := range []struct {
		path   string
		status int
		code   string
	}{
		{"/stores/none/keys/k", 404, "no_store"},
		{"/stores/none", 404, "no_store"},
		{"/stores/counts/keys/none", 404, "no_key"},
		{"/stores/counts/keys/k?stale=x", 400, "bad_request"},
		{"/stores/counts/keys/k?partition=-1", 400, "bad_request"},
		{"/stores/counts/keys/k?position=x", 400, "bad_request"},
		{"/stores/counts/keys/k?position=" + url.QueryEscape(`{"in":{"0":99}}`), 412, "not_up_to"},
		{"/stores/counts?limit=0", 400, "bad_request"},
		{"/stores/counts?limit=1&limit=2", 400, "bad_request"},
		{"/stores/counts?after=%25", 400, "bad_request"},
		{"/stores/minutes/keys/k", 400, "bad_request"},
		{"/stores/minutes/keys/k?start=x", 400, "bad_request"},
		{"/stores/minutes/keys/k/watch?since=soon", 400, "bad_request"},
		{"/stores/none/keys/k/watch", 404, "no_store"},
		{"/stores/names", 400, "bad_request"},
		{"/stores/counts/keys/" + strings.Repeat("k", 20_000), 400, "bad_request"},
		{"/stores/counts/keys/k?deny=1", 401, ""},
		{"/livez?deny=1", 200, ""},
		{"/readyz?deny=1", 200, ""},
		{"/openapi.json", 200, ""},
		{"/stores", 200, ""},
		{"/lags", 200, ""},
		{"/metadata", 200, ""},
		{"/metrics", 404, ""},
		{"/debug/pprof/goroutine", 200, ""},
		{"/debug/pprof/none", 404, "no_profile"},
		{"/", 404, ""},
	} {
		status, m := in.get(t, c.path)
		if code, _ := m["error"].(string); status != c.status || code != c.code && c.code != "" {
			t.Errorf("%.80s: %d %v, want %d %s", c.path, status, m, c.status, c.code)
		}
	}
	resp, err := http.Post(in.url+"/stores/counts/keys/k", "text/plain", strings.NewReader("x"))
	if err != nil || resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("post: %v %v", resp, err)
	}
	in.stop()
	if _, ok, err := in.app.Query(counts).Get(t.Context(), "k"); ok || err == nil {
		t.Error("the app answers after its end")
	}
}

// A value that does not fit into an answer has a status of its own, whichever
// instance has it.
func TestTooLarge(t *testing.T) {
	addrs := cluster(t, 2, "in", "name")
	a, b := run(t, addrs, serve.Config{MaxBytes: 500}), run(t, addrs, serve.Config{MaxBytes: 500})
	keys := []string{"k", "l", "m", "n", strings.Repeat("w", 600), strings.Repeat("x", 600), strings.Repeat("y", 600)}
	produce(t, addrs, "name", time.Now(), keys...)
	for _, in := range []*instance{a, b} {
		for _, k := range keys {
			want := map[bool]int{true: http.StatusOK, false: http.StatusInsufficientStorage}[len(k) == 1]
			eventually(t, func() error {
				status, m := in.get(t, "/stores/names/keys/"+k)
				if code, _ := m["error"].(string); status != want || want != http.StatusOK && code != "too_large" {
					return fmt.Errorf("%.1s: %d %v", k, status, m["error"])
				}
				return nil
			})
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	app, err := stream.NewApp(build(t), stream.Config{ID: "x"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []serve.Config{
		{Timeout: -1}, {MaxRows: -1}, {Scheme: "ftp"}, {Stores: []serve.Store{serve.KeyValue(counts), serve.KeyValue(counts)}},
		{Stores: []serve.Store{serve.KeyValue(state.KeyValue("none", serde.String, serde.Int64))}},
	} {
		if _, err := serve.New(app, c); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
	if err := serve.Listen(t.Context(), "nonsense", http.NotFoundHandler()); err == nil {
		t.Error("a bad address is taken")
	}
}
