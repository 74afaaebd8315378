package gateway

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/coder/websocket"
	"github.com/klauspost/compress/zstd"

	"holdfast/internal/config"
)

// decoded reads what is in a coding as it comes.
func decoded(t *testing.T, name string, r io.Reader) io.Reader {
	t.Helper()
	switch name {
	case "":
		return r
	case "gzip":
		z, err := gzip.NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		return z
	case "br":
		return brotli.NewReader(r)
	case "zstd":
		d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(d.Close)
		return d
	default:
		t.Fatalf("an answer in %q", name)
		return nil
	}
}

// opened is an answer whose body is still to be read; its trailer is there after that.
type opened struct {
	reply
	Body    io.Reader
	trailer func() http.Header
}

// open sends a request and leaves the answer to be read.
func open(t *testing.T, c *http.Client, url string, header ...string) opened {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	return opened{replyOf(res), res.Body, func() http.Header { return res.Trailer }}
}

// Streams of one connection are compressed side by side, each piece by piece, and each for itself.
func TestCompressHTTP2(t *testing.T) {
	conf := config.DefaultCompress()
	r := start(t, tlsConfig(t, t.TempDir(), map[string]config.Route{"shop": {App: "shop", Compress: &conf}}))
	next := map[string]chan struct{}{"gzip": make(chan struct{}), "br": make(chan struct{}), "zstd": make(chan struct{})}
	r.ready("shop-1", backend(t, func(w http.ResponseWriter, req *http.Request) {
		name := req.URL.Query().Get("name")
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Etag", `"tag"`)
		switch req.URL.Path {
		case "/pieces":
			for n := range 3 {
				_, _ = fmt.Fprintf(w, "%-10s%d", name, n)
				w.(http.Flusher).Flush()
				<-next[name]
			}
		case "/trailer":
			w.Header().Set("Trailer", "X-Sum")
			_, _ = io.WriteString(w, strings.Repeat(name, 1000))
			w.Header().Set("X-Sum", name)
		case "/broken":
			_, _ = io.WriteString(w, strings.Repeat(name, 1000))
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
	}))
	c := testClient(t, true)
	base := "https://" + r.Addrs()["web"]
	answers := map[string]io.Reader{}
	for name := range next {
		res := open(t, c, base+"/pieces?name="+name, "Accept-Encoding", name)
		h := res.Header
		if res.ProtoMajor != 2 || h.Get("Content-Encoding") != name || h.Get("Vary") != "Accept-Encoding" || h.Get("Etag") != `W/"tag"` || res.ContentLength != -1 {
			t.Fatalf("%s: %s %v", name, res.Proto, h)
		}
		answers[name] = res.Body
	}
	for n := range 3 {
		for name, body := range answers {
			if n == 0 {
				body = decoded(t, name, body)
				answers[name] = body
			}
			piece := make([]byte, 11)
			if _, err := io.ReadFull(body, piece); err != nil || string(piece) != fmt.Sprintf("%-10s%d", name, n) {
				t.Fatalf("%s: %q, %v", name, piece, err)
			}
			next[name] <- struct{}{}
		}
	}
	for name, body := range answers {
		if rest, err := io.ReadAll(body); err != nil || len(rest) != 0 {
			t.Errorf("%s: the end is %q, %v", name, rest, err)
		}
		res := open(t, c, base+"/trailer?name="+name, "Accept-Encoding", name)
		if text, err := io.ReadAll(decoded(t, name, res.Body)); err != nil || string(text) != strings.Repeat(name, 1000) {
			t.Errorf("%s: %d bytes, %v", name, len(text), err)
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil || res.trailer().Get("X-Sum") != name { // a decoder may stop before the end
			t.Errorf("%s: trailer %v, %v", name, res.trailer(), err)
		}
		res = open(t, c, base+"/broken?name="+name, "Accept-Encoding", name)
		if text, err := io.ReadAll(res.Body); err == nil {
			t.Errorf("%s: what was broken off looks whole, with %d bytes", name, len(text))
		}
	}
	res, body := get(t, c, "HEAD", base+"/trailer?name=br", "Accept-Encoding", "br")
	if res.Header.Get("Content-Encoding") != "br" || res.ContentLength > 0 || body != "" {
		t.Errorf("HEAD: %v", res.Header)
	}
	if n := r.encoders.lent.Load(); n != 0 {
		t.Errorf("%d encoders did not come back", n)
	}
}

// On a route that compresses, messages and events pass as they are, at once, beside answers that are compressed.
func TestCompressBesideStreams(t *testing.T) {
	conf := config.DefaultCompress()
	conf.Types = append(conf.Types, "text/event-stream") // which is never compressed all the same
	r := start(t, testConfig(map[string]config.Route{"shop": {App: "shop", Compress: &conf}}))
	text, next := strings.Repeat("to be or not to be, ", 1000), make(chan struct{})
	r.ready("shop-1", backend(t, func(w http.ResponseWriter, req *http.Request) {
		switch req.URL.Path {
		case "/ws":
			wsEcho(w, req)
		case "/refused":
			http.Error(w, text, http.StatusUpgradeRequired)
		case "/events":
			w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
			for range 3 {
				_, _ = io.WriteString(w, "data: x\n\n")
				w.(http.Flusher).Flush()
				<-next
			}
		default:
			w.Header().Set("Content-Type", "text/plain")
			_, _ = io.WriteString(w, text)
		}
	}))
	c := testClient(t, false)
	conn, res, err := websocket.Dial(t.Context(), "ws://"+r.Addrs()["web"]+"/ws", &websocket.DialOptions{ //nolint:bodyclose // after a switch it is the connection
		HTTPClient: c, HTTPHeader: http.Header{"Accept-Encoding": {"br"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.CloseNow() }()
	conn.SetReadLimit(1 << 20)
	if h := res.Header; h.Get("Content-Encoding") != "" || h.Get("Vary") != "" {
		t.Errorf("handshake: %v", h)
	}
	events := open(t, c, r.url("/events"), "Accept-Encoding", "br")
	if h := events.Header; h.Get("Content-Encoding") != "" {
		t.Errorf("events: %v", h)
	}
	var others sync.WaitGroup
	for range 3 {
		others.Go(func() {
			res, body := get(t, testClient(t, false), "GET", r.url("/"), "Accept-Encoding", "br")
			if res.Header.Get("Content-Encoding") != "br" || plain(t, "br", body) != text {
				t.Errorf("beside: %v, %d bytes", res.Header, len(body))
			}
		})
		if err := conn.Write(t.Context(), websocket.MessageText, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if _, got, err := conn.Read(t.Context()); err != nil || string(got) != text {
			t.Fatalf("echo: %d bytes, %v", len(got), err)
		}
		event := make([]byte, 9)
		if _, err := io.ReadFull(events.Body, event); err != nil || string(event) != "data: x\n\n" {
			t.Fatalf("event: %q, %v", event, err)
		}
		next <- struct{}{}
	}
	others.Wait()
	refused := open(t, c, r.url("/refused"), "Accept-Encoding", "br", "Connection", "Upgrade", "Upgrade", "websocket",
		"Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
	if body, err := io.ReadAll(decoded(t, refused.Header.Get("Content-Encoding"), refused.Body)); err != nil || refused.StatusCode != 426 || string(body) != text+"\n" {
		t.Errorf("a handshake that is refused: %d %v, %d bytes, %v", refused.StatusCode, refused.Header, len(body), err)
	}
	if err := conn.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Errorf("close: %v", err)
	}
	if n := r.encoders.lent.Load(); n != 0 {
		t.Errorf("%d encoders did not come back", n)
	}
}
