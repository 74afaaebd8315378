package gateway

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/internal/config"
)

// tree writes files below a new folder.
func tree(tb testing.TB, files map[string]string) string {
	tb.Helper()
	root := tb.TempDir()
	for name, content := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	return root
}

func siteConfig(root string) *config.Config {
	return testConfig(map[string]config.Route{
		"site": {FileServer: &config.FileServer{Root: root, Index: []string{"index.html"}}},
		"sub":  {Match: config.Match{PathPrefix: "/sub"}, StripPrefix: "/sub", FileServer: &config.FileServer{Root: root, Index: []string{"none", "index.html"}}},
	})
}

func TestFileServer(t *testing.T) {
	outside := tree(t, map[string]string{"secret.txt": "secret"})
	root := tree(t, map[string]string{
		"index.html":                     "<h1>home</h1>",
		"docs/index.html":                "docs",
		"docs/a b.txt":                   "blank",
		"empty/x.txt":                    "x",
		"app.3f9a2b1c.js":                "js",
		".env":                           "SECRET=1",
		".git/config":                    "git",
		".well-known/acme-challenge/tok": "token",
		"PROGRA~1":                       "short",
		"unknown.zzz":                    "zzz",
		"你好.txt":                         "hello",
		"a..b.txt":                       "dots",
	})
	for name, target := range map[string]string{
		"link-out.txt": filepath.Join(outside, "secret.txt"),
		"link-dir":     outside,
		"link-up":      "..",
		"link-in.txt":  "index.html",
	} {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	r := start(t, siteConfig(root))
	for _, tc := range []struct {
		method, path string
		status       int
		body         string
		header       map[string]string
	}{
		{path: "/", status: 200, body: "<h1>home</h1>", header: map[string]string{
			"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff", "Accept-Ranges": "bytes",
		}},
		{path: "/index.html", status: 200, body: "<h1>home</h1>"},
		{method: "HEAD", path: "/index.html", status: 200, header: map[string]string{"Content-Length": "13"}},
		{path: "/docs", status: 308, header: map[string]string{"Location": "/docs/"}},
		{path: "/docs?a=b", status: 308, header: map[string]string{"Location": "/docs/?a=b"}},
		{path: "/sub/docs?a=%20", status: 308, header: map[string]string{"Location": "/sub/docs/?a=%20"}},
		{path: "/sub", status: 308, header: map[string]string{"Location": "/sub/"}},
		{path: "/sub/", status: 200, body: "<h1>home</h1>"},
		{path: "/docs/", status: 200, body: "docs"},
		{path: "/docs/a%20b.txt", status: 200, body: "blank", header: map[string]string{"Content-Type": "text/plain; charset=utf-8"}},
		{path: "/%E4%BD%A0%E5%A5%BD.txt", status: 200, body: "hello"},
		{path: "/a..b.txt", status: 200, body: "dots"},
		{path: "/link-in.txt", status: 200, body: "<h1>home</h1>"},
		{path: "/app.3f9a2b1c.js", status: 200, body: "js", header: map[string]string{
			"Cache-Control": "public, max-age=31536000, immutable", "Content-Type": "text/javascript; charset=utf-8",
		}},
		{path: "/unknown.zzz", status: 200, body: "zzz", header: map[string]string{"Content-Type": "application/octet-stream"}},
		{path: "/.well-known/acme-challenge/tok", status: 200, body: "token"},
		{path: "/empty/", status: 404},
		{path: "/index.html/", status: 404},
		{path: "/nothing", status: 404},
		{path: "/index.html/x", status: 404},
		{path: "/.env", status: 404},
		{path: "/.git/config", status: 404},
		{path: "/%2eenv", status: 404},
		{path: "/link-out.txt", status: 404},
		{path: "/link-dir/secret.txt", status: 404},
		{path: "/link-up/", status: 404},
		{path: "/PROGRA~1", status: 404},
		{path: "/progra~1/x", status: 404},
		{path: "/index.html.", status: 404},
		{path: "/index.html%20", status: 404},
		{path: "/index.html::$DATA", status: 404},
		{path: "/index.html%3a%3a$DATA", status: 404},
		{path: "/index.html:x", status: 404},
		{path: "/NUL", status: 404},
		{path: "/nul.txt", status: 404},
		{path: "/docs/CON.html", status: 404},
		{path: "/COM1", status: 404},
		{path: "/com%C2%B9.log", status: 404},
		{path: "/LPT9.x.y", status: 404},
		{path: "/a*", status: 404},
		{path: "/%3f", status: 404},
		{path: "/%ff", status: 404},
		{path: "/%c0%ae%c0%ae/secret.txt", status: 404},
		{path: "/../secret.txt", status: 404},
		{path: "/..%2fsecret.txt", status: 400},
		{path: "/..%5csecret.txt", status: 400},
		{path: "/C:/Windows/win.ini", status: 404},
		{path: "/%00", status: 400},
		{method: "POST", path: "/", status: 405, header: map[string]string{"Allow": "GET, HEAD"}},
		{method: "OPTIONS", path: "/", status: 405},
		{method: "DELETE", path: "/index.html", status: 405},
	} {
		method := tc.method
		if method == "" {
			method = "GET"
		}
		t.Run(method+" "+tc.path, func(t *testing.T) {
			// By hand, because net/http's client would clean the path.
			res, body := raw(t, r.Addrs()["web"], method+" "+tc.path+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
			if res.StatusCode != tc.status || (tc.status == 200 && body != tc.body) {
				t.Errorf("answer = %d %q, want %d %q", res.StatusCode, body, tc.status, tc.body)
			}
			for k, v := range tc.header {
				if got := res.Header.Get(k); got != v {
					t.Errorf("%s = %q, want %q", k, got, v)
				}
			}
			if tc.status >= 400 {
				problemCode(t, res, body)
			}
			if strings.Contains(body, root) || strings.Contains(body, "secret") {
				t.Errorf("the answer tells too much: %q", body)
			}
		})
	}
}

func TestConditionalAndRangeRequests(t *testing.T) {
	root := tree(t, map[string]string{"a.txt": "0123456789"})
	r := start(t, siteConfig(root))
	c := testClient(t, false)
	first, _ := get(t, c, "GET", r.url("/a.txt"))
	tag, modified := first.Header.Get("ETag"), first.Header.Get("Last-Modified")
	if tag == "" || modified == "" || strings.HasPrefix(tag, "W/") {
		t.Fatalf("ETag %q, Last-Modified %q", tag, modified)
	}
	old := time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat)
	for _, tc := range []struct {
		name   string
		header []string
		status int
		body   string
		rng    string
	}{
		{"none match", []string{"If-None-Match", tag}, 304, "", ""},
		{"none match, list", []string{"If-None-Match", `"x", ` + tag}, 304, "", ""},
		{"none match, other", []string{"If-None-Match", `"x"`}, 200, "0123456789", ""},
		{"modified since now", []string{"If-Modified-Since", modified}, 304, "", ""},
		{"modified since old", []string{"If-Modified-Since", old}, 200, "0123456789", ""},
		{"match", []string{"If-Match", tag}, 200, "0123456789", ""},
		{"match, other", []string{"If-Match", `"x"`}, 412, "", ""},
		{"range", []string{"Range", "bytes=2-4"}, 206, "234", "bytes 2-4/10"},
		{"suffix", []string{"Range", "bytes=-3"}, 206, "789", "bytes 7-9/10"},
		{"open", []string{"Range", "bytes=8-"}, 206, "89", "bytes 8-9/10"},
		{"beyond", []string{"Range", "bytes=20-"}, 416, "", "bytes */10"},
		{"if-range, same", []string{"Range", "bytes=0-0", "If-Range", tag}, 206, "0", "bytes 0-0/10"},
		{"if-range, other", []string{"Range", "bytes=0-0", "If-Range", `"x"`}, 200, "0123456789", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			res, body := get(t, c, "GET", r.url("/a.txt"), tc.header...)
			if res.StatusCode != tc.status || (tc.body != "" && body != tc.body) || res.Header.Get("Content-Range") != tc.rng {
				t.Errorf("answer = %d %q %v", res.StatusCode, body, res.Header)
			}
		})
	}
	if err := os.WriteFile(filepath.Join(root, "a.txt"), []byte("changed..."), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(filepath.Join(root, "a.txt"), time.Time{}, time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if res, body := get(t, c, "GET", r.url("/a.txt"), "If-None-Match", tag); res.StatusCode != 200 || body != "changed..." {
		t.Errorf("after a change: %d %q", res.StatusCode, body)
	}
}

// Both ways to a file end at the folder's border, whatever was asked before.
func TestFolderHasNoWayOut(t *testing.T) {
	outside := tree(t, map[string]string{"secret.txt": "secret"})
	root := tree(t, map[string]string{"in/a.txt": "a"})
	for name, target := range map[string]string{
		"file": filepath.Join(outside, "secret.txt"), "dir": outside, "in/up": "../..", "chain": "dir/secret.txt",
		"relative": filepath.Join("..", filepath.Base(outside), "secret.txt"),
	} {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	f := newFolder(root, newKeeper(0))
	defer f.close()
	for _, name := range []string{
		"file", "dir", "dir/secret.txt", "in/up", "in/up/" + filepath.Base(outside) + "/secret.txt", "chain", "relative",
		"..", "../" + filepath.Base(outside) + "/secret.txt", filepath.Join(outside, "secret.txt"), "in/../../" + filepath.Base(outside) + "/secret.txt",
	} {
		if file, err := f.open(name); err == nil {
			_ = file.Close()
			t.Errorf("open(%q) leads out", name)
		}
		if _, err := f.stat(name); err == nil {
			t.Errorf("stat(%q) leads out", name)
		}
	}
	if _, err := f.stat("in/a.txt"); err != nil {
		t.Error(err)
	}
}

// A large file arrives whole over both protocols: one sends it by the kernel, the other by a copy.
func TestLargeFile(t *testing.T) {
	content := strings.Repeat("0123456789abcdef", 1<<16)
	conf := tlsConfig(t, t.TempDir(), siteConfig(tree(t, map[string]string{"big.bin": content})).Routes)
	r := start(t, conf)
	for _, http2 := range []bool{false, true} {
		if _, body := get(t, testClient(t, http2), "GET", "https://"+r.Addrs()["web"]+"/big.bin"); body != content {
			t.Errorf("http2 %v: %d bytes, want %d", http2, len(body), len(content))
		}
	}
	if got := r.metric("holdfast_http_response_bytes_total", "route", "site"); got < float64(len(content)) {
		t.Errorf("bytes counted = %v", got)
	}
}

// A deployment that swaps the folder behind the path is served without a reload.
func TestFolderIsReplaced(t *testing.T) {
	base := t.TempDir()
	for _, n := range []string{"1", "2"} {
		if err := os.Mkdir(filepath.Join(base, n), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(base, n, "v"), []byte(n), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(base, "current")
	f := newFolder(link, newKeeper(0))
	defer f.close()
	if _, err := f.stat("v"); !os.IsNotExist(err) {
		t.Errorf("before it exists: %v", err)
	}
	for _, n := range []string{"1", "2"} {
		_ = os.Remove(link)
		if err := os.Symlink(filepath.Join(base, n), link); err != nil {
			t.Fatal(err)
		}
		f.checked.Add(-int64(folderCheck)) // the second is over
		file, err := f.open("v")
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 1)
		_, _ = file.Read(got)
		_ = file.Close()
		if string(got) != n {
			t.Errorf("served release %s, want %s", got, n)
		}
	}
	f.close()
	if _, err := f.stat("v"); err != nil {
		t.Errorf("after close: %v", err)
	}
}

func TestHashedName(t *testing.T) {
	for name, want := range map[string]bool{
		"app.3f9a2b1c.js":                            true,
		"app.3f9a2b1c.js.map":                        true,
		"main.3f9a2b1c.chunk.js":                     true,
		"app.3f9a2b1c.min.js":                        true,
		"framework-64ad27b21261a9ce.js":              true,
		"main.d587bbd6e38337f5accd.css":              true,
		"3f9a2b1c4d5e6f708192.woff2":                 true,
		"index-BX3k9a_1.css":                         true,
		"start.Cx8Qk2Zf.js":                          true,
		"index-D-4f9Qa_.js":                          true,
		"main-KJ3HQ2ZX.js":                           true,
		"logo.DhK4x9Pq.svg":                          true,
		"report-20240101.pdf":                        false,
		"report-2024-01-01.pdf":                      false,
		"jquery-3.7.1.min.js":                        false,
		"bootstrap.min.css":                          false,
		"photo-IMG12345.jpg":                         false,
		"photo-IMG23456.jpg":                         false,
		"logo-Version2.png":                          false,
		"app-settings.json":                          false,
		"my-document.html":                           false,
		"index.html":                                 false,
		"deadbeef.js":                                false,
		"x-deadbeef.js":                              false,
		"backup-feedface.zip":                        false,
		"10000000.js":                                false,
		"a.12345678.js":                              false,
		"invoice-1234567890.pdf":                     false,
		"550e8400-e29b-41d4-a716-44665544000a.jpg":   false,
		"u-550e8400-e29b-41d4-a716-4466554400ab.jpg": false,
		"app.3F9A2B1C.js":                            false,
		"-3f9a2b1c.js":                               false,
		".3f9a2b1c.js":                               false,
		"3f9a2b1c":                                   false,
		"app.3f9a2b1c":                               false,
		"iphone-15promax.html":                       false,
		"release-notes.txt":                          false,
		"1a2b3c4d5e6f7a8b.html":                      false,
		"order-3f9a2b1c.htm":                         false,
		"3f9a2b1c4d5e6f708192.js":                    true,
		"":                                           false,
	} {
		if got := hashedName(name); got != want {
			t.Errorf("hashedName(%q) = %v, want %v", name, got, want)
		}
	}
}

func FuzzFileName(f *testing.F) {
	for _, s := range []string{"a/b", "NUL.txt", "a.", "x:y", ".git/config", "a~1", "你", "aux", "com¹"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if hashedName(name) && len(name) < 10 {
			t.Errorf("%q is too short for a hash", name)
		}
		_ = contentType(name)
		if !servable(name) {
			return
		}
		for segment := range strings.SplitSeq(name, "/") {
			if segment == "" || segment == ".." || segment == "." || strings.ContainsAny(segment, ":*?\"<>|") ||
				strings.HasSuffix(segment, ".") || strings.HasSuffix(segment, " ") {
				t.Errorf("%q is served", name)
			}
		}
	})
}
