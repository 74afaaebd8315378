package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"holdfast/internal/config"
)

// TestWire sends requests byte by byte as an attacker would, and says what the client gets and
// what the upstream is sent for it.
func TestWire(t *testing.T) {
	seen := make(chan string, 100)
	conf := testConfig(map[string]config.Route{
		"app":   {URLs: []string{backend(t, recordWire(seen)).URL}},
		"admin": {Match: config.Match{PathPrefix: "/admin"}, Respond: &config.Respond{Status: 403}},
	})
	// The server is the one to end the connection, when it has nothing more to say.
	l := testListener()
	l.IdleTimeout = config.Duration(30 * time.Millisecond)
	l.ReadTimeout = config.Duration(500 * time.Millisecond)
	l.MinDataRate = 1 // bodies are watched
	conf.Listeners["web"] = l
	r := start(t, conf)
	address := r.Addrs()["web"]
	const ok = "200"
	for _, tc := range []struct {
		name, request string
		status        string   // of the first answer
		upstream      []string // "METHOD target body" of every request that got through
	}{
		// Framing (RFC 9112, 6).
		{"length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", ok, []string{"POST / abc"}},
		{"chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", ok, []string{"POST / abc"}},
		{"length and chunked", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "400", nil},
		{"chunked and length", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", "400", nil},
		{"two lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", "400", nil},
		{"same length twice", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", "400", nil},
		{"length list", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 4\r\n\r\nabcd", "400", nil},
		{"signed length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc", "400", nil},
		{"negative length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", "400", nil},
		{"hex length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\nabc", "400", nil},
		{"huge length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", "400", nil},
		{"unknown coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "501", nil},
		{"gzip, chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "501", nil},
		{"chunked twice", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "501", nil},
		{"identity", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\nContent-Length: 3\r\n\r\nabc", "400", nil},
		{"space before colon", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", "400", nil},
		{"folded coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", "400", nil},
		{"tab in coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \tchunked\r\n\r\n0\r\n\r\n", ok, []string{"POST / "}},
		{"vertical tab in coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", "400", nil},
		{"NUL in value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n", "400", nil},
		{"bare CR in value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\rY: b\r\n\r\n", "400", nil},
		{"bad chunk size", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n", "400", nil},
		{"chunk longer than said", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n", "400", nil},
		{"negative chunk size", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n", "400", nil},
		{"trailer without a colon", "POST /1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nevil\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n", "400", nil},
		{"refused, but a body to come", "POST /admin HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n", "403", nil},
		{"chunked in 1.0", "POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400", nil},
		{"line feeds only", "GET / HTTP/1.1\nHost: a\n\n", "400", nil},
		{"two requests at once", "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n", ok, []string{"GET /1 ", "GET /2 "}},
		{"CL.TE smuggling", "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 44\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /admin HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n\r\n", "400", nil},
		{"request in a body", "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 29\r\n\r\nGET /admin HTTP/1.1\r\nX: y\r\n\r\n", ok, []string{"POST /1 GET /admin HTTP/1.1\r\nX: y\r\n\r\n"}},

		// The request line and the host (RFC 9112, 3; RFC 9110, 7.2).
		{"no host", "GET / HTTP/1.1\r\n\r\n", "400", nil},
		{"empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "400", nil},
		{"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400", nil},
		{"host with slash", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "400", nil},
		{"host with user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "400", nil},
		{"host with space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "400", nil},
		{"host with bad port", "GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n", "400", nil},
		{"host with percent", "GET / HTTP/1.1\r\nHost: a%2e\r\n\r\n", "400", nil},
		{"host list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "400", nil},
		{"host with underscore", "GET / HTTP/1.1\r\nHost: my_box\r\n\r\n", ok, []string{"GET / "}},
		{"IPv6 host", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", ok, []string{"GET / "}},
		{"HTTP/1.0 without host", "GET / HTTP/1.0\r\n\r\n", ok, []string{"GET / "}},
		{"absolute form", "GET http://b/x?y HTTP/1.1\r\nHost: a\r\n\r\n", ok, []string{"GET /x?y "}},
		{"absolute form without a path", "GET http://b HTTP/1.1\r\nHost: a\r\n\r\n", ok, []string{"GET / "}},
		{"absolute form with a query only", "GET http://b?x HTTP/1.1\r\nHost: a\r\n\r\n", ok, []string{"GET /?x "}},
		{"absolute form without a host", "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", "400", nil},
		{"OPTIONS of a server in absolute form", "OPTIONS http://b HTTP/1.1\r\nHost: a\r\n\r\n", ok, nil},
		{"fragment in the query", "GET /x?y#z HTTP/1.1\r\nHost: a\r\n\r\n", "400", nil},
		{"absolute form, other scheme", "GET ftp://b/x HTTP/1.1\r\nHost: a\r\n\r\n", "400", nil},
		{"absolute form with user", "GET http://u:p@b/x HTTP/1.1\r\nHost: a\r\n\r\n", "400", nil},
		{"opaque target", "GET http:x HTTP/1.1\r\nHost: a\r\n\r\n", "400", nil},
		{"CONNECT", "CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n", "405", nil},
		{"CONNECT with path", "CONNECT /x HTTP/1.1\r\nHost: b\r\n\r\n", "405", nil},
		{"TRACE", "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", "405", nil},
		{"OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", ok, nil},
		{"GET *", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", "400", nil},
		{"bad method", "GE(T / HTTP/1.1\r\nHost: a\r\n\r\n", "400", nil},
		{"unknown method", "BREW / HTTP/1.1\r\nHost: a\r\n\r\n", ok, []string{"BREW / "}},
		{"lower-case method", "get / HTTP/1.1\r\nHost: a\r\n\r\n", ok, []string{"get / "}},
		{"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400", nil},
		{"HTTP/3", "GET / HTTP/3.0\r\nHost: a\r\n\r\n", "505", nil},
		{"HTTP/0.9", "GET /\r\n\r\n", "400", nil},
		{"space in target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", "400", nil},
		{"expectation", "POST / HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\nContent-Length: 0\r\n\r\n", "417", nil},

		{"two expectations", "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue, miracles\r\nContent-Length: 0\r\n\r\n", "417", nil},
		{"two fields of expectations", "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nExpect: miracles\r\nContent-Length: 0\r\n\r\n", "417", nil},
		{"expectation without a body", "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n", ok, []string{"GET / "}},

		// Paths: what is refused, and what reaches whom.
		{"dot segments", "GET /a/../b/./c HTTP/1.1\r\nHost: a\r\n\r\n", ok, []string{"GET /b/c "}},
		{"to admin by dots", "GET /x/../admin HTTP/1.1\r\nHost: a\r\n\r\n", "403", nil},
		{"to admin by escaped dots", "GET /x/%2e%2e/admin HTTP/1.1\r\nHost: a\r\n\r\n", "403", nil},
		{"to admin by escaped letters", "GET /%61dmin/x HTTP/1.1\r\nHost: a\r\n\r\n", "403", nil},
		{"to admin by slashes", "GET //admin HTTP/1.1\r\nHost: a\r\n\r\n", "403", nil},
		{"to admin by absolute form", "GET http://a//admin HTTP/1.1\r\nHost: a\r\n\r\n", "403", nil},
		{"to admin by a dot", "GET /./admin/ HTTP/1.1\r\nHost: a\r\n\r\n", "403", nil},
		{"to admin by a parameter", "GET /x/..;/admin HTTP/1.1\r\nHost: a\r\n\r\n", "400", nil},
		{"to admin by an escaped slash", "GET /x/..%2fadmin HTTP/1.1\r\nHost: a\r\n\r\n", "400", nil},
		{"to admin by a backslash", "GET /x/..\\admin HTTP/1.1\r\nHost: a\r\n\r\n", "400", nil},
		{"to admin by an escaped backslash", "GET /x/..%5Cadmin HTTP/1.1\r\nHost: a\r\n\r\n", "400", nil},
		{"double escape stays data", "GET /x/%252e%252e/admin HTTP/1.1\r\nHost: a\r\n\r\n", ok, []string{"GET /x/%252e%252e/admin "}},
		{"fragment", "GET /x#/admin HTTP/1.1\r\nHost: a\r\n\r\n", "400", nil},
		{"NUL", "GET /a%00b HTTP/1.1\r\nHost: a\r\n\r\n", "400", nil},
		{"CRLF in path", "GET /a%0d%0ab HTTP/1.1\r\nHost: a\r\n\r\n", "400", nil},
		{"bad escape", "GET /a%g0 HTTP/1.1\r\nHost: a\r\n\r\n", "400", nil},
		{"cut escape", "GET /a%2 HTTP/1.1\r\nHost: a\r\n\r\n", "400", nil},
		{"reserved kept as sent", "GET /a;b=%3B,%2C HTTP/1.1\r\nHost: a\r\n\r\n", ok, []string{"GET /a;b=%3B,%2C "}},
		{"query untouched", "GET /?../%2e%2e/%5c&a=b;c&%zz HTTP/1.1\r\nHost: a\r\n\r\n", ok, []string{"GET /?../%2e%2e/%5c&a=b;c&%zz "}},
		{"empty query", "GET /x? HTTP/1.1\r\nHost: a\r\n\r\n", ok, []string{"GET /x? "}},
		{"overlong encoding is data", "GET /%c0%ae%c0%ae/admin HTTP/1.1\r\nHost: a\r\n\r\n", ok, []string{"GET /%C0%AE%C0%AE/admin "}},

		// Hop-by-hop fields.
		{"Connection names our fields", "GET / HTTP/1.1\r\nHost: a\r\nConnection: X-Forwarded-For, X-Request-Id, Traceparent\r\n\r\n", ok, []string{"GET / "}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			status := exchangeRaw(t, address, tc.request)
			if status != tc.status {
				t.Errorf("status = %s, want %s", status, tc.status)
			}
			var got []string
			for len(seen) > 0 {
				got = append(got, <-seen)
			}
			if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", tc.upstream) {
				t.Errorf("upstream saw %q, want %q", got, tc.upstream)
			}
		})
	}
}

// recordWire records what got through whole, and that the gateway's own fields came with it.
func recordWire(seen chan<- string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // it was cut off: no application would act on it
		}
		if r.Header.Get("X-Forwarded-For") == "" || r.Header.Get("X-Request-Id") == "" || r.Header.Get("Traceparent") == "" {
			seen <- "without identity"
		}
		seen <- fmt.Sprintf("%s %s %s", r.Method, r.RequestURI, body)
	}
}

// exchangeRaw sends bytes and nothing more, reads until the server has nothing more to say, and
// returns the first status.
func exchangeRaw(t *testing.T, address, request string) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	br := bufio.NewReader(conn)
	status := ""
	for {
		line, err := br.ReadString('\n')
		if strings.HasPrefix(line, "HTTP/1.") && status == "" {
			status = strings.Fields(line)[1]
		}
		if err != nil {
			return status
		}
	}
}
