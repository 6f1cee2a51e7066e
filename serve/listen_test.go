package serve_test

import (
	"context"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/ottla-streams/ottla/serve"
)

// Without a host only this machine can connect.
func TestListenIsLocal(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	ended := make(chan error, 1)
	go func() { ended <- serve.Listen(ctx, ":"+port, http.NotFoundHandler()) }()
	eventually(t, func() error {
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			c.Close()
		}
		return err
	})
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		ip := a.(*net.IPNet).IP
		if ip.IsLoopback() {
			continue
		}
		if c, err := net.DialTimeout("tcp", net.JoinHostPort(ip.String(), port), time.Second); err == nil {
			c.Close()
			t.Errorf("%s is reached", ip)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
