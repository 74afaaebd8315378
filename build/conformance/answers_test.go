//go:build conformance && linux

package conformance

import (
	"fmt"
	"strings"
)

// connections are what may follow a request on its connection (RFC 9112, 9).
func connections() []check {
	two := []string{"GET /x", "GET /second"}
	second := head("GET /second HTTP/1.1", "Host: a")
	many := strings.Repeat(get(), 30)
	var thirty []string
	for range 30 {
		thirty = append(thirty, "GET /x")
	}
	return []check{
		{name: "connection: two at once", rfc: "9112 9.3.2", send: get() + second, status: "200", seen: two, client: []string{`(?s)answer to GET /x.*answer to GET /second.*answer to GET /probe`}},
		{name: "connection: thirty at once", rfc: "9112 9.3.2", send: many, status: "200", seen: thirty},
		{name: "connection: POST, then GET", rfc: "9112 9.3.2", send: post("abc", "Content-Length: 3") + second, status: "200", seen: []string{"POST /x abc", "GET /second"}},
		{name: "connection: refused path, then GET", rfc: "9112 9.3.2", send: head("GET /x%00 HTTP/1.1", "Host: a") + second, status: "400", seen: []string{"GET /second"}, after: goes},
		{name: "connection: forbidden with a body, then GET", rfc: "9112 9.3.2", send: head("POST /admin HTTP/1.1", "Host: a", length(smuggle)) + smuggle, status: "403", after: goes},
		{name: "connection: forbidden with chunks, then GET", rfc: "9112 9.3.2", send: head("POST /admin HTTP/1.1", "Host: a", "Transfer-Encoding: chunked") + smuggleChunked, status: "403", after: goes},
		{name: "connection: forbidden with a cut body", rfc: "9112 9.3.2", send: head("POST /admin HTTP/1.1", "Host: a", "Content-Length: 4000") + smuggle, status: "403|408|closed", after: stops},
		{name: "connection: bad request, then GET", rfc: "9112 9.3.2", send: head("GET /x HTTP/1.1", "Host: a", "Bad Name: x") + second, status: "400", lax: "second"},
		{name: "connection: close, then more", rfc: "9112 9.6", send: get("Connection: close") + smuggle, status: "200", seen: []string{"GET /x"}, after: stops, client: []string{`(?mi)^Connection: close\r$`}},
		{name: "connection: close in a list", rfc: "9112 9.6", send: get("Connection: foo, CLOSE") + smuggle, status: "200", seen: []string{"GET /x"}, after: stops},
		{name: "connection: 1.0", rfc: "9112 9.3", send: head("GET /x HTTP/1.0", "Host: a") + smuggle, status: "200", seen: []string{"GET /x"}, after: stops},
		{name: "connection: 1.0 keep-alive", rfc: "9112 9.3", send: head("GET /x HTTP/1.0", "Host: a", "Connection: keep-alive"), status: "200", seen: []string{"GET /x"}, after: eitherWay},
		{name: "connection: half-close after the request", rfc: "9112 9.6", pieces: []string{get(), awaitBytes, halfClose}, alone: true, status: "200", seen: []string{"GET /x"}},
		{name: "connection: cut header", rfc: "9112 8", send: "GET /x HTTP/1.1\r\nHost: a\r\n", alone: true, status: "400|408|closed"},
		{name: "connection: cut header, then half-close", rfc: "9112 8", pieces: []string{"GET /x HTTP/1.1\r\nHost: a\r\nX-Y: ", halfClose}, alone: true, status: "400|408|closed"},
		{name: "connection: cut request line", rfc: "9112 8", send: "GET /x", alone: true, status: "400|408|closed"},
		{name: "connection: request in pieces", rfc: "9112 2", pieces: []string{"GE", "T /x HTT", "P/1.1\r", "\nHost", ": a\r\n\r", "\n"}, status: "200", seen: []string{"GET /x"}},
		{name: "connection: nothing but half-close", rfc: "9112 9.5", pieces: []string{halfClose}, alone: true, status: "closed"},
		{name: "connection: app route", rfc: "9110 7.4", send: head("GET /app/info HTTP/1.1", "Host: a"), status: "200", only: true},
		{name: "connection: app route by dots", rfc: "3986 6.2", send: head("GET /x/../app/info HTTP/1.1", "Host: a"), status: "200", only: true},
		{name: "connection: app route by an escaped slash", rfc: "3986 6.2", send: head("GET /app%2finfo HTTP/1.1", "Host: a"), status: "400", after: goes, only: true},
	}
}

// answers are what a server may say (RFC 9110, 15; RFC 9112, 4 and 6.3): what is not a clear answer must
// not reach the client as one.
func answers() []check {
	x := []string{"GET /x"}
	var cases []check
	for _, a := range []struct {
		name, answer, status string
		after                after
		client, lax          string
	}{
		{"length", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "200", goes, `\r\n\r\nabcHTTP`, ""},
		{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "200", goes, `abc`, ""},
		{"until the end", "HTTP/1.1 200 OK\r\n\r\nabc", "200", eitherWay, `abc`, ""},
		{"1.0 until the end", "HTTP/1.0 200 OK\r\n\r\nabc", "200", eitherWay, `^HTTP/1\.1 200`, ""},
		{"no reason", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "200", goes, "", ""},
		{"unknown status", "HTTP/1.1 299 Evil\r\nContent-Length: 0\r\n\r\n", "299", goes, "", ""},
		{"status 999", "HTTP/1.1 999 Evil\r\nContent-Length: 0\r\n\r\n", "999|502", eitherWay, "", ""},
		{"both, length first", "HTTP/1.1 200 OK\r\nContent-Length: 40\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nHTTP/1.1 200 Evil\r\nContent-Length: 0\r\n\r\n", "200|502", eitherWay, "", `(?i)Evil|Content-Length: 40`},
		{"both, chunked first", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "200|502", eitherWay, "", `(?i)Evil|^HTTP/1.1 200 OK\r\n(.*\r\n)*Content-Length: 3\r`},
		{"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", "502", eitherWay, "", `\r\n\r\nabc`},
		{"equal lengths", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", "200|502", eitherWay, "", `(?i)(Content-Length: 3\r\n.*){2}abc`},
		{"length list", "HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\nabc", "502", eitherWay, "", `Content-Length: 3, 3`},
		{"negative length", "HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\nabc", "502", eitherWay, "", `Length: -3`},
		{"length with a plus", "HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\nabc", "502", eitherWay, "", `Length: \+3`},
		{"length that is none", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nabc", "502", eitherWay, "", `Length: x`},
		{"huge length", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nabc", "502", eitherWay, "", `Length: 999`},
		{"unknown coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "502", eitherWay, "", `xchunked`},
		{"gzip, chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "502", eitherWay, "", `gzip`},
		{"two codings", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "502", eitherWay, "", `(?s)(Transfer-Encoding.*){2}`},
		{"no status line", "evil\r\n\r\n", "502", eitherWay, "", `evil`},
		{"another protocol", "SSH-2.0-evil\r\n", "502", eitherWay, "", `evil`},
		{"HTTP/2 in the status line", "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", "200|502", eitherWay, "", `HTTP/2`},
		{"HTTP/0.9", "just a body", "502", eitherWay, "", `just`},
		{"status of two digits", "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n", "502", eitherWay, "", ` 20 `},
		{"status of four digits", "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n", "502", eitherWay, "", `1.1 2000`},
		{"status with a sign", "HTTP/1.1 -20 OK\r\nContent-Length: 0\r\n\r\n", "502", eitherWay, "", `-20`},
		{"status 000", "HTTP/1.1 000 OK\r\nContent-Length: 0\r\n\r\n", "502", eitherWay, "", ` 000`},
		{"status 099", "HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n", "502", eitherWay, "", ` 0?99 `},
		{"status with letters", "HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n", "502", eitherWay, "", `1.1 abc`},
		{"nothing", " ", "502", eitherWay, "", ""},
		{"cut header", "HTTP/1.1 200 OK\r\nContent-Le", "502", eitherWay, "", `^HTTP/1.1 200`},
		{"NUL in a field", "HTTP/1.1 200 OK\r\nX-Evil: a\x00b\r\nContent-Length: 0\r\n\r\n", "502", eitherWay, "", `\x00`},
		{"CR in a field", "HTTP/1.1 200 OK\r\nX-One: a\rX-Evil: b\r\nContent-Length: 0\r\n\r\n", "502", eitherWay, "", `\rX-Evil`},
		{"control character in a field", "HTTP/1.1 200 OK\r\nX-Evil: a\x01b\r\nContent-Length: 0\r\n\r\n", "502", eitherWay, "", `\x01`},
		{"folded field", "HTTP/1.1 200 OK\r\nX-One: a\r\n b\r\nContent-Length: 0\r\n\r\n", "200|502", eitherWay, "", `a\r\n b`},
		{"space before the colon", "HTTP/1.1 200 OK\r\nContent-Length : 3\r\n\r\nabc", "200|502", eitherWay, "", `Length : 3`},
		{"field without a colon", "HTTP/1.1 200 OK\r\nevil\r\nContent-Length: 0\r\n\r\n", "502", eitherWay, "", `evil`},
		{"field without a name", "HTTP/1.1 200 OK\r\n: evil\r\nContent-Length: 0\r\n\r\n", "502", eitherWay, "", `: evil`},
		{"bad name", "HTTP/1.1 200 OK\r\nX (Evil): a\r\nContent-Length: 0\r\n\r\n", "502", eitherWay, "", `Evil`},
		{"line feeds only", "HTTP/1.1 200 OK\nContent-Length: 3\n\nabc", "200|502", eitherWay, "", `OK\n`},
		{"CR in the reason", "HTTP/1.1 200 OK\rX-Evil: b\r\nContent-Length: 0\r\n\r\n", "200|502", eitherWay, "", `X-Evil`},
		{"huge header", "HTTP/1.1 200 OK\r\nX-Big: " + strings.Repeat("a", 1<<20) + "\r\nContent-Length: 0\r\n\r\n", "502", eitherWay, "", `aaaaaaaaaaaa`},
		{"many fields", "HTTP/1.1 200 OK\r\n" + strings.Repeat("X-Many: aaaaaaaaaaaaaaaaaa\r\n", 40000) + "Content-Length: 0\r\n\r\n", "502", eitherWay, "", `X-Many`},
		{"hop-by-hop fields", "HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nX-Hop: evil\r\nKeep-Alive: timeout=600\r\nProxy-Connection: evil\r\nContent-Length: 0\r\n\r\n", "200", goes, "", `evil|timeout=600`},
		{"Proxy-Authenticate", "HTTP/1.1 200 OK\r\nProxy-Authenticate: evil\r\nContent-Length: 0\r\n\r\n", "200", goes, "", `evil`},
		{"Upgrade offered", "HTTP/1.1 200 OK\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n", "200", goes, "", `h2c`},
		{"Connection: close", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc", "200", goes, `abc`, ""},
		{"407", "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", "407|502", eitherWay, "", ""},
		{"204 with a body", "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nabc", "204", eitherWay, "", `\r\n\r\nabc|(?i)content-length: 3`},
		{"204 chunked", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "204|502", eitherWay, "", `\r\n\r\nabc|(?i)transfer-enc`},
		{"304 with a body", "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\nabc", "304", eitherWay, "", `\r\n\r\nabc`},
		{"205 with a body", "HTTP/1.1 205 Reset Content\r\nContent-Length: 3\r\n\r\nabc", "205", eitherWay, "", ""},
		{"more than its length", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 200 Evil\r\nContent-Length: 4\r\n\r\nevil", "200", goes, `abcHTTP/1.1 200 OK`, `(?i)evil`},
		{"two answers, kept alive", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 200 Evil\r\nContent-Length: 4\r\n\r\nevil", "200", goes, `abcHTTP/1.1 200 OK`, `(?i)evil`},
		{"more than its chunks, kept alive", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nHTTP/1.1 200 Evil\r\nContent-Length: 4\r\n\r\nevil", "200", goes, `abc`, `(?i)evil`},
		{"after a 204, kept alive", "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 Evil\r\nContent-Length: 4\r\n\r\nevil", "204", goes, "", `(?i)evil`},
		{"after a 304, kept alive", "HTTP/1.1 304 Not Modified\r\n\r\nHTTP/1.1 200 Evil\r\nContent-Length: 4\r\n\r\nevil", "304", goes, "", `(?i)evil`},
		{"early hints", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "200", goes, `(?s)^HTTP/1.1 (103.*|200)`, ""},
		{"processing", "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "200", goes, `abc`, ""},
		{"100 that nobody asked for", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "200", goes, `abc`, ""},
		{"1xx without an end", strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 100), "502", eitherWay, "", ``},
		{"1xx with a length", "HTTP/1.1 103 Early Hints\r\nContent-Length: 3\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "200|502", eitherWay, ``, `^HTTP/1.1 103[^\r]*(\r\n[^\r]+)*\r\nContent-Length: 3`},
		{"1xx with a coding", "HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "200|502", eitherWay, ``, `^HTTP/1.1 103[^\r]*(\r\n[^\r]+)*\r\nTransfer-Encoding`},
		{"header of the gateway's own", "HTTP/1.1 200 OK\r\nX-Request-Id: forged\r\nContent-Length: 0\r\n\r\n", "200", goes, `(?mi)^X-Request-Id: `, ""},
		{"trailers", "HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 6\r\n\r\n", "200", goes, `abc`, ""},
		{"trailer with a length", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nContent-Length: 30\r\n\r\n", "200", eitherWay, ``, `(?i)length: 30`},
		{"trailer with a coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nTransfer-Encoding: gzip\r\n\r\n", "200", eitherWay, ``, `gzip`},
		{"trailer with a cookie", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nSet-Cookie: evil=1\r\n\r\n", "200", eitherWay, ``, `(?s)abc.*evil`},
	} {
		c := check{name: "answer: " + a.name, rfc: "9112 6.3", send: get(), status: a.status, seen: x, after: a.after, answer: a.answer, keep: strings.HasSuffix(a.name, "kept alive"), lax: a.lax}
		if a.client != "" {
			c.client = []string{a.client}
		}
		if a.lax != "" {
			c.clientNot = []string{a.lax}
		}
		cases = append(cases, c)
	}
	// A body that breaks off must not look whole to the client.
	for _, b := range []struct{ name, answer string }{
		{"body shorter than its length", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"},
		{"long body shorter than its length", "HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + strings.Repeat("a", 200000)},
		{"no last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"},
		{"cut chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nabc"},
		{"cut last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n"},
		{"bad chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n"},
		{"chunk longer than said", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n"},
		{"negative chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n"},
		{"chunk with line feeds", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n"},
	} {
		cases = append(cases, check{name: "answer: " + b.name, rfc: "9112 8", send: get(), status: "200|502|closed", seen: x, after: stops, answer: b.answer, torn: true})
	}
	old := head("GET /x HTTP/1.0", "Host: a")
	hint := "HTTP/1.1 103 Early Hints\r\nLink: " + strings.Repeat("a", 1000) + "\r\n\r\n"
	return append(cases,
		check{name: "answer: flood of 1xx", rfc: "9110 15.2", send: get(), status: "502", seen: x, after: eitherWay, answer: strings.Repeat(hint, 1000) + "HTTP/1.1 200 Evil\r\nContent-Length: 0\r\n\r\n", lax: `(103 Early Hints(.*\r\n)*){100}`},
		check{name: "answer: chunked to 1.0", rfc: "9112 7", send: old, alone: true, status: "200", seen: x, answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", client: []string{`\r\n\r\nabc$`}, clientNot: []string{`(?i)transfer-encoding`}, lax: `(?i)transfer-encoding`},
		check{name: "answer: early hints to 1.0", rfc: "9110 15.2", send: old, alone: true, status: "200", seen: x, answer: "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", clientNot: []string{` 103 `}, lax: ` 103 `},
		check{name: "answer: HEAD", rfc: "9110 9.3.2", method: "HEAD", send: head("HEAD /x HTTP/1.1", "Host: a"), status: "200", seen: []string{"HEAD /x"}, answer: "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", keep: true, client: []string{`(?mi)^Content-Length: 3\r$`}},
		check{name: "answer: HEAD with a body", rfc: "9110 9.3.2", method: "HEAD", send: head("HEAD /x HTTP/1.1", "Host: a"), status: "200", seen: []string{"HEAD /x"}, answer: "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\nHTTP/1.1 200 Evil\r\nContent-Length: 4\r\n\r\nevil", keep: true, clientNot: []string{`(?i)evil`}, lax: `(?i)evil`},
		check{name: "answer: HEAD chunked", rfc: "9110 9.3.2", method: "HEAD", send: head("HEAD /x HTTP/1.1", "Host: a"), status: "200", seen: []string{"HEAD /x"}, answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", clientNot: []string{`\r\n\r\nabc`}},
		check{name: "answer: before the body has come", rfc: "9112 9.3", pieces: []string{post("abc", "Content-Length: 300000"), awaitBytes}, alone: true, status: "413", seen: []string{"POST /x"}, early: true, answer: "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n"},
		check{name: fmt.Sprintf("answer: %d bytes", 3<<20), rfc: "9112 6", send: get(), status: "200", seen: x, answer: fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", 3<<20, strings.Repeat("a", 3<<20))},
	)
}
