//go:build conformance && linux

package conformance

import "strings"

// requestLines are method, target and version (RFC 9112, 3).
func requestLines() []check {
	var cases []check
	for _, l := range []struct {
		name, line, status string
		seen               string
		after              after
		lax                string
	}{
		{"tabs", "GET\t/x\tHTTP/1.1", "400", "", usual, `\t`},
		{"two spaces after the method", "GET  /x HTTP/1.1", "400", "", usual, `GET  `},
		{"two spaces before the version", "GET /x  HTTP/1.1", "400", "", usual, `x  H`},
		{"space at the end", "GET /x HTTP/1.1 ", "400", "", usual, `1 \r`},
		{"space before", " GET /x HTTP/1.1", "400", "", usual, `^ GET`},
		{"vertical tab", "GET\x0b/x HTTP/1.1", "400", "", usual, `\x0b`},
		{"space in the target", "GET /a b HTTP/1.1", "400", "", usual, `a b`},
		{"two targets", "GET /x HTTP/1.1 /smuggled HTTP/1.1", "400", "", usual, `smuggled`},
		{"no version", "GET /x", "400|closed", "", usual, `GET /x`},
		{"no target", "GET HTTP/1.1", "400", "", usual, `GET`},
		{"empty target", "GET  HTTP/1.1", "400", "", usual, `GET`},
		{"HTTP/1.2", "GET /x HTTP/1.2", "200|505", "GET /x", usual, `/1\.2`},
		{"HTTP/1.10", "GET /x HTTP/1.10", "400|505", "", usual, `1\.10`},
		{"HTTP/01.1", "GET /x HTTP/01.1", "400", "", usual, `/01`},
		{"HTTP/1", "GET /x HTTP/1", "400", "", usual, `/1\r`},
		{"HTTP/2.0", "GET /x HTTP/2.0", "505|400", "", usual, `/2`},
		{"HTTP/0.9", "GET /x HTTP/0.9", "505|400", "", usual, `/0\.9`},
		{"HTTP/3.0", "GET /x HTTP/3.0", "505|400", "", usual, `/3`},
		{"http/1.1", "GET /x http/1.1", "400", "", usual, `http/1`},
		{"HTTPS/1.1", "GET /x HTTPS/1.1", "400", "", usual, `HTTPS`},
		{"HTTP/1,1", "GET /x HTTP/1,1", "400", "", usual, `1,1`},
		{"HTTP 1.1", "GET /x HTTP 1.1", "400", "", usual, `P 1`},
		{"NUL in the target", "GET /a\x00b HTTP/1.1", "400", "", usual, `\x00`},
		{"control character in the target", "GET /a\x01b HTTP/1.1", "400", "", usual, `\x01`},
		{"DEL in the target", "GET /a\x7fb HTTP/1.1", "400", "", usual, `\x7f`},
		{"bare CR in the target", "GET /a\rb HTTP/1.1", "400", "", usual, `\r`},
		{"bytes above 127", "GET /\xe4\xff HTTP/1.1", "200", "GET /%E4%FF", usual, `[^\x00-\x7f]`},
		{"fragment", "GET /x#y HTTP/1.1", "400", "", goes, `#`},
		{"absolute form", "GET http://b.test/x?y HTTP/1.1", "200", "GET /x?y", usual, ""},
		{"absolute form, https", "GET https://b.test/x HTTP/1.1", "200", "GET /x", usual, ""},
		{"absolute form, capitals", "GET HTTP://B.TEST/x HTTP/1.1", "200", "GET /x", usual, ""},
		{"absolute form without a path", "GET http://b.test HTTP/1.1", "200", "GET /", usual, ""},
		{"absolute form to admin", "GET http://b.test/admin HTTP/1.1", "403", "", goes, `GET `},
		{"absolute form, ftp", "GET ftp://b.test/x HTTP/1.1", "400", "", goes, `ftp`},
		{"absolute form, file", "GET file:///etc/passwd HTTP/1.1", "400", "", goes, `file:|passwd`},
		{"absolute form with a user", "GET http://u:p@b.test/x HTTP/1.1", "400", "", goes, `u:p@|GET /x`},
		{"absolute form without a host", "GET http:///x HTTP/1.1", "400", "", goes, `GET .*x`},
		{"absolute form, bad host", "GET http://b/../c HTTP/1.1", "200", "GET /c", usual, `\.\.`},
		{"absolute form, bad port", "GET http://b:99999/x HTTP/1.1", "400", "", goes, `:99999`},
		{"opaque", "GET http:x HTTP/1.1", "400", "", goes, `http:x`},
		{"authority form with GET", "GET b.test:80 HTTP/1.1", "400", "", goes, `b\.test:80`},
		{"relative target", "GET x HTTP/1.1", "400", "", usual, `GET x`},
		{"target @", "GET @evil.test/x HTTP/1.1", "400", "", usual, `@`},
		{"target with a question mark only", "GET ?x HTTP/1.1", "400", "", usual, `GET \?`},
		{"asterisk with GET", "GET * HTTP/1.1", "400", "", goes, `GET \*`},
		{"asterisk with OPTIONS", "OPTIONS * HTTP/1.1", "200", "", usual, ""},
		{"OPTIONS of a whole server in absolute form", "OPTIONS http://b.test HTTP/1.1", "200", "", usual, ""},
		{"asterisk and more", "OPTIONS *x HTTP/1.1", "400", "", usual, `\*x`},
		{"HTTP/2's preface", "PRI * HTTP/2.0", "400|505", "", usual, `PRI`},
		{"absolute form, query without a path", "GET http://b.test?x HTTP/1.1", "200", "GET /?x", usual, ""},
		{"query untouched", "GET /x?../%2e%2e/%5c&a=b;c&%zz HTTP/1.1", "200", "GET /x?../%2e%2e/%5c&a=b;c&%zz", usual, ""},
		{"control character in the query", "GET /x?a\x01b HTTP/1.1", "400", "", usual, `\x01`},
		{"bytes above 127 in the query", "GET /x?\xe4 HTTP/1.1", "200", "GET /x?\xe4", usual, ""},
		{"fragment in the query", "GET /x?y#z HTTP/1.1", "400", "", goes, `#`},
		{"long target", "GET /" + strings.Repeat("a", 6000) + " HTTP/1.1", "200", "GET /" + strings.Repeat("a", 6000), usual, ""},
		{"huge target", "GET /" + strings.Repeat("a", 100<<10) + " HTTP/1.1", "414|431|400", "", usual, `aaaaaaaaaaaa`},
		{"response as a request", "HTTP/1.1 200 OK", "400", "", usual, `200 OK`},
		{"TLS hello", "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03", "400|closed", "", usual, `\x16`},
	} {
		c := check{name: "line: " + l.name, rfc: "9112 3", send: head(l.line, "Host: a"), status: l.status, after: l.after, lax: l.lax}
		if l.seen != "" {
			c.seen = []string{l.seen}
		}
		cases = append(cases, c)
	}
	for i := range cases {
		switch cases[i].name {
		case "line: absolute form": // its host is the one that counts (RFC 9112, 3.2.2)
			cases[i].has, cases[i].hasNot = []string{`(?m)^Host: b\.test\r$`, `(?m)^X-Forwarded-Host: b\.test\r$`}, []string{`(?m)^Host: a`}
			cases[i].lax = `(?m)^Host: a`
		case "line: HTTP/2's preface":
			cases[i].send = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
		}
	}
	return append(cases,
		check{name: "line: empty lines before", rfc: "9112 2.2", send: "\r\n\r\n" + get(), status: "200|400", seen: nil, lax: `GET`},
		check{name: "line: empty line after a POST", rfc: "9112 2.2", send: post("abc", "Content-Length: 3") + "\r\n", status: "200", seen: []string{"POST /x abc"}},
		check{name: "line: garbage after a body", rfc: "9112 2.2", send: post("abc(XYZ)", "Content-Length: 3"), status: "200", seen: []string{"POST /x abc"}, after: stops},
		check{name: "line: line feeds only", rfc: "9112 2.2", send: "GET /x HTTP/1.1\nHost: a\n\n", status: "400", lax: `GET`},
		check{name: "line: line feed after the request line", rfc: "9112 2.2", send: "GET /x HTTP/1.1\nHost: a\r\n\r\n", status: "400", lax: `GET`},
		check{name: "line: line feed ends the header", rfc: "9112 2.2", send: "GET /x HTTP/1.1\r\nHost: a\r\n\n", status: "400", lax: `GET`},
		check{name: "line: CR CR LF", rfc: "9112 2.2", send: "GET /x HTTP/1.1\r\r\nHost: a\r\n\r\n", status: "400", lax: `GET`},
	)
}

// hosts are the Host field (RFC 9112, 3.2; RFC 9110, 7.2).
func hosts() []check {
	cases := []check{
		{name: "host: missing", send: head("GET /x HTTP/1.1"), status: "400"},
		{name: "host: missing in 1.0", send: head("GET /x HTTP/1.0"), alone: true, status: "200", seen: []string{"GET /x"}},
		{name: "host: twice, different", send: head("GET /x HTTP/1.1", "Host: a", "Host: b"), status: "400"},
		{name: "host: twice, equal", send: head("GET /x HTTP/1.1", "Host: a", "Host: a"), status: "400"},
		{name: "host: twice, second spelling", send: head("GET /x HTTP/1.1", "Host: a", "hOST: b"), status: "400"},
		{name: "host: twice in 1.0", send: head("GET /x HTTP/1.0", "Host: a", "Host: b"), alone: true, status: "400"},
		{name: "host: space before the colon", send: head("GET /x HTTP/1.1", "Host : a"), status: "400"},
		{name: "host: second with a space", send: head("GET /x HTTP/1.1", "Host: a", "Host : b"), status: "400"},
		{name: "host: second is folded", send: head("GET /x HTTP/1.1", "Host: a", " Host: b"), status: "400"},
		{name: "host: folded", send: head("GET /x HTTP/1.1", "Host:", " a"), status: "400"},
		{name: "host: bad beside absolute form", send: head("GET http://b.test/x HTTP/1.1", "Host: a/b"), status: "400"},
		{name: "host: missing beside absolute form", send: head("GET http://b.test/x HTTP/1.1"), status: "400"},
		{name: "host: not the absolute form's", send: head("GET http://b.test/x HTTP/1.1", "Host: evil"), status: "200", seen: []string{"GET /x"}, has: []string{`(?m)^Host: b\.test\r$`}, hasNot: []string{"evil"}},
	}
	for i := range cases {
		cases[i].rfc = "9112 3.2"
		cases[i].lax = `(?mi)^host ?:.*(\n.*)*^ ?host ?:|^host: evil`
	}
	for _, h := range []struct{ name, value, status string }{
		{"name and port", "a.test:8080", "200"},
		{"empty port", "a.test:", "200"},
		{"capitals", "A.Test", "200"},
		{"final dot", "a.test.", "200"},
		{"underscore", "my_box", "200"},
		{"IPv4", "192.0.2.1:80", "200"},
		{"IPv6", "[2001:db8::1]:80", "200"},
		{"empty", "", "400"},
		{"path", "a/b", "400"},
		{"query", "a?b", "400"},
		{"fragment", "a#b", "400"},
		{"user", "u@a", "400"},
		{"list", "a, b", "400"},
		{"space", "a b", "400"},
		{"tab", "a\tb", "400"},
		{"port with letters", "a:80x", "400"},
		{"port and user", "a:80@evil.test", "400"},
		{"port 99999", "a:99999", "400"},
		{"port 0", "a:0", "400"},
		{"negative port", "a:-80", "400"},
		{"two ports", "a:80:81", "400"},
		{"IPv6 without brackets", "2001:db8::1", "400"},
		{"IPv6 that is none", "[evil]", "400"},
		{"IPv6 with a zone", "[fe80::1%25eth0]", "400"},
		{"IPv6 and more", "[::1]evil", "400"},
		{"bracket left open", "[::1", "400"},
		{"dots", "..", "400"},
		{"dot first", ".a", "400"},
		{"percent", "a%2eb", "400"},
		{"backslash", `a\b`, "400"},
		{"quote", `a"b`, "400"},
		{"angle brackets", "<a>", "400"},
		{"NUL", "a\x00b", "400"},
		{"bytes above 127", "\xe4.test", "400"},
		{"300 bytes", strings.Repeat("a", 300), "400"},
		{"scheme", "http://a", "400"},
		{"asterisk", "*", "400"},
	} {
		c := check{name: "host: " + h.name, rfc: "9110 7.2", send: head("GET /x HTTP/1.1", "Host: "+h.value), status: h.status}
		if h.status == "200" {
			c.seen = []string{"GET /x"}
		} else {
			c.after, c.lax = eitherWay, `(?mi)^(host|x-forwarded-host): `+literal(h.value)+`\r$`
		}
		cases = append(cases, c)
	}
	return cases
}
