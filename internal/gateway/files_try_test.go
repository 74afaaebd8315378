package gateway

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast/internal/config"
)

func TestTryFiles(t *testing.T) {
	outside := tree(t, map[string]string{"secret.txt": "secret"})
	root := tree(t, map[string]string{
		"index.html": "home", "docs.html": "docs page", "docs/x.txt": "x", "blog/index.html": "blog",
		"a.txt": "a", "${path}.html": "literal", "errors/last.html": "last", ".env": "SECRET",
	})
	if err := os.Symlink(filepath.Join(outside, "secret.txt"), filepath.Join(root, "out.html")); err != nil {
		t.Fatal(err)
	}
	route := func(prefix string, try ...string) config.Route {
		return config.Route{
			Match: config.Match{PathPrefix: prefix}, StripPrefix: prefix,
			FileServer: &config.FileServer{Root: root, TryFiles: try},
		}
	}
	r := start(t, testConfig(map[string]config.Route{
		"html": route("/html", "${path}", "${path}.html", "${path}/"),
		"last": route("/last", "${path}", "/errors/last.html"),
		"only": route("/only", "/a.txt"),
		"bad":  route("/bad", "/../secret.txt", "/.env", "/a.txt::$DATA", "/CON", "C:/a.txt", `\\host\share`, `/docs\x.txt`),
		"dir":  route("/dir", "${path}/index.html", "/a.txt"),
	}))
	for path, want := range map[string]string{
		"/html/a.txt":       "200 a",
		"/html/docs":        "200 docs page",
		"/html/docs/":       "404",
		"/html/blog":        "308",
		"/html/blog/":       "200 blog",
		"/html/":            "200 home",
		"/html/none":        "404",
		"/html/out":         "404", // leads out
		"/html/$%7Bpath%7D": "200 literal",
		"/html/%2524%257B":  "404",
		"/last/a.txt":       "200 a",
		"/last/none":        "200 last",
		"/last/docs":        "200 last", // a folder without an index
		"/last/none.js":     "200 last",
		"/only/x/y/z":       "200 a",
		"/last/out.html":    "404", // leads out: nothing else stands in for it
		"/dir/blog":         "200 blog",
		"/dir/blog/":        "200 blog",
		"/dir/":             "200 home",
		"/dir/none":         "200 a",
		"/bad/x":            "404",
		// What Windows reads as another name is none, whatever comes after it.
		"/last/a.txt::$DATA": "404", "/last/a.txt.": "404", "/last/a.txt%20": "404", "/last/NUL": "404", "/last/com1.txt": "404",
		"/last/PROGRA~1/x": "404", "/last/C:/a.txt": "404", "/last/.env": "404", "/last/a%5cb": "400", "/last/a%2fb": "400",
		"/only/a:b": "404", "/only/.git/config": "404", "/only/%ff": "404",
	} {
		res, body := raw(t, r.Addrs()["web"], "GET "+path+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		got := res.statusAnd(body)
		if got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

// statusAnd is the status, and the body of a success.
func (r reply) statusAnd(body string) string {
	if r.StatusCode == http.StatusOK {
		return "200 " + body
	}
	return strconv.Itoa(r.StatusCode)
}

func TestSPA(t *testing.T) {
	root := tree(t, map[string]string{"index.html": "app", "app.3f9a2b1c.js": "js", "img/x.png": "png"})
	r := start(t, testConfig(map[string]config.Route{
		"site": {FileServer: &config.FileServer{Root: root, SPA: "index.html", CacheControl: "public, max-age=60"}},
	}))
	const browser = "text/html,application/xhtml+xml,*/*;q=0.8"
	for _, tc := range []struct{ method, path, accept, want, cache string }{
		{"GET", "/", browser, "200 app", "public, max-age=60"},
		{"GET", "/orders/42", browser, "200 app", "no-cache"},
		{"GET", "/orders/", browser, "200 app", "no-cache"},
		{"GET", "/img", browser, "200 app", "no-cache"},
		{"HEAD", "/orders/42", browser, "200 ", "no-cache"},
		{"GET", "/orders/42", "application/json", "404", "no-store"},
		{"GET", "/orders/42", "*/*", "404", "no-store"},
		{"GET", "/orders/42", "text/html;q=0, */*", "404", "no-store"},
		{"GET", "/orders/42.json", browser, "404", "no-store"},
		{"GET", "/app.00000000.js", browser, "404", "no-store"},
		{"GET", "/app.3f9a2b1c.js", browser, "200 js", "public, max-age=31536000, immutable"},
		{"GET", "/.git", browser, "404", "no-store"},
		{"GET", "/NUL", browser, "404", "no-store"},
		{"GET", "/a:b", browser, "404", "no-store"},
		{"POST", "/orders/42", browser, "405", "no-store"},
	} {
		res, body := get(t, testClient(t, false), tc.method, r.url(tc.path), "Accept", tc.accept)
		if got := res.statusAnd(body); got != tc.want || res.Header.Get("Cache-Control") != tc.cache {
			t.Errorf("%s %s for %s: %s, %q; want %s, %q", tc.method, tc.path, tc.accept, got, res.Header.Get("Cache-Control"), tc.want, tc.cache)
		}
		if strings.HasPrefix(tc.path, "/orders/") && !strings.Contains(tc.path, ".") && tc.method != "POST" && !strings.Contains(res.Header.Get("Vary"), "Accept") {
			t.Errorf("%s %s: Vary %q", tc.method, tc.path, res.Header["Vary"])
		}
	}
}

func TestPrecompressed(t *testing.T) {
	root := tree(t, map[string]string{
		"app.js": "plain text", "app.js.br": "[br]", "app.js.zst": "[zstd]", "app.js.gz": "[gzip]",
		"old.js": "new", "old.js.gz": "[old]", "alone.txt": "alone", "dir.js": "x", "dir.js.gz/x": "x", "only.js.br": "[br]",
	})
	past := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(root, "old.js.gz"), past, past); err != nil {
		t.Fatal(err)
	}
	now := time.Now() // of the same time and size, so that only the coding tells them apart
	for _, name := range []string{"app.js.zst", "app.js.gz"} {
		if err := os.Chtimes(filepath.Join(root, name), now, now); err != nil {
			t.Fatal(err)
		}
	}
	conf := &config.FileServer{Root: root, Precompressed: true}
	r := start(t, testConfig(map[string]config.Route{
		"site": {FileServer: conf},
		"off":  {Match: config.Match{PathPrefix: "/off"}, StripPrefix: "/off", FileServer: &config.FileServer{Root: root}},
	}))
	c := testClient(t, false)
	tags, different := map[string]string{}, map[string]bool{}
	for _, name := range []string{"identity", "gzip", "br", "zstd"} {
		res, _ := get(t, c, "GET", r.url("/app.js"), "Accept-Encoding", name)
		tags[name] = res.Header.Get("Etag")
		different[tags[name]] = true
	}
	if len(different) != 4 || different[""] {
		t.Fatalf("tags %v", tags)
	}
	for _, tc := range []struct {
		name, method, path, accept string
		header                     []string
		status                     int
		body, coding, vary, length string
	}{
		{name: "br", path: "/app.js", accept: "gzip, deflate, br, zstd", body: "[br]", coding: "br", vary: "Accept-Encoding", length: "4"},
		{name: "gzip", path: "/app.js", accept: "gzip", body: "[gzip]", coding: "gzip", vary: "Accept-Encoding", length: "6"},
		{name: "weights", path: "/app.js", accept: "br;q=0.1, zstd;q=0.9", body: "[zstd]", coding: "zstd", vary: "Accept-Encoding", length: "6"},
		{name: "none", path: "/app.js", accept: "identity", body: "plain text", vary: "Accept-Encoding", length: "10"},
		{name: "HEAD", method: "HEAD", path: "/app.js", accept: "br", coding: "br", vary: "Accept-Encoding", length: "4"},
		{name: "older", path: "/old.js", accept: "gzip", body: "new", vary: "Accept-Encoding", length: "3"},
		{name: "nothing beside", path: "/alone.txt", accept: "gzip, br", body: "alone", length: "5"},
		{name: "a folder beside", path: "/dir.js", accept: "gzip", body: "x", length: "1"},
		{name: "nothing but the coded one", path: "/only.js", accept: "br", status: 404},
		{name: "off", path: "/off/app.js", accept: "br", body: "plain text", length: "10"},
		{name: "range", path: "/app.js", accept: "gzip", header: []string{"Range", "bytes=1-2"}, status: 206, body: "gz", coding: "gzip", vary: "Accept-Encoding", length: "2"},
		{name: "range, same", path: "/app.js", accept: "gzip", header: []string{"Range", "bytes=1-2", "If-Range", tags["gzip"]}, status: 206, body: "gz", coding: "gzip", vary: "Accept-Encoding", length: "2"},
		{name: "range of another coding", path: "/app.js", accept: "gzip", header: []string{"Range", "bytes=1-2", "If-Range", tags["br"]}, body: "[gzip]", coding: "gzip", vary: "Accept-Encoding", length: "6"},
		{name: "not modified", path: "/app.js", accept: "br", header: []string{"If-None-Match", tags["br"]}, status: 304, vary: "Accept-Encoding"},
		{name: "modified in another coding", path: "/app.js", accept: "br", header: []string{"If-None-Match", tags["gzip"]}, body: "[br]", coding: "br", vary: "Accept-Encoding", length: "4"},
		{name: "match", path: "/app.js", accept: "br", header: []string{"If-Match", tags["gzip"]}, status: 412, vary: "Accept-Encoding"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			method := tc.method
			if method == "" {
				method = "GET"
			}
			res, body := get(t, c, method, r.url(tc.path), append([]string{"Accept-Encoding", tc.accept}, tc.header...)...)
			h := res.Header
			if res.StatusCode != max(tc.status, 200) || (res.StatusCode < 300 && body != tc.body) {
				t.Fatalf("%d %q", res.StatusCode, body)
			}
			if res.StatusCode == 404 {
				return
			}
			if h.Get("Content-Encoding") != tc.coding || h.Get("Vary") != tc.vary || tc.length != "" && h.Get("Content-Length") != tc.length {
				t.Errorf("%v", h)
			}
			if tc.coding != "" && res.StatusCode < 300 && h.Get("Content-Type") != "text/javascript; charset=utf-8" {
				t.Errorf("Content-Type %q", h["Content-Type"])
			}
		})
	}
	// What goes away is noticed at once, and what comes within a second.
	if err := os.Remove(filepath.Join(root, "app.js.br")); err != nil {
		t.Fatal(err)
	}
	if res, body := get(t, c, "GET", r.url("/app.js"), "Accept-Encoding", "br, gzip;q=0.5"); body != "[gzip]" {
		t.Errorf("without br: %q %v", body, res.Header)
	}
}

// Whether something lies beside a file is looked up once a second, and the memory of it is bounded.
func TestBesides(t *testing.T) {
	root := tree(t, map[string]string{"a": "a"})
	f := newFolder(root, newKeeper(0))
	defer f.close()
	if got := f.variants("a"); got != 0 {
		t.Errorf("variants = %b", got)
	}
	if err := os.WriteFile(filepath.Join(root, "a.gz"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := f.variants("a"); got != 0 {
		t.Errorf("looked again at once: %b", got)
	}
	f.beside.names["a"] = beside{looked: -int64(folderCheck)}
	if got := f.variants("a"); !got.has(gzipCoding) || got.has(brotliCoding) {
		t.Errorf("after a second: %b", got)
	}
	for i := range 2 * maxBeside {
		f.beside.note(strconv.Itoa(i), beside{})
	}
	if n := len(f.beside.names); n > maxBeside {
		t.Errorf("%d names are remembered", n)
	}
}

// A file that is compressed on its way is found unchanged by its weak tag.
func TestCompressedFile(t *testing.T) {
	text := strings.Repeat("file ", 1000)
	compress := config.DefaultCompress()
	r := start(t, testConfig(map[string]config.Route{
		"site": {Compress: &compress, FileServer: &config.FileServer{Root: tree(t, map[string]string{"a.txt": text, "b.txt": text, "b.txt.br": "[br]"}), Precompressed: true}},
	}))
	c := testClient(t, false)
	res, body := get(t, c, "GET", r.url("/a.txt"), "Accept-Encoding", "gzip")
	tag := res.Header.Get("Etag")
	if plain(t, "gzip", body) != text || !strings.HasPrefix(tag, "W/") {
		t.Fatalf("%v", res.Header)
	}
	if res, _ := get(t, c, "GET", r.url("/a.txt"), "Accept-Encoding", "gzip", "If-None-Match", tag); res.StatusCode != 304 || res.Header.Get("Etag") != tag {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
	if res, body := get(t, c, "GET", r.url("/a.txt"), "Accept-Encoding", "gzip", "Range", "bytes=0-3"); res.StatusCode != 206 || body != "file" {
		t.Errorf("range: %d %q %v", res.StatusCode, body, res.Header)
	}
	if res, body := get(t, c, "GET", r.url("/b.txt"), "Accept-Encoding", "gzip, br"); body != "[br]" || strings.HasPrefix(res.Header.Get("Etag"), "W/") {
		t.Errorf("compressed beforehand: %q %v", body, res.Header)
	}
}
