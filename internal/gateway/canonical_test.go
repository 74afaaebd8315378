package gateway

import (
	"errors"
	"net/url"
	"path"
	"strings"
	"testing"
)

func TestCanonicalPath(t *testing.T) {
	for _, tc := range []struct {
		raw, path, escaped string
		err                error
	}{
		{raw: "/", path: "/", escaped: "/"},
		{raw: "/a/b", path: "/a/b", escaped: "/a/b"},
		{raw: "/a/b/", path: "/a/b/", escaped: "/a/b/"},
		{raw: "//a///b//", path: "/a/b/", escaped: "/a/b/"},
		{raw: "/./a/./b/.", path: "/a/b/", escaped: "/a/b/"},
		{raw: "/a/../b", path: "/b", escaped: "/b"},
		{raw: "/a/b/..", path: "/a/", escaped: "/a/"},
		{raw: "/..", path: "/", escaped: "/"},
		{raw: "/../../etc/passwd", path: "/etc/passwd", escaped: "/etc/passwd"},
		{raw: "/a/%2e%2E/b", path: "/b", escaped: "/b"},
		{raw: "/a/.%2e/b", path: "/b", escaped: "/b"},
		{raw: "/%61%2D%5f%7E", path: "/a-_~", escaped: "/a-_~"},
		{raw: "/a..b/...", path: "/a..b/...", escaped: "/a..b/..."},
		{raw: "/.hidden/..x", path: "/.hidden/..x", escaped: "/.hidden/..x"},
		{raw: "/a%3bb;c%3Fd", path: "/a;b;c?d", escaped: "/a%3Bb;c%3Fd"},
		{raw: "/a%20b%25", path: "/a b%", escaped: "/a%20b%25"},
		{raw: "/%252e%252e/x", path: "/%2e%2e/x", escaped: "/%252e%252e/x"},
		{raw: "/%E4%BD%A0", path: "/你", escaped: "/%E4%BD%A0"},
		{raw: "/你", path: "/你", escaped: "/%E4%BD%A0"},
		{raw: "/a|b^c", path: "/a|b^c", escaped: "/a%7Cb%5Ec"},
		{raw: "/x%2fy/../..", err: errPathSlash},
		{raw: "/%2F", err: errPathSlash},
		{raw: `/a\b`, err: errPathSlash},
		{raw: "/a%5cb", err: errPathSlash},
		{raw: "/a%00", err: errPathControl},
		{raw: "/a%0d%0aSet-Cookie:x", err: errPathControl},
		{raw: "/a%7f", err: errPathControl},
		{raw: "/a\x01", err: errPathControl},
		{raw: "/%", err: errPathEscape},
		{raw: "/%4", err: errPathEscape},
		{raw: "/%zz", err: errPathEscape},
		{raw: "/a#b", err: errPathFragment},
		{raw: "/..;/admin", err: errPathParameter},
		{raw: "/a/..;x=1/b", err: errPathParameter},
		{raw: "/a/.;/b", err: errPathParameter},
		{raw: "/a/%2e%2e%3b/b", err: errPathParameter},
		{raw: "/;/admin", err: errPathParameter},
		{raw: "/a/;x=1", err: errPathParameter},
		{raw: "/a/..%20/b", err: errPathSpace},
		{raw: "/a/.%20%20", err: errPathSpace},
		{raw: "/a%20/b;c/...%20", path: "/a /b;c/... ", escaped: "/a%20/b;c/...%20"},
		{raw: "", err: errPathForm},
		{raw: "a", err: errPathForm},
		{raw: "*", err: errPathForm},
	} {
		got, err := canonicalPath(tc.raw)
		if !errors.Is(err, tc.err) || got != (canonical{tc.path, tc.escaped}) {
			t.Errorf("canonicalPath(%q) = %q, %v; want %q %q, %v", tc.raw, got, err, tc.path, tc.escaped, tc.err)
		}
	}
}

// A server's URL has lost nothing of what the client sent.
func TestCanonicalURL(t *testing.T) {
	for raw, want := range map[string]error{
		"/a/b":           nil,
		"/a%2fb":         errPathSlash,
		"/a%2fb%22c":     errPathSlash,
		`/a%2fb"c`:       errPathSlash,
		"/a%2f你":         errPathSlash,
		"/%25%32%66":     nil,
		"/a%5Cb":         errPathSlash,
		"//host/..%2f":   errPathSlash,
		"/caf%C3%A9":     nil,
		"/a%3fb?x=%2f":   nil,
		"/x?y#z":         errPathFragment,
		"http://b?x":     nil,
		"/.well-known/a": nil,
	} {
		u, err := url.ParseRequestURI(raw)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := canonicalURL(u); !errors.Is(err, want) {
			t.Errorf("canonicalURL(%q): %v, want %v", raw, err, want)
		}
	}
}

func TestStripPrefix(t *testing.T) {
	for _, tc := range []struct{ raw, prefix, path, escaped string }{
		{"/api/x", "/api", "/x", "/x"},
		{"/api", "/api", "/", "/"},
		{"/api/", "/api", "/", "/"},
		{"/apix", "/api", "/apix", "/apix"},
		{"/other", "/api", "/other", "/other"},
		{"/a%20b/c%2Cd", "/a b", "/c,d", "/c%2Cd"},
		{"/%E4%BD%A0/x", "/你", "/x", "/x"},
		{"/x", "", "/x", "/x"},
	} {
		c, err := canonicalPath(tc.raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.strip(tc.prefix); got != (canonical{tc.path, tc.escaped}) {
			t.Errorf("%q without %q = %q, want %q %q", tc.raw, tc.prefix, got, tc.path, tc.escaped)
		}
	}
}

func FuzzCanonicalPath(f *testing.F) {
	for _, s := range []string{
		"/", "/a/../b", "/%2e%2e/", "//a", "/%2f", `/\`, "/..;/", "/%00", "/a%", "/你/%E4", "/a;b%3B", "/.%2e/.", "/a/b/../../../c//", "/~1::$DATA", "/#",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		c, err := canonicalPath(raw)
		if err != nil {
			return
		}
		if c.Path == "" || c.Path[0] != '/' || strings.Contains(c.Path, "//") || strings.ContainsAny(c.Path, "\\\x00\r\n") {
			t.Errorf("%q: path %q", raw, c.Path)
		}
		for segment := range strings.SplitSeq(c.Path, "/") {
			if name, _, _ := strings.Cut(segment, ";"); name == ".." || name == "." {
				t.Errorf("%q: path %q has a dot segment", raw, c.Path)
			}
		}
		if clean := path.Clean(c.Path); clean != c.Path && clean+"/" != c.Path {
			t.Errorf("%q: path %q is not clean: %q", raw, c.Path, clean)
		}
		if decoded, err := url.PathUnescape(c.Escaped); err != nil || decoded != c.Path {
			t.Errorf("%q: %q decodes to %q, %v; want %q", raw, c.Escaped, decoded, err, c.Path)
		}
		if again, err := canonicalPath(c.Escaped); err != nil || again != c {
			t.Errorf("%q: not idempotent: %q then %q, %v", raw, c, again, err)
		}
		if plainPath(raw) && (c.Path != raw || c.Escaped != raw) {
			t.Errorf("%q is plain but its form is %q", raw, c)
		}
		// What net/http sends upstream is the escaped form, byte by byte.
		u := url.URL{Path: c.Path, RawPath: c.Escaped}
		if u.EscapedPath() != c.Escaped {
			t.Errorf("%q: net/http would send %q for %q", raw, u.EscapedPath(), c.Escaped)
		}
	})
}

func FuzzSplitHost(f *testing.F) {
	for _, s := range []string{"a", "A.b.:80", "[::1]:443", "[fe80::1%25eth0]", "a:b", ":80", "", "[", "[::1", "a..b", "a:99999", "你", "[::ffff:1.2.3.4]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, host string) {
		name, port, err := splitHost(host)
		if err != nil {
			return
		}
		if name == "" || name != strings.ToLower(name) || port < 0 || port > 65535 || strings.ContainsAny(name, " /\\@\"\r\n") {
			t.Errorf("splitHost(%q) = %q, %d", host, name, port)
		}
		if again, _, err := splitHost(name); err != nil || again != name {
			t.Errorf("%q: not idempotent: %q then %q, %v", host, name, again, err)
		}
	})
}
