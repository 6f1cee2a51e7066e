package page

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
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
)

// serving serves the page of an app.
func serving(t *testing.T, b *stream.Builder, c stream.Config) (*stream.App, string) {
	t.Helper()
	top, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	c.Advertise, c.Logger = server.Listener.Addr().String(), slog.New(slog.DiscardHandler)
	app, err := stream.NewApp(top, c)
	if err != nil {
		t.Fatal(err)
	}
	h, err := serve.New(app, serve.Config{Page: true, Logger: c.Logger})
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = h
	server.Start()
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	return app, server.URL
}

// The page shows the graph of an app that works, with what it does.
func TestPageIsLive(t *testing.T) {
	browser := open(t)
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(4, "orders", "customers", "totals"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	b := stream.NewBuilder()
	customers := b.Table(topology.NewTopic("customers", serde.String, serde.String)).Materialize(state.KeyValue("customers", serde.String, serde.String))
	b.Stream(topology.NewTopic("orders", serde.String, serde.String)).
		Filter(func(_, v string) bool { return v != "" }).
		LeftJoinTable(customers, func(order, name string, ok bool) string { return order + " of " + name }).
		GroupBy(func(_, v string) string { return v[strings.LastIndexByte(v, ' ')+1:] }).
		Count(state.KeyValue("orders-by-name", serde.String, serde.Int64)).
		To(topology.NewTopic("totals", serde.String, serde.Int64))
	app, url := serving(t, b, stream.Config{
		ID: "shop", Brokers: cluster.ListenAddrs(), StateDir: t.TempDir(), Workers: 2, CommitInterval: 100 * time.Millisecond,
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	go func() { ended <- app.Run(ctx) }()
	go func() { ended <- feed(ctx, cluster.ListenAddrs()) }()
	defer func() {
		cancel()
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	}()
	browser.visit(url)
	browser.await("return document.body.dataset.live === 'true'")
	browser.await("return [...document.querySelectorAll('#tasks tbody tr')].filter(r => r.cells[2].textContent === 'processing').length === 8")
	browser.await("return [...document.querySelectorAll('#graph .topic text')].some(t => /^[1-9][0-9.]*( k)?.s, lag/.test(t.textContent))")
	browser.await("return document.querySelectorAll('#stores tbody tr').length === 2")
	browser.await("return /1 instance, 8 tasks, [1-9]/.test(document.getElementById('state').textContent)")
	browser.await("return document.getElementById('instances').textContent.includes('running, 8 tasks')")
	if path := os.Getenv("OTTLA_SCREENSHOT"); path != "" {
		browser.picture(path)
	}
}

// feed sends orders until ctx ends.
func feed(ctx context.Context, addrs []string) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(addrs...))
	if err != nil {
		return err
	}
	defer cl.Close()
	names := []string{"Ada", "Grace", "Mary", "Hedy"}
	for i, name := range names {
		cl.Produce(ctx, &kgo.Record{Topic: "customers", Key: fmt.Append(nil, i), Value: []byte(name)}, nil)
	}
	for i := 0; ctx.Err() == nil; i++ {
		for range 30 {
			cl.Produce(ctx, &kgo.Record{Topic: "orders", Key: fmt.Append(nil, i%len(names)), Value: fmt.Append(nil, "order ", i)}, nil)
		}
		time.Sleep(20 * time.Millisecond)
	}
	return nil
}

// A graph of 200 nodes is on the screen in less than a second after the visit
// began: loaded, laid out, drawn and painted.
func TestPageDrawsLargeGraph(t *testing.T) {
	browser := open(t)
	b := stream.NewBuilder()
	for i := range 40 {
		b.Stream(topology.NewTopic(fmt.Sprintf("in-%d", i), serde.String, serde.String)).
			Filter(func(k, _ string) bool { return k != "" }).
			MapValues(strings.ToLower).
			MapValues(strings.TrimSpace).
			To(topology.NewTopic(fmt.Sprintf("out-%d", i%8), serde.String, serde.String))
	}
	_, url := serving(t, b, stream.Config{ID: "large"})
	// The best of some, since other tests may keep the machine busy.
	drawn, painted := 1e9, 1e9
	for range 5 {
		browser.visit(url)
		browser.await("return document.body.dataset.painted !== undefined")
		for name, best := range map[string]*float64{"drawn": &drawn, "painted": &painted} {
			ms, ok := browser.run("return Number(document.body.dataset." + name + ")").(float64)
			if !ok || ms <= 0 {
				t.Fatalf("the page does not say when it was %s", name)
			}
			*best = min(*best, ms)
		}
	}
	if n := browser.run("return document.querySelectorAll('#graph g.source, #graph g.processor, #graph g.sink').length"); n != 200.0 {
		t.Errorf("%v nodes are drawn, want 200", n)
	}
	if painted >= 1000 {
		t.Errorf("the graph was there after %v ms", painted)
	}
	t.Logf("200 nodes: laid out and drawn in %v ms, on the screen %v ms after the visit began", drawn, painted)
}
