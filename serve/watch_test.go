package serve_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/serve"
	"github.com/ottla-streams/ottla/stream"
)

// nextEvent is one event of a stream, with times from noon on.
func nextEvent(s *bufio.Scanner) string {
	name := ""
	for s.Scan() {
		if e, ok := strings.CutPrefix(s.Text(), "event: "); ok {
			name = e
		}
		data, ok := strings.CutPrefix(s.Text(), "data: ")
		if !ok {
			continue
		}
		var m struct {
			Key              string
			Value            any
			Start, End, From *time.Time
		}
		if err := json.Unmarshal([]byte(data), &m); err != nil {
			return err.Error()
		}
		text := fmt.Sprintf("%s %s=%v", name, m.Key, m.Value)
		for _, t := range []*time.Time{m.Start, m.End, m.From} {
			if t != nil {
				text += fmt.Sprintf(" %v", t.Sub(noon).Truncate(time.Second))
			}
		}
		return text
	}
	return fmt.Sprint("end of the stream: ", s.Err())
}

// watching opens a stream of events.
func watching(t *testing.T, ctx context.Context, url string) *bufio.Scanner {
	t.Helper()
	var resp *http.Response
	eventually(t, func() error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp, err = http.DefaultClient.Do(req); err != nil {
			return err
		}
		if resp.StatusCode != http.StatusOK {
			resp.Body.Close()
			return fmt.Errorf("%s: %s", url, resp.Status)
		}
		return nil
	})
	t.Cleanup(func() { resp.Body.Close() })
	return bufio.NewScanner(resp.Body)
}

// settled waits until each instance has its part of each store: a stream ends
// when its key moves.
func settled(t *testing.T, instances ...*instance) {
	t.Helper()
	eventually(t, func() error {
		for _, in := range instances {
			hosts := in.app.AllMetadata()
			for _, m := range hosts {
				if len(m.Stores["minutes"]) != 1 || len(m.Stores["names"]) != 1 {
					return fmt.Errorf("host %s has %v", m.Host, m.Stores)
				}
			}
			if len(hosts) != len(instances) || in.app.State() != stream.Running {
				return fmt.Errorf("%d hosts, state %s", len(hosts), in.app.State())
			}
		}
		return nil
	})
}

// The windows, sessions and versions of a key are followed through whichever
// instance, from before there are any.
func TestWatchByTime(t *testing.T) {
	addrs := cluster(t, 2, "in", "name")
	a, b := run(t, addrs, serve.Config{}), run(t, addrs, serve.Config{})
	settled(t, a, b)
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	at := map[string]time.Duration{"noon": 0, "soon": 40 * time.Second, "later": 10 * time.Minute}
	want := map[string]map[string][]string{
		"minutes": {
			"noon":  {"value k=1 -20s 40s"},
			"soon":  {"gone k=<nil> -20s 40s", "value k=1 40s 1m40s"},
			"later": {"gone k=<nil> 40s 1m40s", "value k=1 9m40s 10m40s"},
		},
		"sessions": {
			"noon":  {"value k=1 0s 0s"},
			"soon":  {"gone k=<nil> 0s 0s", "value k=2 0s 40s"},
			"later": {"gone k=<nil> 0s 40s", "value k=1 10m0s 10m0s"},
		},
		"names": {
			"noon":  {"value k=value of k 0s"},
			"soon":  {"value k=value of k 40s"},
			"later": {"value k=value of k 10m0s"},
		},
	}
	streams := map[string][]*bufio.Scanner{}
	for store := range want {
		for _, in := range []*instance{a, b} {
			streams[store] = append(streams[store], watching(t, ctx, in.url+"/stores/"+store+"/keys/k/watch"))
		}
	}
	early := watching(t, ctx, a.url+"/stores/minutes/keys/k/watch?until="+fmt.Sprint(noon.UnixMilli()))
	told(t, streams["names"], "before", []string{"gone k=<nil>"})
	for _, when := range []string{"noon", "soon", "later"} {
		for _, topic := range []string{"in", "name"} {
			produce(t, addrs, topic, noon.Add(at[when]), "k")
		}
		for store, events := range want {
			told(t, streams[store], when+": "+store, events[when])
		}
	}
	told(t, []*bufio.Scanner{early}, "early", []string{"value k=1 -20s 40s", "gone k=<nil> -20s 40s"})
}

// told checks the next events of streams.
func told(t *testing.T, streams []*bufio.Scanner, what string, events []string) {
	t.Helper()
	for i, s := range streams {
		for _, want := range events {
			if got := nextEvent(s); got != want {
				t.Errorf("%s: stream %d told %q, want %q", what, i, got, want)
			}
		}
	}
}
