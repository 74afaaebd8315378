package gateway

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestStrict says what is bad, and that it makes no difference in which parts it comes.
func TestStrict(t *testing.T) {
	const chunk = "3\r\nabc\r\n0\r\n\r\n"
	post := func(fields, body string) string { return "POST / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n" + body }
	for _, tc := range []struct {
		name, text string
		good       string // what is passed of it; "*" for all
	}{
		{"GET", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "*"},
		{"empty lines", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "*"},
		{"length", post("Content-Length: 3\r\n", "a\nb") + post("", ""), "*"},
		{"length in zeros", post("Content-Length: \t0003 \r\n", "a\nb") + post("", ""), "*"},
		{"chunked", post("Transfer-Encoding: chunked\r\n", chunk) + post("Content-Length: 1\r\n", "\n"), "*"},
		{"extension", post("Transfer-Encoding: chunked\r\n", "3;a=\"b\t\"\r\nabc\r\n0\r\nX: y\r\n\r\n") + post("", ""), "*"},
		{"other names with a c", post("Connection: close\r\nContent-Lengthy: 3\r\nContent-Length-: 4\r\nTransfer-Encodings: x\r\n", ""), "*"},
		{"fields of another request", post("Content-Length: 1\r\n", "a") + post("Transfer-Encoding: chunked\r\n", chunk), "*"},
		{"1.0 with a length", "POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\na", "*"},

		{"line feeds", "GET / HTTP/1.1\nHost: a\n\n", "GET / HTTP/1.1"},
		{"line feed ends the header", "GET / HTTP/1.1\r\nHost: a\r\n\n", "GET / HTTP/1.1\r\nHost: a\r\n"},
		{"line feed first", "\nGET / HTTP/1.1\r\n\r\n", ""},
		{"folded", post("X: y\r\n z\r\n", ""), "POST / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r"},
		{"both", post("Content-Length: 3\r\nTransfer-encoding: chunked\r\n", chunk), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-encoding: chunked\r"},
		{"both, chunked first", post("Transfer-Encoding: chunked\r\nCONTENT-LENGTH: 3\r\n", chunk), "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nCONTENT-LENGTH: 3\r"},
		{"two lengths", post("Content-Length: 3\r\nContent-Length: 3\r\n", "abc"), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r"},
		{"no length", post("Content-Length: x\r\n", "abc"), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r"},
		{"empty length", post("Content-Length:\r\n", "abc"), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r"},
		{"length of 2^63", post("Content-Length: 9223372036854775808\r\n", "abc"), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775808\r"},
		{"chunked in 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r"},
		{"chunk ends with a line feed", post("Transfer-Encoding: chunked\r\n", "3\nabc"), post("Transfer-Encoding: chunked\r\n", "3")},
		{"control character in an extension", post("Transfer-Encoding: chunked\r\n", "3;\x01\r\nabc"), post("Transfer-Encoding: chunked\r\n", "3;\x01\r")},
		{"chunk of 2^63", post("Transfer-Encoding: chunked\r\n", "8000000000000000\r\nabc"), post("Transfer-Encoding: chunked\r\n", "8000000000000000\r")},
		{"chunk without a size", post("Transfer-Encoding: chunked\r\n", ";a\r\nabc"), post("Transfer-Encoding: chunked\r\n", ";a\r")},
		{"trailer ends with a line feed", post("Transfer-Encoding: chunked\r\n", "0\r\n\n"), post("Transfer-Encoding: chunked\r\n", "0\r\n")},
		{"trailer with a space", post("Transfer-Encoding: chunked\r\n", "0\r\nX : y\r\n\r\n"), post("Transfer-Encoding: chunked\r\n", "0\r\nX : y\r")},
		{"trailer without a colon", post("Transfer-Encoding: chunked\r\n", "0\r\nevil\r\n\r\n"), post("Transfer-Encoding: chunked\r\n", "0\r\nevil\r")},
		{"trailer without a name", post("Transfer-Encoding: chunked\r\n", "0\r\n: y\r\n\r\n"), post("Transfer-Encoding: chunked\r\n", "0\r\n: y\r")},
		{"trailer with a name that is none", post("Transfer-Encoding: chunked\r\n", "0\r\nX(): y\r\n\r\n"), post("Transfer-Encoding: chunked\r\n", "0\r\nX(): y\r")},
		{"control character in a trailer", post("Transfer-Encoding: chunked\r\n", "0\r\nX: \x00\r\n\r\n"), post("Transfer-Encoding: chunked\r\n", "0\r\nX: \x00\r")},
		{"trailer", post("Transfer-Encoding: chunked\r\n", "0\r\nX!~1: \t\xe4\r\n\r\n") + post("", ""), "*"},
		{"folded trailer", post("Transfer-Encoding: chunked\r\n", "0\r\nX: y\r\n z: 1\r\n\r\n"), post("Transfer-Encoding: chunked\r\n", "0\r\nX: y\r\n z: 1\r")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			want := tc.good
			if want == "*" {
				want = tc.text
			}
			for _, size := range []int{1, 2, 7, len(tc.text)} {
				var s strict
				if got := tc.text[:scanned(&s, tc.text, size)]; got != want {
					t.Errorf("in parts of %d: good is %q, want %q", size, got, want)
				}
				if want == tc.text && s.at != atRequest {
					t.Errorf("in parts of %d: ends at %d, want at a request", size, s.at)
				}
			}
			checkAgainstNetHTTP(t, tc.text)
		})
	}
}

// scanned is how much of text is good when it comes in parts.
func scanned(s *strict, text string, size int) int {
	good := 0
	for good < len(text) {
		part := text[good:min(len(text), good+size)]
		n, ok := s.scan([]byte(part))
		good += n
		if !ok {
			return good
		}
	}
	return good
}

// checkAgainstNetHTTP has net/http read what is passed on: every request has to end where strict saw an
// end, and after what is bad there must be nothing that net/http takes for a request.
func checkAgainstNetHTTP(t *testing.T, text string) {
	t.Helper()
	var whole strict
	good := scanned(&whole, text, max(1, len(text)))
	passed := text[:good]
	if good < len(text) {
		passed += whole.spoiled()
	}
	source := strings.NewReader(passed)
	r := bufio.NewReader(source)
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return // the connection ends
		}
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			if good == len(text) && !errors.Is(err, io.ErrUnexpectedEOF) && strings.Contains(err.Error(), "MIME") {
				t.Fatalf("%q: net/http does not take a trailer that is good: %v", text, err)
			}
			return
		}
		consumed := len(passed) - source.Len() - r.Buffered()
		var s strict
		if consumed > good || scanned(&s, text[:consumed], max(1, consumed)) != consumed || s.at != atRequest || len(s.line) > 0 {
			t.Fatalf("net/http's request ends after %q, strict is at %d there; good is %q", passed[:consumed], s.at, text[:good])
		}
	}
}

func FuzzStrict(f *testing.F) {
	for _, seed := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;a\r\nabc\r\n0\r\nX: y\r\n\r\nGET / HTTP/1.1\r\n\r\n",
		"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\naGET / HTTP/1.2\r\n\r\n",
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTrailer: A\r\n\r\n1\r\na\r\n0\r\nA: b\n C : d\r\n\r\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var whole, parts strict
		if a, b := scanned(&whole, text, max(1, len(text))), scanned(&parts, text, 1); a != b {
			t.Fatalf("good is %d bytes at once, %d byte by byte", a, b)
		}
		checkAgainstNetHTTP(t, text)
	})
}

func BenchmarkStrict(b *testing.B) {
	text := []byte("GET /index.html?a=b HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64)\r\nAccept: text/html,application/xhtml+xml\r\nAccept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\nConnection: keep-alive\r\nCookie: session=0123456789abcdef\r\nCache-Control: max-age=0\r\n\r\n")
	b.ReportAllocs()
	var s strict
	for b.Loop() {
		if n, ok := s.scan(text); !ok || n != len(text) {
			b.Fatal("not good")
		}
	}
}
