package serve

import (
	"context"
	"embed"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/ottla-streams/ottla/stream"
)

// assets is the live page. dagre.min.js is @dagrejs/dagre 3.1.3, by the MIT
// licence in dagre.LICENSE.
//
//go:embed page
var assets embed.FS

const liveEvery = time.Second

// pageRoutes adds the live page and what it reads.
func (h *handler) pageRoutes(mux *http.ServeMux) {
	h.app.Measure()
	for path, f := range map[string]struct{ name, kind string }{
		"/{$}":                {"index.html", "text/html; charset=utf-8"},
		"/page/page.css":      {"page.css", "text/css; charset=utf-8"},
		"/page/page.js":       {"page.js", "text/javascript; charset=utf-8"},
		"/page/dagre.js":      {"dagre.min.js", "text/javascript; charset=utf-8"},
		"/page/dagre.LICENSE": {"dagre.LICENSE", "text/plain; charset=utf-8"},
	} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			b, err := assets.ReadFile("page/" + f.name)
			if err != nil {
				http.Error(w, "not there", http.StatusNotFound)
				return
			}
			w.Header().Set("Content-Type", f.kind)
			w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'")
			_, _ = w.Write(b) // a caller that went away is no error
		})
	}
	mux.HandleFunc("GET /live/topology", h.topology)
	mux.HandleFunc("GET /live", h.liveOnce)
	mux.HandleFunc("GET /live/events", h.liveEvents)
}

// topology answers GET /live/topology.
func (h *handler) topology(w http.ResponseWriter, r *http.Request) {
	b, err := h.app.TopologyJSON()
	if err != nil {
		h.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(b) // a caller that went away is no error
}

// liveInstance is what an instance does. Live is nil of one that can't be reached.
type liveInstance struct {
	Host  string       `json:"host"`
	Local bool         `json:"local"`
	Live  *stream.Live `json:"live,omitempty"`
}

// liveOnce answers GET /live: what this instance does.
func (h *handler) liveOnce(w http.ResponseWriter, _ *http.Request) {
	h.write(w, http.StatusOK, h.app.Live())
}

// liveEvents answers GET /live/events: each second what all instances do.
func (h *handler) liveEvents(w http.ResponseWriter, r *http.Request) {
	e, ctx, done, err := h.begin(w, r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	defer done()
	if e.open() != nil {
		return
	}
	tick := time.NewTicker(liveEvery)
	defer tick.Stop()
	for {
		if e.event("live", map[string]any{"at": time.Now().UnixMilli(), "instances": h.instances(ctx, r)}) != nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// instances asks all instances what they do.
func (h *handler) instances(ctx context.Context, r *http.Request) []liveInstance {
	ctx, cancel := context.WithTimeout(ctx, liveEvery*4/5)
	defer cancel()
	local := h.app.Live()
	all := make([]liveInstance, len(local.Hosts))
	var wg sync.WaitGroup
	here := false
	for i, host := range local.Hosts {
		all[i] = liveInstance{Host: host.Host, Local: host.Local}
		if host.Local {
			all[i].Live, here = &local, true
			continue
		}
		wg.Go(func() { all[i].Live = h.liveOf(ctx, r, host.Host) })
	}
	wg.Wait()
	if !here {
		all = append(all, liveInstance{Host: "this instance", Local: true, Live: &local})
	}
	return all
}

// liveOf asks another instance what it does; nil if it does not say.
func (h *handler) liveOf(ctx context.Context, r *http.Request, host string) *stream.Live {
	req, err := h.peer(ctx, r, host, "")
	if err != nil {
		return nil
	}
	req.URL.Path, req.URL.RawPath = "/live", ""
	resp, err := h.reach(req)
	if err != nil {
		return nil
	}
	defer resp.Body.Close()
	body, err := h.body(resp)
	if err != nil || resp.StatusCode != http.StatusOK {
		return nil
	}
	var l stream.Live
	if json.Unmarshal(body, &l) != nil {
		return nil
	}
	return &l
}
