package serve

import (
	"net/http"
	"runtime/pprof"
	"strconv"
	"time"
)

const longestProfile = 60 // seconds

// profile answers GET /debug/pprof/{name}: profile is that of the CPU, for
// ?seconds=; the others are those of runtime/pprof.
func (h *handler) profile(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	if name == "profile" {
		h.cpu(w, r)
		return
	}
	p := pprof.Lookup(name)
	if p == nil {
		h.write(w, http.StatusNotFound, map[string]string{"error": "no_profile"})
		return
	}
	debug, _ := strconv.Atoi(r.URL.Query().Get("debug"))
	w.Header().Set("Content-Type", "application/octet-stream")
	if debug > 0 {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	}
	_ = p.WriteTo(w, debug) // a caller that went away is no error
}

func (h *handler) cpu(w http.ResponseWriter, r *http.Request) {
	seconds, err := strconv.Atoi(r.URL.Query().Get("seconds"))
	if err != nil || seconds < 1 || seconds > longestProfile {
		seconds = 10
	}
	takes := time.Duration(seconds) * time.Second
	rc := http.NewResponseController(w) // the server's deadlines are for shorter answers
	_, _ = rc.SetReadDeadline(time.Time{}), rc.SetWriteDeadline(time.Now().Add(takes+toRead))
	if err := pprof.StartCPUProfile(w); err != nil {
		h.write(w, http.StatusConflict, map[string]string{"error": "busy"})
		return
	}
	defer pprof.StopCPUProfile()
	select {
	case <-time.After(takes):
	case <-r.Context().Done():
	case <-h.ending:
	}
}
