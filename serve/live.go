package serve

import "net/http"

type liveState struct{}

func (h *handler) pageRoutes(mux *http.ServeMux) {}
