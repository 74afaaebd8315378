//go:build conformance && linux

package conformance

import (
	"fmt"
	"strings"
)

// fields are the syntax of a header (RFC 9112, 5; RFC 9110, 5).
func fields() []check {
	var cases []check
	for _, f := range []struct{ name, field, status, lax string }{
		{"folded with a space", "X-Long: a\r\n b", "400", `X-Long: a\r\n b`},
		{"folded with a tab", "X-Long: a\r\n\tb", "400", `X-Long: a\r\n\tb`},
		{"folded into nothing", "X-Long: a\r\n \r\nX: y", "400", `X-Long: a\r\n `},
		{"space before the colon", "X-Evil : a", "400", `X-Evil : a`},
		{"tab before the colon", "X-Evil\t: a", "400", `X-Evil\t: a`},
		{"space in the name", "X Evil: a", "400", `X Evil`},
		{"bare LF", "X-One: a\nX-Evil: b", "400", `X-Evil`},
		{"bare CR", "X-One: a\rX-Evil: b", "400", `X-Evil`},
		{"CR at the end", "X-Evil: a\r", "400", `X-Evil: a\r\r`},
		{"CR before the colon", "X-Evil\r: a", "400", `X-Evil\r`},
		{"NUL in a value", "X-Evil: a\x00b", "400", `\x00`},
		{"NUL in a name", "X-E\x00vil: a", "400", `\x00`},
		{"control character in a value", "X-Evil: a\x01b", "400", `\x01`},
		{"DEL in a value", "X-Evil: a\x7fb", "400", `\x7f`},
		{"escape character in a value", "X-Evil: \x1b[2J", "400", `\x1b`},
		{"no colon", "X-Evil", "400", `X-Evil`},
		{"empty name", ": evil", "400", `evil`},
		{"brackets in a name", "X-Evil(): a", "400", `X-Evil\(`},
		{"slash in a name", "X/Evil: a", "400", `X/Evil`},
		{"quote in a name", `"X-Evil": a`, "400", `X-Evil`},
		{"at sign in a name", "X@Evil: a", "400", `X@Evil`},
		{"byte above 127 in a name", "X-Evil\xe4: a", "400", `X-Evil[^\x00-\x7f]`},
		{"name is a request line", "GET /smuggled HTTP/1.1", "400", `smuggled`},
		{"bytes above 127 in a value", "X-Text: \xe4\xff", "200", ""},
		{"empty value", "X-Empty:", "200", ""},
		{"tab in a value", "X-Tab: a\tb", "200", ""},
		{"punctuation in a name", "X!#$%&'*+-.^_`|~9: a", "200", ""},
		{"8 KiB value", "X-Big: " + strings.Repeat("a", 7000), "200", ""},
		{"100 KiB value", "X-Big: " + strings.Repeat("a", 100<<10), "431|400", "X-Big"},
		{"100 KiB name", strings.Repeat("a", 100<<10) + ": x", "431|400", "aaaaaaaaaaaa"},
		{"2000 fields", strings.TrimSuffix(strings.Repeat("X-Many: aaaaaaaaaaaaaaaa\r\n", 4000), "\r\n"), "431|400", "X-Many"},
	} {
		c := check{name: "field: " + f.name, rfc: "9112 5", send: get(f.field), status: f.status, lax: f.lax}
		if f.status == "200" {
			c.seen = []string{"GET /x"}
		}
		cases = append(cases, c)
	}
	return append(cases,
		check{name: "field: fold before the first", rfc: "9112 2.2", send: "GET /x HTTP/1.1\r\n X-Evil: a\r\nHost: a\r\n\r\n", status: "400", lax: `X-Evil`},
		check{name: "field: order and repetition", rfc: "9110 5.3", send: get("X-List: 1", "X-List: 2"), status: "200", seen: []string{"GET /x"}, has: []string{`(?s)X-List: 1\r\n.*X-List: 2\r\n|X-List: 1, ?2`}},
	)
}

// identities are fields in which a stranger says who he is; an application must only see what the
// gateway says.
func identities() []check {
	var cases []check
	for _, name := range []string{
		"X-Forwarded-For", "x-forwarded-for", "X_Forwarded_For", "X-Forwarded_For", "X.Forwarded.For", "X-Forwarded-For.", "X-FORWARDED-FOR",
		"X-Real-IP", "X_Real_IP", "X-Real.IP", "True-Client-IP", "Client-IP", "X-Client-IP", "X-Cluster-Client-IP", "CF-Connecting-IP", "Fastly-Client-IP",
		"Forwarded", "X-Forwarded", "X-Forwarded-Host", "X_Forwarded_Host", "X-Forwarded-Server", "X-Forwarded-Proto", "X-Forwarded-Prefix", "X-Forwarded-Port", "X-Forwarded-User",
		"X-Host", "X-Original-URL", "X-Rewrite-URL", "X_Original_URL", "X-Original-Host", "X-Remote-User", "Remote-User", "Remote_User", "Proxy",
		"X-SSL-Client-Verify", "X-Client-Cert", "X-ARR-ClientCert", "Content_Type", "Front-End-Https",
	} {
		const forged = "forged.6.6.6"
		cases = append(cases, check{
			name: "identity: " + name, rfc: "9110 17.1", send: get(name + ": " + forged), status: "200", seen: []string{"GET /x"},
			has: []string{`(?m)^X-Forwarded-For: 127\.0\.0\.1\r$`}, hasNot: []string{`forged`}, lax: `forged`,
		})
	}
	return append(cases,
		check{
			name: "identity: ours are made anew", rfc: "7239 4", send: get("X-Forwarded-For: 6.6.6.6", "X-Forwarded-For: 7.7.7.7"), status: "200", seen: []string{"GET /x"}, lax: `[67]\.[67]\.`,
			has: []string{`(?m)^X-Forwarded-Host: a\r$`, `(?m)^X-Forwarded-Proto: http\r$`, `(?m)^Forwarded: for=127\.0\.0\.1;host="a";proto=http\r$`, `(?m)^X-Request-Id: \S+\r$`, `(?m)^Traceparent: 00-`}, hasNot: []string{`[67]\.[67]\.[67]`},
		},
	)
}

// hops are the fields for one hop (RFC 9110, 7.6).
func hops() []check {
	var cases []check
	for _, h := range []struct {
		name, rfc, fields string
		has, hasNot       string
		lax               string
	}{
		{"Connection names a field", "9110 7.6.1", "Connection: X-One, X-Two|X-One: one|X-Two: two", "", `X-One|X-Two`, `X-One|X-Two`},
		{"Connection in two fields", "9110 7.6.1", "Connection: X-One|Connection: X-Two|X-One: one|X-Two: two", "", `X-One|X-Two`, `X-One|X-Two`},
		{"Connection in odd spelling", "9110 7.6.1", "Connection: ,x-oNE ,,\tX-Two|X-One: one|X-Two: two", "", `X-One|X-Two`, `X-One|X-Two`},
		{"Connection names Host", "9110 7.6.1", "Connection: Host", `(?m)^Host: a\r$`, "", ""},
		{"Connection names X-Forwarded-For", "9110 7.6.1", "Connection: X-Forwarded-For", `(?m)^X-Forwarded-For: 127\.0\.0\.1\r$`, "", ""},
		{"Connection names X-Forwarded-Proto", "9110 7.6.1", "Connection: X-Forwarded-Proto, X-Forwarded-Host, Forwarded", `(?s)X-Forwarded-Proto: http\r.*|X-Forwarded-Host: a\r`, "", ""},
		{"Connection names X-Request-Id", "9110 7.6.1", "Connection: X-Request-Id, Traceparent, Via", `(?m)^Via: 1\.1`, "", ""},
		{"Connection names Connection", "9110 7.6.1", "Connection: Connection, X-One|X-One: one", "", "X-One", "X-One"},
		{"Connection names Authorization", "9110 7.6.1", "Connection: Authorization|Authorization: Basic eDp5", "", "eDp5", ""},
		{"Connection names Cookie", "9110 7.6.1", "Connection: Cookie|Cookie: a=b", "", "a=b", ""},
		{"Connection: keep-alive", "9110 7.6.1", "Connection: keep-alive|Keep-Alive: timeout=5", "", `Keep-Alive: timeout`, `Keep-Alive: timeout`},
		{"Keep-Alive alone", "9110 7.6.1", "Keep-Alive: timeout=600", "", `timeout=600`, `timeout=600`},
		{"Proxy-Connection", "9110 7.6.1", "Proxy-Connection: keep-alive", "", `Proxy-Connection`, `Proxy-Connection`},
		{"Proxy-Authorization", "9110 11.7.2", "Proxy-Authorization: Basic eDp5", "", `eDp5`, `eDp5`},
		{"Proxy-Authenticate", "9110 11.7.1", "Proxy-Authenticate: Basic", "", `Proxy-Auth`, `Proxy-Auth`},
		{"TE: trailers", "9110 10.1.4", "TE: trailers|Connection: TE", `(?mi)^TE: trailers\r$`, "", ""},
		{"TE: gzip", "9110 10.1.4", "TE: gzip;q=1|Connection: TE", "", `(?mi)^TE:.*gzip`, `(?mi)^TE:.*gzip`},
		{"TE without Connection", "9110 10.1.4", "TE: chunked, gzip", "", `(?mi)^TE:.*(gzip|chunked)`, `(?mi)^TE:.*gzip`},
		{"Trailer announced without one", "9110 6.6.2", "Trailer: X-Sum", "", `Trailer`, ""},
		{"Upgrade: h2c", "9113 3.1", "Connection: Upgrade, HTTP2-Settings|Upgrade: h2c|HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA", "", `(?i)h2c|HTTP2-Settings`, `(?i)h2c|HTTP2-Settings`},
		{"Upgrade: h2c without Connection", "9113 3.1", "Upgrade: h2c", "", `h2c`, `h2c`},
		{"Upgrade: unknown", "9110 7.8", "Connection: Upgrade|Upgrade: evil/1.0", "", `evil`, `evil`},
		{"Upgrade: TLS", "2817 3", "Connection: Upgrade|Upgrade: TLS/1.0", "", `TLS`, `TLS`},
		{"Upgrade: two", "9110 7.8", "Connection: Upgrade|Upgrade: websocket, h2c", "", `h2c|websocket`, `h2c`},
		{"Upgrade: two fields", "9110 7.8", "Connection: Upgrade|Upgrade: websocket|Upgrade: h2c", "", `h2c|websocket`, `h2c`},
		{"Upgrade: websocket without Connection", "9110 7.8", "Upgrade: websocket", "", `websocket`, ""},
		{"Via is added", "9110 7.6.3", "Via: 1.0 before", `(?m)^Via: 1\.0 before, 1\.1 \S+\r$`, "", ""},
		{"Max-Forwards on GET", "9110 7.6.2", "Max-Forwards: 0", "", "", ""},
	} {
		c := check{name: "hop: " + h.name, rfc: h.rfc, send: get(strings.Split(h.fields, "|")...), status: "200", seen: []string{"GET /x"}, lax: h.lax}
		if h.has != "" {
			c.has = []string{h.has}
		}
		if h.hasNot != "" {
			c.hasNot = []string{h.hasNot}
		}
		cases = append(cases, c)
	}
	cases = append(cases, check{name: "hop: Connection names Content-Length", rfc: "9110 7.6.1", send: post(smuggle, "Connection: Content-Length", length(smuggle)), status: "200|400", seen: []string{"POST /x " + smuggle}},
		check{name: "hop: Connection names Transfer-Encoding", rfc: "9110 7.6.1", send: post(smuggleChunked, "Connection: Transfer-Encoding", "Transfer-Encoding: chunked"), status: "200", seen: []string{"POST /x " + smuggle}},
		check{name: "hop: Connection names 3000", rfc: "9110 7.6.1", send: get("Connection: "+strings.Repeat("X-Y, ", 3000)+"X-One", "X-One: one"), status: "200|400|431", seen: []string{"GET /x"}, hasNot: []string{"X-One"}, lax: "X-One"},
	)
	return append(cases, sessions()...)
}

// sessions are requests for WebSockets (RFC 6455, 4).
func sessions() []check {
	const accept = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
	ask := func(line string, fields ...string) string {
		return head(append([]string{line, "Host: a", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="}, fields...)...)
	}
	ws := func(name, status, send string) check {
		return check{name: "websocket: " + name, rfc: "6455 4", pieces: []string{send, awaitBytes, halfClose}, alone: true, status: status}
	}
	good := ws("good", "101", ask("GET /x HTTP/1.1"))
	good.answer, good.seen = accept, []string{"GET /x"}
	good.has = []string{`(?m)^Upgrade: websocket\r$`, `(?m)^Connection: [Uu]pgrade\r$`}
	spoken := good
	spoken.name, spoken.pieces = "websocket: bytes pass", []string{ask("GET /x HTTP/1.1"), awaitBytes, "\x81\x80abcd", halfClose}
	early := good
	early.name, early.pieces = "websocket: a request instead of frames", []string{ask("GET /x HTTP/1.1") + smuggle, awaitBytes, halfClose}
	refusedByServer := ws("the server does not switch", "200", ask("GET /x HTTP/1.1"))
	refusedByServer.pieces, refusedByServer.alone, refusedByServer.seen = []string{ask("GET /x HTTP/1.1")}, false, []string{"GET /x"}
	hidden := ws("refused, then a hidden request", "426", ask("GET /x HTTP/1.1"))
	hidden.pieces, hidden.alone, hidden.seen = []string{ask("GET /x HTTP/1.1", "X: y")}, false, []string{"GET /x"}
	hidden.answer, hidden.keep, hidden.after = "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n", true, goes
	unasked := check{name: "websocket: switched without being asked", rfc: "9110 15.2.2", send: get(), status: "502", seen: []string{"GET /x"}, answer: accept, after: eitherWay, lax: `^HTTP/1.1 101`}
	other := check{name: "websocket: switched to something else", rfc: "9110 15.2.2", send: ask("GET /x HTTP/1.1"), status: "502", seen: []string{"GET /x"}, answer: strings.ReplaceAll(accept, "websocket", "evil"), after: eitherWay, lax: `^HTTP/1.1 101`}
	var cases []check
	for _, w := range []struct{ name, send string }{
		{"POST", ask("POST /x HTTP/1.1", "Content-Length: 0")},
		{"1.0", strings.Replace(ask("GET /x HTTP/1.0"), "Upgrade\r\n", "Upgrade, keep-alive\r\n", 1)},
		{"with a body", ask("GET /x HTTP/1.1", "Content-Length: 3") + "abc"},
		{"with a chunked body", ask("GET /x HTTP/1.1", "Transfer-Encoding: chunked") + chunked},
		{"version 12", strings.Replace(ask("GET /x HTTP/1.1"), "Version: 13", "Version: 12", 1)},
		{"no version", strings.Replace(ask("GET /x HTTP/1.1"), "Sec-WebSocket-Version: 13\r\n", "", 1)},
		{"no key", strings.Replace(ask("GET /x HTTP/1.1"), "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "", 1)},
		{"short key", strings.Replace(ask("GET /x HTTP/1.1"), "dGhlIHNhbXBsZSBub25jZQ==", "evil", 1)},
		{"two keys", ask("GET /x HTTP/1.1", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==")},
	} {
		// A server that switches all the same must not get a tunnel for it.
		line, _, _ := strings.Cut(w.send, " HTTP/")
		if strings.Contains(w.send, "abc") {
			line += " abc"
		}
		cases = append(cases, check{name: "websocket: " + w.name, rfc: "6455 4.1", pieces: []string{w.send, awaitBytes, halfClose}, alone: true, status: "502", seen: []string{line}, answer: accept, lax: `^HTTP/1.1 101`})
	}
	return append(cases, good, spoken, early, refusedByServer, hidden, unasked, other)
}

// expectations are Expect (RFC 9110, 10.1.1).
func expectations() []check {
	abc := []string{"POST /x abc"}
	return []check{
		{name: "expect: 100-continue", rfc: "9110 10.1.1", pieces: []string{post("", "Content-Length: 3", "Expect: 100-continue"), awaitBytes, "abc"}, status: "200", seen: abc, client: []string{`^HTTP/1.1 100`}},
		{name: "expect: body without waiting", rfc: "9110 10.1.1", send: post("abc", "Content-Length: 3", "Expect: 100-continue"), status: "200", seen: abc},
		{name: "expect: capitals", rfc: "9110 10.1.1", send: post("abc", "Content-Length: 3", "Expect: 100-CONTINUE"), status: "200", seen: abc},
		{name: "expect: chunked", rfc: "9110 10.1.1", send: post(chunked, "Transfer-Encoding: chunked", "Expect: 100-continue"), status: "200", seen: abc},
		{name: "expect: without a body", rfc: "9110 10.1.1", send: get("Expect: 100-continue"), status: "200", seen: []string{"GET /x"}, clientNot: []string{`^HTTP/1.1 100`}},
		{name: "expect: in 1.0", rfc: "9110 10.1.1", send: head("POST /x HTTP/1.0", "Content-Length: 3", "Expect: 100-continue") + "abc", alone: true, status: "200", seen: abc, clientNot: []string{` 100 `}},
		{name: "expect: unknown", rfc: "9110 10.1.1", send: post("abc", "Content-Length: 3", "Expect: evil"), status: "417", lax: `evil`},
		{name: "expect: two", rfc: "9110 10.1.1", send: post("abc", "Content-Length: 3", "Expect: 100-continue, evil"), status: "417", lax: `evil`},
		{name: "expect: two fields", rfc: "9110 10.1.1", send: post("abc", "Content-Length: 3", "Expect: 100-continue", "Expect: evil"), status: "417", lax: `evil`},
		{name: "expect: and a refusal by the route", rfc: "9110 10.1.1", send: head("POST /admin HTTP/1.1", "Host: a", "Content-Length: 3", "Expect: 100-continue") + "abc", status: "403", after: eitherWay, clientNot: []string{`^HTTP/1.1 100`}},
		{name: "expect: refusal by the server", rfc: "9110 10.1.1", pieces: []string{post("", "Content-Length: 3", "Expect: 100-continue"), awaitBytes}, alone: true, status: "413", seen: []string{"POST /x"}, early: true, clientNot: []string{`^HTTP/1.1 100`}, answer: "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n"},
		{name: "expect: upstream hides a request in it", rfc: "9110 10.1.1", send: post(smuggle, length(smuggle), "Expect: 100-continue"), status: "200", seen: []string{"POST /x " + smuggle}},
	}
}

// methods are what may stand there (RFC 9110, 9).
func methods() []check {
	var cases []check
	for _, m := range []struct {
		name, method, status string
		after                after
	}{
		{"unknown", "BREW", "200", usual},
		{"lower case", "get", "200", usual},
		{"mixed case", "GeT", "200", usual},
		{"all token characters", "!#$%&'*+-.^_`|~09aZ", "200", usual},
		{"PROPFIND", "PROPFIND", "200", usual},
		{"PATCH", "PATCH", "200", usual},
		{"bracket", "GE(T", "400", usual},
		{"slash", "GE/T", "400", usual},
		{"colon", "GET:", "400", usual},
		{"quote", `"GET"`, "400", usual},
		{"NUL", "GE\x00T", "400", usual},
		{"byte above 127", "G\xc9T", "400", usual},
		{"empty", "", "400", usual},
		{"TRACE", "TRACE", "405", goes},
		{"TRACK", "TRACK", "405", goes},
		{"CONNECT with a path", "CONNECT", "405|400", eitherWay},
		{"300 bytes", strings.Repeat("A", 300), "200", usual},
	} {
		c := check{name: "method: " + m.name, rfc: "9110 9.1", send: head(m.method+" /x HTTP/1.1", "Host: a"), status: m.status, after: m.after}
		if m.status == "200" {
			c.seen = []string{m.method + " /x"}
		} else if m.method != "" {
			c.lax = "(?m)^" + literal(m.method) + " /x"
		}
		cases = append(cases, c)
	}
	cases = append(cases,
		check{name: "method: CONNECT", rfc: "9110 9.3.6", send: head("CONNECT b.test:443 HTTP/1.1", "Host: b.test:443"), status: "405|400", after: eitherWay, lax: `CONNECT`, told: `^HTTP/1.1 200`},
		check{name: "method: CONNECT to here", rfc: "9110 9.3.6", send: head("CONNECT 127.0.0.1:22 HTTP/1.1", "Host: 127.0.0.1:22"), status: "405|400", after: eitherWay, lax: `CONNECT`, told: `^HTTP/1.1 200`},
		check{name: "method: TRACE with secrets", rfc: "9110 9.3.8", send: head("TRACE /x HTTP/1.1", "Host: a", "Cookie: secret=1"), status: "405", after: goes, clientNot: []string{"secret"}, lax: `secret`, told: `secret`},
		check{name: "method: TRACE, Max-Forwards 0", rfc: "9110 7.6.2", send: head("TRACE /x HTTP/1.1", "Host: a", "Max-Forwards: 0"), status: "405", after: goes, lax: `TRACE`},
		check{name: "method: override by a field", rfc: "9110 9.1", send: get("X-Original-Method: DELETE"), status: "200", seen: []string{"GET /x"}, hasNot: []string{"DELETE"}, lax: "DELETE"},
	)
	for n := range cases {
		if cases[n].lax == "" && cases[n].status == "405" {
			cases[n].lax = fmt.Sprintf("^%s", cases[n].send[:4])
		}
	}
	return cases
}
