package registry

import (
	"errors"
	"io"
	"net/http"
)

var errBody = errors.New("the answer is too large")

// guard returns a copy of the client that reads only so much of an answer and
// follows no redirects. JSON may take twice as many bytes as the schema in it.
func guard(given *http.Client, schema int64) *http.Client {
	c := new(http.Client)
	if given != nil {
		*c = *given
	}
	if c.Transport == nil {
		c.Transport = http.DefaultTransport
	}
	c.Transport = limited{c.Transport, 2*schema + 64<<10}
	if c.CheckRedirect == nil {
		c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	return c
}

type limited struct {
	inner http.RoundTripper
	max   int64
}

func (l limited) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.inner.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = &limitedBody{resp.Body, l.max}
	return resp, nil
}

type limitedBody struct {
	io.ReadCloser
	left int64
}

func (b *limitedBody) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, errBody
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n, errBody
	}
	return n, err
}
