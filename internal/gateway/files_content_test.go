package gateway

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/internal/config"
)

// What http.ServeContent would say otherwise, or in words of its own.
func TestServeContent(t *testing.T) {
	root := tree(t, map[string]string{"a.txt": "0123456789", "page.html": "<p>${code}</p>"})
	r := start(t, testConfig(map[string]config.Route{
		"file":     {FileServer: &config.FileServer{Root: root, Index: []string{"index.html"}}},
		"page":     {Match: config.Match{PathPrefix: "/page"}, StripPrefix: "/page", FileServer: &config.FileServer{Root: root}, ErrorPages: map[string]string{"4xx": filepath.Join(root, "page.html")}},
		"fallback": {Match: config.Match{PathPrefix: "/fallback"}, App: "shop", Fallback: &config.Fallback{On: []string{"not_ready"}, File: filepath.Join(root, "a.txt")}},
	}))
	c := testClient(t, false)
	many := strings.Repeat("0-0,", maxRanges-1)
	for _, test := range []struct {
		name, method string
		header       []string
		status       int
		code         string
	}{
		{"beyond", "GET", []string{"Range", "bytes=20-"}, 416, "range_not_satisfiable"},
		{"backwards", "GET", []string{"Range", "bytes=5-1"}, 416, "range_not_satisfiable"},
		{"another file", "GET", []string{"If-Match", `"x"`}, 412, "precondition_failed"},
		{"another file, HEAD", "HEAD", []string{"If-Match", `"x"`}, 412, ""},
		{"unit in capitals", "GET", []string{"Range", "Bytes=2-4"}, 206, ""},
		{"unknown unit", "GET", []string{"Range", "lines=2-4"}, 200, ""},
		{"no unit", "GET", []string{"Range", "2-4"}, 200, ""},
		{"HEAD", "HEAD", []string{"Range", "bytes=2-4"}, 200, ""},
		{"HEAD, beyond", "HEAD", []string{"Range", "bytes=20-"}, 200, ""},
		{"many", "GET", []string{"Range", "bytes=" + many[:8]}, 206, ""},
		{"too many", "GET", []string{"Range", "bytes=" + many + "0-0,0-0"}, 200, ""},
	} {
		for _, path := range []string{"/a.txt", "/fallback", "/page/a.txt"} {
			t.Run(test.name+" "+path, func(t *testing.T) {
				header := append([]string{"Accept", "text/html"}, test.header...)
				res, body := get(t, c, test.method, r.url(path), header...)
				if res.StatusCode != test.status {
					t.Fatalf("%d %q %v, want %d", res.StatusCode, body, res.Header, test.status)
				}
				switch {
				case test.code == "":
				case path == "/page/a.txt":
					if body != "<p>"+test.code+"</p>" {
						t.Errorf("page = %q", body)
					}
				case problemCode(t, res, body) != test.code:
					t.Errorf("problem = %q, want %s", body, test.code)
				}
				if test.status >= 400 && (res.Header.Get("Etag") != "" || res.Header.Get("Last-Modified") != "" || res.Header.Get("Cache-Control") != "no-store") {
					t.Errorf("of the file: %v", res.Header)
				}
				if test.status == 416 && strings.Contains(test.name, "beyond") && res.Header.Get("Content-Range") != "bytes */10" {
					t.Errorf("Content-Range = %q", res.Header["Content-Range"])
				}
			})
		}
	}
}

// An error about a file with a coding has none.
func TestServeContentCoded(t *testing.T) {
	r := start(t, testConfig(map[string]config.Route{"file": {FileServer: &config.FileServer{
		Root: tree(t, map[string]string{"a.txt": "0123456789", "a.txt.gz": "coded"}), Precompressed: true,
	}}}))
	for header, value := range map[string]string{"Range": "bytes=20-", "If-Match": `"x"`} {
		res, body := get(t, testClient(t, false), "GET", r.url("/a.txt"), "Accept-Encoding", "gzip", header, value)
		if problemCode(t, res, body) == "" || res.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s: %d %q %v", header, res.StatusCode, body, res.Header)
		}
	}
}

// A file that is cut off while it is sent does not arrive as a whole one, whoever could have told the client its length.
func TestFileIsCutOff(t *testing.T) {
	content := make([]byte, 24<<20)
	_, _ = rand.Read(content) // compression must not make it fit into the buffers on the way
	conf := config.DefaultCompress()
	root := t.TempDir()
	path := filepath.Join(root, "a.txt")
	files := &config.FileServer{Root: root, Index: []string{"index.html"}}
	r := start(t, tlsConfig(t, t.TempDir(), map[string]config.Route{
		"plain":      {FileServer: files},
		"compressed": {Match: config.Match{PathPrefix: "/compressed"}, StripPrefix: "/compressed", FileServer: files, Compress: &conf},
	}))
	for _, http2 := range []bool{false, true} {
		for _, prefix := range []string{"", "/compressed"} {
			t.Run(fmt.Sprintf("http2=%t%s", http2, prefix), func(t *testing.T) {
				if err := os.WriteFile(path, content, 0o600); err != nil {
					t.Fatal(err)
				}
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+r.Addrs()["web"]+prefix+"/a.txt", nil)
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Accept-Encoding", "zstd")
				res, err := testClient(t, http2).Do(req)
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = res.Body.Close() }()
				if coded := res.Header.Get("Content-Encoding") != ""; res.StatusCode != 200 || coded != (prefix != "") {
					t.Fatalf("%d %v", res.StatusCode, res.Header)
				}
				if err := os.Truncate(path, 0); err != nil {
					t.Fatal(err)
				}
				if n, err := io.Copy(io.Discard, res.Body); err == nil {
					t.Errorf("%d bytes and no error", n)
				}
			})
		}
	}
	if n := r.encoders.lent.Load(); n != 0 {
		t.Errorf("%d encoders did not come back", n)
	}
}

// A status that has no content gets none, whatever the configuration says.
func TestRespondWithoutContent(t *testing.T) {
	for _, status := range []int{204, 205, 304} {
		r := start(t, testConfig(map[string]config.Route{"r": {Respond: &config.Respond{Status: status, Body: "x"}}}))
		if res, body := get(t, testClient(t, false), "GET", r.url("/")); res.StatusCode != status || body != "" || res.Header.Get("Content-Type") != "" {
			t.Errorf("%d: %q %v", status, body, res.Header)
		}
	}
}
