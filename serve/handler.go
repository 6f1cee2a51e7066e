package serve

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/ottla-streams/ottla/state"
	"github.com/ottla-streams/ottla/stream"
)

// handler answers for one app.
type handler struct {
	c       Config
	app     *stream.App
	stores  map[string]served
	order   []string
	peers   *http.Client
	streams atomic.Int64
	ending  chan struct{} // closed when streams have to end
	end     func()
}

type served struct {
	queried
	kind string
}

// New returns a handler for an app. It may be called before the app runs.
func New(app *stream.App, c Config) (http.Handler, error) {
	c = c.withDefaults()
	if err := c.validate(); err != nil {
		return nil, err
	}
	h := &handler{
		c: c, app: app, stores: make(map[string]served), ending: make(chan struct{}),
		peers: &http.Client{Transport: c.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
	h.end = sync.OnceFunc(func() { close(h.ending) })
	for _, s := range c.Stores {
		if _, err := app.MetadataForStore(s.storeName()); err != nil {
			return nil, fmt.Errorf("serve: %w", err)
		}
		h.stores[s.storeName()] = served{s.bind(app), s.storeKind()}
		h.order = append(h.order, s.storeName())
	}
	return h.routes(), nil
}

// service is the handler with what Listen needs of it.
type service struct {
	http.Handler
	h *handler
}

func (h *handler) routes() http.Handler {
	inner := http.NewServeMux()
	inner.HandleFunc("GET /stores", h.list)
	inner.HandleFunc("GET /stores/{store}", h.scan)
	inner.HandleFunc("GET /stores/{store}/keys/{key}", h.get)
	inner.HandleFunc("GET /stores/{store}/keys/{key}/watch", h.watch)
	inner.HandleFunc("GET /metadata", h.metadata)
	inner.HandleFunc("GET /lags", h.lags)
	inner.HandleFunc("GET /openapi.json", h.openAPI)
	if h.c.Metrics != nil {
		inner.Handle("GET /metrics", h.c.Metrics)
	}
	if h.c.Profiles {
		inner.HandleFunc("GET /debug/pprof/{name}", h.profile)
	}
	if h.c.Page {
		h.pageRoutes(inner)
	}
	guarded := http.Handler(inner)
	if h.c.Middleware != nil {
		guarded = h.c.Middleware(inner)
	}
	outer := http.NewServeMux()
	outer.HandleFunc("GET /livez", h.livez)
	outer.HandleFunc("GET /readyz", h.readyz)
	outer.Handle("/", guarded)
	return &service{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		if len(r.RequestURI) > 16<<10 {
			h.fail(w, r, &badRequest{"the request is too long"})
			return
		}
		outer.ServeHTTP(w, r)
	}), h}
}

// store returns the store of a request.
func (h *handler) store(r *http.Request) (served, error) {
	s, ok := h.stores[r.PathValue("store")]
	if !ok {
		return served{}, state.ErrNoStore
	}
	return s, nil
}

// get answers GET /stores/{store}/keys/{key}.
func (h *handler) get(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), h.c.Timeout)
	defer cancel()
	s, err := h.store(r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	p, err := h.params(r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	answer, ok, err := s.get(ctx, r.PathValue("key"), p)
	var elsewhere *state.NotLocalError
	switch {
	case errors.As(err, &elsewhere) && h.mayForward(r, elsewhere.Host):
		h.forward(ctx, w, r, elsewhere.Host)
	case err != nil:
		h.fail(w, r, err)
	case !ok:
		h.fail(w, r, errNoKey)
	case answer.size() > h.c.MaxBytes:
		h.fail(w, r, errTooLarge)
	default:
		h.write(w, http.StatusOK, answer)
	}
}

// list answers GET /stores.
func (h *handler) list(w http.ResponseWriter, _ *http.Request) {
	type store struct {
		Name string `json:"name"`
		Kind string `json:"kind"`
	}
	all := []store{}
	for _, name := range h.order {
		all = append(all, store{name, h.stores[name].kind})
	}
	h.write(w, http.StatusOK, map[string]any{"stores": all})
}

// metadata answers GET /metadata.
func (h *handler) metadata(w http.ResponseWriter, r *http.Request) {
	type host struct {
		Host     string             `json:"host"`
		Local    bool               `json:"local"`
		Stores   map[string][]int32 `json:"stores"`
		Standbys map[string][]int32 `json:"standbys"`
	}
	all := []host{}
	for _, m := range h.app.AllMetadata() {
		all = append(all, host(m))
	}
	h.write(w, http.StatusOK, map[string]any{"hosts": all})
}

// lags answers GET /lags.
func (h *handler) lags(w http.ResponseWriter, _ *http.Request) {
	type lag struct {
		Store     string `json:"store"`
		Partition int32  `json:"partition"`
		Task      string `json:"task"`
		Active    bool   `json:"active"`
		Position  int64  `json:"position"`
		End       int64  `json:"end"`
		Lag       int64  `json:"lag"`
	}
	all := []lag{}
	for _, l := range h.app.StoreLags() {
		all = append(all, lag(l))
	}
	h.write(w, http.StatusOK, map[string]any{"lags": all})
}

// livez says that the process need not be restarted.
func (h *handler) livez(w http.ResponseWriter, _ *http.Request) {
	status := http.StatusOK
	if s := h.app.State(); s == stream.Failed || s == stream.PendingError {
		status = http.StatusServiceUnavailable
	}
	h.write(w, status, map[string]string{"state": h.app.State().String()})
}

// readyz says that the app is a member of its group and has restored its stores.
func (h *handler) readyz(w http.ResponseWriter, _ *http.Request) {
	status := http.StatusOK
	if h.app.State() != stream.Running {
		status = http.StatusServiceUnavailable
	}
	h.write(w, status, map[string]string{"state": h.app.State().String()})
}
