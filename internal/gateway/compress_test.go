package gateway

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"holdfast/internal/config"
)

func TestAcceptEncoding(t *testing.T) {
	ours := []coding{zstdCoding, brotliCoding, gzipCoding}
	for _, tc := range []struct {
		values  []string
		offered []coding
		want    coding
	}{
		{nil, ours, noCoding},
		{[]string{""}, ours, noCoding},
		{[]string{"gzip"}, ours, gzipCoding},
		{[]string{"x-gzip"}, ours, gzipCoding},
		{[]string{"GZIP, Br"}, ours, brotliCoding},
		{[]string{"gzip, deflate, br, zstd"}, ours, zstdCoding},
		{[]string{"gzip", "br"}, ours, brotliCoding},
		{[]string{"gzip;q=1.0, br;q=0.5"}, ours, gzipCoding},
		{[]string{"gzip ; q=0.5 , br ; Q=0.501"}, ours, brotliCoding},
		{[]string{"gzip;q=0"}, ours, noCoding},
		{[]string{"gzip;q=0.000, br;q=0.001"}, ours, brotliCoding},
		{[]string{"gzip, gzip;q=0"}, ours, noCoding},
		{[]string{"*"}, ours, zstdCoding},
		{[]string{"*;q=0.5, zstd;q=0"}, ours, brotliCoding},
		{[]string{"*;q=0"}, ours, noCoding},
		{[]string{"identity;q=0"}, ours, noCoding},
		{[]string{"identity;q=0, gzip;q=0.1"}, ours, gzipCoding},
		{[]string{"identity, gzip;q=0.5"}, ours, noCoding},
		{[]string{"identity;q=0.5, gzip;q=0.5"}, ours, gzipCoding},
		{[]string{"gzip;q=0.3, *;q=0.5"}, []coding{gzipCoding}, noCoding},
		{[]string{"gzip;q=2"}, ours, noCoding},
		{[]string{"gzip;q=1.001"}, ours, noCoding},
		{[]string{"gzip;q=0.1234"}, ours, noCoding},
		{[]string{"gzip;q=0.x, br;q=0.1"}, ours, brotliCoding},
		{[]string{"gzip;q=-1"}, ours, noCoding},
		{[]string{"gzip;level=1"}, ours, noCoding},
		{[]string{"deflate, compress"}, ours, noCoding},
		{[]string{"br"}, []coding{gzipCoding}, noCoding},
		{[]string{"br, gzip"}, nil, noCoding},
	} {
		if got := readAcceptance(tc.values).best(tc.offered); got != tc.want {
			t.Errorf("%q of %v: %v, want %v", tc.values, tc.offered, got, tc.want)
		}
	}
}

func FuzzAcceptEncoding(f *testing.F) {
	for _, s := range []string{"gzip", "*;q=0", "br;q=0.5, identity;q=0", ",;,q=", "gzip;q=1.", "zstd;q=0.00001"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		a := readAcceptance([]string{value})
		for c, q := range a {
			if q > 1000 || q < 0 && (q != unsaid || coding(c) != noCoding) {
				t.Errorf("%q: %v wanted by %d", value, coding(c), q)
			}
		}
		best := a.best([]coding{zstdCoding, brotliCoding, gzipCoding})
		if best != noCoding && (a[best] == 0 || a[best] < a[noCoding]) {
			t.Errorf("%q: %v, which is not wanted", value, best)
		}
		if lower := strings.ToLower(value); best != noCoding && !strings.Contains(lower, best.String()) && !strings.Contains(lower, "*") {
			t.Errorf("%q: %v, which is not named", value, best)
		}
	})
}

// plain is a body without its coding.
func plain(t *testing.T, name, body string) string {
	t.Helper()
	var r io.Reader = strings.NewReader(body)
	var err error
	switch name {
	case "gzip":
		r, err = gzip.NewReader(r)
	case "br":
		r = brotli.NewReader(r)
	case "zstd":
		var d *zstd.Decoder
		if d, err = zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8<<20)); err == nil {
			defer d.Close()
			r = d
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return string(out)
}

func TestCompress(t *testing.T) {
	text := strings.Repeat("to be or not to be, ", 1000)
	back := backend(t, func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/plain; charset=utf-8")
		h.Set("Etag", `"tag"`)
		h.Set("Accept-Ranges", "bytes")
		status := http.StatusOK
		for name, values := range r.URL.Query() {
			if name == "status" {
				status, _ = strconv.Atoi(values[0])
			} else {
				h.Set(name, values[0])
			}
		}
		switch r.URL.Path {
		case "/known":
			h.Set("Content-Length", strconv.Itoa(len(text)))
			w.WriteHeader(status)
			_, _ = io.WriteString(w, text)
		case "/unknown":
			w.WriteHeader(status)
			w.(http.Flusher).Flush()
			_, _ = io.WriteString(w, text)
		case "/small":
			_, _ = io.WriteString(w, "small")
		case "/none":
			w.WriteHeader(status)
		}
	})
	conf := config.DefaultCompress()
	r := start(t, testConfig(map[string]config.Route{"shop": {App: "shop", Compress: &conf}}))
	r.ready("shop-1", back)
	for _, tc := range []struct {
		name, method, path, accept string
		header                     []string
		status                     int
		coding, vary, tag          string
	}{
		{name: "zstd", path: "/known", accept: "gzip, br, zstd", coding: "zstd", vary: "Accept-Encoding", tag: `W/"tag"`},
		{name: "br", path: "/known", accept: "gzip, br", coding: "br", vary: "Accept-Encoding", tag: `W/"tag"`},
		{name: "gzip", path: "/known", accept: "gzip", coding: "gzip", vary: "Accept-Encoding", tag: `W/"tag"`},
		{name: "unknown length", path: "/unknown", accept: "gzip", coding: "gzip", vary: "Accept-Encoding", tag: `W/"tag"`},
		{name: "an error", path: "/known?status=500", accept: "br", status: 500, coding: "br", vary: "Accept-Encoding", tag: `W/"tag"`},
		{name: "weak already", path: `/known?Etag=W/"x"`, accept: "br", coding: "br", vary: "Accept-Encoding", tag: `W/"x"`},
		{name: "vary already", path: "/known?Vary=Origin", accept: "br", coding: "br", vary: "Origin, Accept-Encoding", tag: `W/"tag"`},
		{name: "suffix", path: "/known?Content-Type=application/problem%2Bjson", accept: "br", coding: "br", vary: "Accept-Encoding", tag: `W/"tag"`},
		{name: "HEAD", method: "HEAD", path: "/known", accept: "br", coding: "br", vary: "Accept-Encoding", tag: `W/"tag"`},
		{name: "not asked for", path: "/known", vary: "Accept-Encoding", tag: `"tag"`},
		{name: "identity preferred", path: "/known", accept: "identity, gzip;q=0.5", vary: "Accept-Encoding", tag: `"tag"`},
		{name: "small", path: "/small", accept: "br", tag: `"tag"`},
		{name: "other type", path: "/known?Content-Type=image/png", accept: "br", tag: `"tag"`},
		{name: "no type", path: "/known?Content-Type=", accept: "br", tag: `"tag"`},
		{name: "event stream", path: "/known?Content-Type=text/event-stream", accept: "br", tag: `"tag"`},
		{name: "coded already", path: "/known?Content-Encoding=x", accept: "br", coding: "x", tag: `"tag"`},
		{name: "no-transform", path: "/known?Cache-Control=max-age%3D1,+No-Transform", accept: "br", tag: `"tag"`},
		{name: "range", path: "/known?status=206&Content-Range=bytes+0-19999/20001", accept: "br", status: 206, vary: "Accept-Encoding", tag: `"tag"`},
		{name: "ranges", path: "/known?status=206&Content-Type=multipart/byteranges", accept: "br", status: 206, vary: "Accept-Encoding", tag: `"tag"`},
		{name: "range of another type", path: "/known?status=206&Content-Range=bytes+0-19999/20001&Content-Type=image/png", accept: "br", status: 206, tag: `"tag"`},
		{name: "no content", path: "/none?status=204", accept: "br", status: 204, tag: `"tag"`},
		{name: "not modified", path: "/none?status=304", accept: "br", header: []string{"If-None-Match", `W/"tag"`}, status: 304, vary: "Accept-Encoding", tag: `W/"tag"`},
		{name: "not modified, strong", path: "/none?status=304", header: []string{"If-None-Match", `"tag"`}, status: 304, vary: "Accept-Encoding", tag: `"tag"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			method, accept := tc.method, tc.accept
			if method == "" {
				method = "GET"
			}
			if accept == "" {
				accept = "identity" // the client would ask for gzip itself
			}
			res, body := get(t, testClient(t, false), method, r.url(tc.path), append([]string{"Accept-Encoding", accept}, tc.header...)...)
			if want := max(tc.status, 200); res.StatusCode != want {
				t.Errorf("status %d, want %d", res.StatusCode, want)
			}
			h := res.Header
			if h.Get("Content-Encoding") != tc.coding || strings.Join(h["Vary"], ", ") != tc.vary || h.Get("Etag") != tc.tag {
				t.Errorf("Content-Encoding %q, Vary %q, Etag %q; want %q, %q, %q", h["Content-Encoding"], h["Vary"], h["Etag"], tc.coding, tc.vary, tc.tag)
			}
			done := tc.coding != "" && tc.coding != "x"
			if done && (h.Get("Accept-Ranges") != "" || h.Get("Content-Length") == strconv.Itoa(len(text))) {
				t.Errorf("of the bytes that are not sent: %v", h)
			}
			if done && method != "HEAD" {
				if got := plain(t, tc.coding, body); got != text || len(body) > len(text)/10 {
					t.Errorf("%d bytes became %d, and %d again", len(text), len(body), len(got))
				}
				line := r.access.wait(t, func(m map[string]any) bool { return m["request_id"] == h.Get("X-Request-Id") })
				if line["bytes"] != float64(len(body)) {
					t.Errorf("logged %v bytes of %d", line["bytes"], len(body))
				}
			}
		})
	}
	if n := r.encoders.lent.Load(); n != 0 {
		t.Errorf("%d encoders did not come back", n)
	}
}

// What is sent piece by piece arrives piece by piece.
func TestCompressPassesFlushesOn(t *testing.T) {
	next := make(chan struct{})
	back := backend(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		for range 3 {
			_, _ = io.WriteString(w, "piece")
			w.(http.Flusher).Flush()
			<-next
		}
	})
	conf := config.DefaultCompress()
	r := start(t, testConfig(map[string]config.Route{"shop": {App: "shop", Compress: &conf}}))
	r.ready("shop-1", back)
	for _, name := range []string{"gzip", "br", "zstd"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url("/"), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept-Encoding", name)
		res, err := testClient(t, false).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var body io.Reader
		switch name {
		case "gzip":
			if body, err = gzip.NewReader(res.Body); err != nil {
				t.Fatal(err)
			}
		case "br":
			body = brotli.NewReader(res.Body)
		case "zstd":
			d, err := zstd.NewReader(res.Body, zstd.WithDecoderConcurrency(1))
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			body = d
		}
		for range 3 {
			piece := make([]byte, 5)
			if _, err := io.ReadFull(body, piece); err != nil || string(piece) != "piece" {
				t.Fatalf("%s: %q, %v", name, piece, err)
			}
			next <- struct{}{}
		}
		_ = res.Body.Close()
	}
}

// An answer that breaks off does not arrive as a whole one.
func TestCompressBrokenAnswer(t *testing.T) {
	back := backend(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Content-Length", "100000")
		_, _ = w.Write(bytes.Repeat([]byte("x"), 5000))
		panic(http.ErrAbortHandler)
	})
	conf := config.DefaultCompress()
	r := start(t, testConfig(map[string]config.Route{"shop": {App: "shop", Compress: &conf}}))
	r.ready("shop-1", back)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url("/"), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", "gzip")
	res, err := testClient(t, false).Do(req)
	if err == nil {
		defer func() { _ = res.Body.Close() }()
		if body, err := io.ReadAll(res.Body); err == nil {
			t.Errorf("%d bytes and no error", len(body))
		}
	}
}

// Beyond the bound answers go out as they are, and are counted.
func TestCompressBound(t *testing.T) {
	conf := config.DefaultCompress()
	r := start(t, testConfig(map[string]config.Route{"text": {
		Compress: &conf, Respond: &config.Respond{Body: strings.Repeat("x", 5000), Headers: map[string]string{"Content-Type": "text/plain"}},
	}}))
	r.encoders.lent.Store(maxEncoders)
	res, body := get(t, testClient(t, false), "GET", r.url("/"), "Accept-Encoding", "gzip")
	if res.Header.Get("Content-Encoding") != "" || len(body) != 5000 || res.Header.Get("Vary") != "Accept-Encoding" {
		t.Errorf("%v, %d bytes", res.Header, len(body))
	}
	if n := r.metric("holdfast_compressions_refused_total", "route", "text"); n != 1 {
		t.Errorf("counted %v", n)
	}
}
