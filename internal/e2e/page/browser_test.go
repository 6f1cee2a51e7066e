package page

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"
)

// browser is a session of Chromium, spoken to by WebDriver's protocol.
type browser struct {
	t    *testing.T
	base string // URL of the session
}

// open starts a browser, until the test ends.
func open(t *testing.T) *browser {
	t.Helper()
	if os.Getenv("OTTLA_INTEGRATION") != "1" {
		t.Skip("OTTLA_INTEGRATION is not 1")
	}
	driver, err := exec.LookPath("chromedriver")
	if err != nil {
		t.Skip("SKIPPED: the live page in a browser: there is no chromedriver (Debian: chromium-driver)")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	cmd := exec.Command(driver, "--port="+port)
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	b := &browser{t: t, base: "http://127.0.0.1:" + port}
	args := []string{
		"--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--window-size=1500,900", "--user-data-dir=" + t.TempDir(),
	}
	options := map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{
		"browserName": "chrome", "goog:chromeOptions": map[string]any{"args": args},
	}}}
	var session struct{ SessionID string }
	deadline := time.Now().Add(time.Minute)
	for {
		if err = b.call(http.MethodPost, "/session", options, &session); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(200 * time.Millisecond)
	}
	b.base += "/session/" + session.SessionID
	t.Cleanup(func() {
		if err := b.call(http.MethodDelete, "", nil, nil); err != nil {
			t.Error(err)
		}
	})
	return b
}

// call asks the driver; what it says goes to value.
func (b *browser) call(method, path string, body, value any) error {
	var in io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return err
		}
		in = bytes.NewReader(data)
	}
	req, err := http.NewRequest(method, b.base+path, in)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s %.300s", method, path, resp.Status, data)
	}
	if value == nil {
		return nil
	}
	return json.Unmarshal(data, &struct{ Value any }{value})
}

func (b *browser) visit(url string) {
	b.t.Helper()
	if err := b.call(http.MethodPost, "/url", map[string]string{"url": url}, nil); err != nil {
		b.t.Fatal(err)
	}
}

// run runs a script in the page and returns what it returns.
func (b *browser) run(script string) any {
	b.t.Helper()
	var v any
	if err := b.call(http.MethodPost, "/execute/sync", map[string]any{"script": script, "args": []any{}}, &v); err != nil {
		b.t.Fatal(err)
	}
	return v
}

// await waits until a script returns true.
func (b *browser) await(script string) {
	b.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for b.run(script) != true {
		if time.Now().After(deadline) {
			b.t.Fatalf("%s is not true; the page has %v", script, b.run("return document.body.innerText"))
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// picture saves what the window shows.
func (b *browser) picture(path string) {
	b.t.Helper()
	var s string
	if err := b.call(http.MethodGet, "/screenshot", nil, &s); err != nil {
		b.t.Fatal(err)
	}
	data, err := base64.StdEncoding.DecodeString(s)
	if err == nil {
		err = os.WriteFile(path, data, 0o644)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}
