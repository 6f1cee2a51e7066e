package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// hop marks a request that another instance handed on: it is not handed on again.
const hop = "Ottla-Forwarded"

// mayForward says whether a request can be handed on to an instance.
func (h *handler) mayForward(r *http.Request, host string) bool {
	return host != "" && r.Header.Get(hop) == ""
}

// peer makes the request for another instance.
func (h *handler) peer(ctx context.Context, r *http.Request, host, query string) (*http.Request, error) {
	u := url.URL{Scheme: h.c.Scheme, Host: host, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: query}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errPeer, err)
	}
	req.Header.Set(hop, "1")
	if auth := r.Header.Get("Authorization"); auth != "" {
		req.Header.Set("Authorization", auth)
	}
	return req, nil
}

func (h *handler) reach(req *http.Request) (*http.Response, error) {
	resp, err := h.peers.Do(req)
	if err == nil {
		return resp, nil
	}
	if req.Context().Err() != nil {
		return nil, req.Context().Err()
	}
	return nil, fmt.Errorf("%w: %w", errPeer, err)
}

// handOn asks another instance what we were asked.
func (h *handler) handOn(ctx context.Context, r *http.Request, host string) (*http.Response, error) {
	req, err := h.peer(ctx, r, host, r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	return h.reach(req)
}

// forward answers with what another instance says.
func (h *handler) forward(ctx context.Context, w http.ResponseWriter, r *http.Request, host string) {
	resp, err := h.handOn(ctx, r, host)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	defer resp.Body.Close()
	body, err := h.body(resp)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	switch resp.StatusCode {
	case http.StatusMisdirectedRequest: // it moved since, or is about to
		h.fail(w, r, problemError("not_ready"))
		return
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		w.Header().Set("Retry-After", "1")
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(resp.StatusCode)
	_, _ = w.Write(body) // a caller that went away is no error
}

func problemError(code string) error { return &errRemote{code} }

// body reads what another instance says, of which not more than is allowed.
func (h *handler) body(resp *http.Response) ([]byte, error) {
	most := int64(2*h.c.MaxBytes + 64<<10)
	b, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	switch {
	case err != nil && errors.Is(err, context.DeadlineExceeded):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errPeer, err)
	case int64(len(b)) > most:
		return nil, fmt.Errorf("%w: its answer is too large", errPeer)
	case len(b) == 0 || b[0] != '{' || !json.Valid(b):
		return nil, fmt.Errorf("%w: its answer is no JSON object", errPeer)
	}
	return b, nil
}

// partsOf asks another instance for its partitions.
func (h *handler) partsOf(ctx context.Context, r *http.Request, host string) ([]part, error) {
	req, err := h.peer(ctx, r, host, r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	resp, err := h.reach(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := h.body(resp)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Parts []part `json:"parts"`
		Error string `json:"error"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("%w: %w", errPeer, err)
	}
	if answer.Error != "" {
		return nil, problemError(answer.Error)
	}
	return answer.Parts, nil
}
