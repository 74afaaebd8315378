//go:build conformance && linux

package conformance

import "strings"

// paths are tricks to reach by one reader's eyes what another's has forbidden: /admin is.
func paths() []check {
	var cases []check
	for _, p := range []struct{ target, status, seen, lax string }{
		// What a careless server behind takes for /admin must be refused, or reach nobody as such.
		{"/admin", "403", "", `GET /admin`},
		{"/admin/", "403", "", `GET /admin`},
		{"/admin/x", "403", "", `GET /admin`},
		{"/admin?x", "403", "", `GET /admin`},
		{"//admin", "403", "", `GET //admin`},
		{"///admin//x", "403", "", `GET ///admin`},
		{"/./admin", "403", "", `/\./`},
		{"/x/../admin", "403", "", `\.\.`},
		{"/x/%2e%2e/admin", "403", "", `%2e%2e`},
		{"/x/%2E./admin", "403", "", `(?i)%2e`},
		{"/x/.%2e/admin", "403", "", `(?i)%2e`},
		{"/%2e/admin", "403", "", `(?i)%2e`},
		{"/../admin", "403", "", `\.\.`},
		{"/x/y/../../admin", "403", "", `\.\.`},
		{"/%61dmin", "403", "", `%61dmin`},
		{"/%61%64%6d%69%6E/x", "403", "", `%61%64`},
		{"/admi%6e", "403", "", `%6e`},
		{"/admin%3f", "404|200", "GET /admin%3F", ""},
		{"/admin%2fx", "400", "", `%2f`},
		{"/x%2f..%2fadmin", "400", "", `%2f`},
		{"/x/..%2fadmin", "400", "", `%2f`},
		{"/x/..%2Fadmin", "400", "", `%2F`},
		{"/x/..%5cadmin", "400", "", `%5c`},
		{"/x/..%5Cadmin", "400", "", `%5C`},
		{`/x/..\admin`, "400", "", `\\admin`},
		{`/\admin`, "400", "", `\\admin`},
		{`\admin`, "400", "", `\\admin`},
		{"/%5cadmin", "400", "", `%5c`},
		{"/%2fadmin", "400", "", `%2f`},
		{"/%2f/admin", "400", "", `%2f`},
		{"/x/..;/admin", "400", "", `\.\.;`},
		{"/x/..;a=b/admin", "400", "", `\.\.;`},
		{"/x/.;/../admin", "400", "", `\.;`},
		{"/;/admin", "400", "", `/;/admin`},
		{"/;x/admin", "400", "", `/;x/admin`},
		{"/admin;x", "200", "GET /admin;x", `/admin;x`},
		{"/admin;/x", "200", "GET /admin;/x", `/admin;/x`},
		{"/x/%2e%2e;/admin", "400", "", `%2e;`},
		{"/x/..%3b/admin", "400", "", `%3b`},
		{"/admin%00", "400", "", `%00`},
		{"/admin%00.html", "400", "", `%00`},
		{"/%00/admin", "400", "", `%00`},
		{"/admin%09", "400", "", `%09`},
		{"/admin%0d%0aX-Evil:%20y", "400", "", `(?i)X-Evil`},
		{"/x%0a/../admin", "400", "", `%0a`},
		{"/%7f", "400", "", `%7f`},
		{"/admin%20", "200", "GET /admin%20", ""},
		{"/admin.", "200", "GET /admin.", ""},
		{"/admin..", "200", "GET /admin..", ""},
		{"/ADMIN", "200", "GET /ADMIN", ""},
		{"/x/%252e%252e/admin", "200", "GET /x/%252e%252e/admin", ""},
		{"/%2561dmin", "200", "GET /%2561dmin", ""},
		{"/x/%252fadmin", "200", "GET /x/%252fadmin", ""},
		{"/x/%c0%ae%c0%ae/admin", "200", "GET /x/%C0%AE%C0%AE/admin", ""},
		{"/x/%e0%80%ae%e0%80%ae/admin", "200", "GET /x/%E0%80%AE%E0%80%AE/admin", ""},
		{"/x%c0%afadmin", "200", "GET /x%C0%AFadmin", ""},
		{"/x/%u002e%u002e/admin", "400", "", `%u002e`},
		{"/x/%ef%bc%8e%ef%bc%8e/admin", "200", "GET /x/%EF%BC%8E%EF%BC%8E/admin", ""},
		{"/x/%ef%bc%8fadmin", "200", "GET /x/%EF%BC%8Fadmin", ""},
		{"/x/\u2025/admin", "200", "GET /x/%E2%80%A5/admin", ""},
		{"/x/..../admin", "200", "GET /x/..../admin", ""},
		{"/x/.../admin", "200", "GET /x/.../admin", ""},
		{"/x/..%20/admin", "400", "", `\.\.%20`},
		{"/x/..%09/admin", "400", "", `%09`},
		{"/x/.%00./admin", "400", "", `%00`},
		{"/a%g0", "400", "", `%g0`},
		{"/a%2", "400", "", `%2 `},
		{"/a%", "400", "", `a% `},
		{"/a%%32%65", "400", "", `%%`},
		{"/a/./b/../c/", "200", "GET /a/c/", `\./`},
		{"/a//b", "200", "GET /a/b", `a//b`},
		{"/a;b=%3B,%2C", "200", "GET /a;b=%3B,%2C", ""},
		{"/a%7Eb%2dc", "200", "GET /a~b-c", ""},
		{"/a%20b", "200", "GET /a%20b", ""},
		{"/a\"<>^`{|}b", "200", "GET /a%22%3C%3E%5E%60%7B%7C%7Db", `GET [^ ]*["<>]`},
		{"/..", "200", "GET /", `\.\.`},
		{"/x/..", "200", "GET /", `\.\.`},
		{"/x/.", "200", "GET /x/", `\./`},
		{"/%2e%2e/%2e%2e/etc/passwd", "200", "GET /etc/passwd", `(?i)%2e`},
		{"/x/../../../../etc/passwd", "200", "GET /etc/passwd", `\.\.`},
	} {
		c := check{name: "path: " + p.target, rfc: "3986 6.2", send: head("GET "+p.target+" HTTP/1.1", "Host: a"), status: p.status, after: goes, lax: p.lax}
		if p.seen != "" {
			c.seen = []string{p.seen}
		}
		c.told = `(?mi)^X-Evil:`
		if p.target[0] == '\\' || strings.Contains(p.target, "%u") || strings.HasPrefix(p.target, "/a%") && p.status == "400" {
			c.after = eitherWay // no request target at all
		}
		cases = append(cases, c)
	}
	return cases
}

// folders are tricks against the file server: what is not to be had is not there.
func folders() []check {
	var cases []check
	for _, p := range []struct{ target, status, body string }{
		{"/files/page.txt", "200", "0123456789"},
		{"/files/sub/inner.txt", "200", "inner"},
		{"/files/a%20b.txt", "200", "spaced"},
		{"/files/", "200", "the index"},
		{"/files//page.txt", "200", "0123456789"},
		{"/files/./sub/../page.txt", "200", "0123456789"},
		{"/files/.well-known/security.txt", "200", "well-known"},
		{"/files/shop", "308", ""},
		{"/files/shop/", "200", "the shop"},
		{"/files/sub", "404", ""},  // nor a redirect to nothing
		{"/files/sub/", "404", ""}, // no listing
		{"/files/page.txt/", "404", ""},
		{"/files/missing", "404", ""},
		{"/files/../secret.txt", "200", "answer to GET /secret.txt"}, // the server's, not the folder's
		{"/files/%2e%2e/secret.txt", "200", "answer to GET /secret.txt"},
		{"/files/..%2fsecret.txt", "400", ""},
		{"/files/..%5csecret.txt", "400", ""},
		{`/files/..\secret.txt`, "400", ""},
		{"/files/..;/secret.txt", "400", ""},
		{"/files../secret.txt", "200", "answer to GET /files../secret.txt"},
		{"/files/%c0%ae%c0%ae/secret.txt", "404", ""},
		{"/files/%ef%bc%8e%ef%bc%8e/secret.txt", "404", ""},
		{"/files/....//secret.txt", "404", ""},
		{"/files/link.txt", "404", ""}, // leads out
		{"/files/.env", "404", ""},
		{"/files/%2eenv", "404", ""},
		{"/files/.git/config", "404", ""},
		{"/files/page.txt.", "404", ""},
		{"/files/trailing.", "404", ""},
		{"/files/page.txt%20", "404", ""},
		{"/files/page.txt::$DATA", "404", ""},
		{"/files/page.txt%3a%3a$DATA", "404", ""},
		{"/files/page.txt:stream", "404", ""},
		{"/files/sub::$INDEX_ALLOCATION/inner.txt", "404", ""},
		{"/files/PAGE~1.TXT", "404", ""},
		{"/files/con.txt", "404", ""},
		{"/files/CON", "404", ""},
		{"/files/nul.html", "404", ""},
		{"/files/com1", "404", ""},
		{"/files/COM%C2%B9", "404", ""},
		{"/files/aux/x", "404", ""},
		{"/files/conin$", "404", ""},
		{"/files/page.txt%00.html", "400", ""},
		{"/files/page%2etxt", "200", "0123456789"},
		{"/files/*", "404", ""},
		{"/files/page.t?t", "404", ""},
		{"/files/%3f", "404", ""},
		{"/files/C:/Windows/win.ini", "404", ""},
		{"/files/%5c%5cserver%5cshare", "400", ""},
		{"/files/page.txt;x", "404", ""},
		{"/files/%ff%fe", "404", ""},
	} {
		c := check{name: "file: " + p.target, rfc: "3986 6.2", send: head("GET "+p.target+" HTTP/1.1", "Host: a"), status: p.status, after: goes, clientNot: []string{"secret\r?$|secretHTTP"}}
		if p.status == "200" {
			c.client = []string{`\r\n\r\n` + literal(p.body)}
			if line, passed := strings.CutPrefix(p.body, "answer to "); passed {
				c.seen = []string{line}
			}
		} else {
			c.told = `^HTTP/1.1 2`
		}
		cases = append(cases, c)
	}
	file := func(name, status string, send string, client ...string) check {
		return check{name: "file: " + name, rfc: "9110 14", send: send, status: status, client: client, after: goes}
	}
	page := func(fields ...string) string {
		return head(append([]string{"GET /files/page.txt HTTP/1.1", "Host: a"}, fields...)...)
	}
	return append(cases,
		file("range", "206", page("Range: bytes=2-4"), `(?mi)^Content-Range: bytes 2-4/10\r$`, `\r\n\r\n234`),
		file("range from the end", "206", page("Range: bytes=-3"), `\r\n\r\n789`),
		file("range beyond the end", "416", page("Range: bytes=20-30"), `(?mi)^Content-Range: bytes \*/10\r$`),
		file("range that is none", "416|200", page("Range: bytes=x-y")),
		file("range of another unit", "416|200", page("Range: lines=1-2")),
		file("range backwards", "416|200", page("Range: bytes=4-2")),
		file("many overlapping ranges", "200|206|416", page("Range: bytes="+overlaps)),
		file("If-Range that does not match", "200", page("Range: bytes=2-4", `If-Range: "other"`), `0123456789`),
		file("If-None-Match any", "304", page("If-None-Match: *")),
		file("If-Match that does not match", "412", page(`If-Match: "other"`)),
		file("If-Modified-Since in the future", "304", page("If-Modified-Since: Sun, 06 Nov 2094 08:49:37 GMT")),
		file("If-Modified-Since that is no date", "200", page("If-Modified-Since: evil")),
		file("POST", "405", head("POST /files/page.txt HTTP/1.1", "Host: a", "Content-Length: 0"), `(?mi)^Allow: GET, HEAD\r$`),
		file("DELETE", "405", head("DELETE /files/page.txt HTTP/1.1", "Host: a")),
		check{name: "file: HEAD", rfc: "9110 9.3.2", method: "HEAD", send: head("HEAD /files/page.txt HTTP/1.1", "Host: a"), status: "200", client: []string{`(?mi)^Content-Length: 10\r$`}, clientNot: []string{"0123"}},
		check{name: "file: redirect stays here", rfc: "9110 10.2.2", send: head("GET //evil.test/../files/shop HTTP/1.1", "Host: a"), status: "308", client: []string{`(?mi)^Location: /files/shop/\r$`}, after: goes, told: `(?mi)^Location: //`},
	)
}

// overlaps asks for the same bytes a thousand times.
var overlaps = "0-9" + strings.Repeat(",0-9", 1000)
