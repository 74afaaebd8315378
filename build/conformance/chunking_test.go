//go:build conformance && linux

package conformance

import (
	"regexp"
	"strings"
)

// literal is the pattern of a text; whatever is not ASCII is any character.
func literal(s string) string {
	ascii := strings.Map(func(r rune) rune {
		if r > 0x7f {
			return 0x1a
		}
		return r
	}, s)
	return strings.ReplaceAll(regexp.QuoteMeta(ascii), "\x1a", ".")
}

// chunking is the inside of a chunked body (RFC 9112, 7.1).
func chunking() []check {
	const rule = "9112 7.1"
	abc := []string{"POST /x abc"}
	cases := []check{}
	for _, body := range []struct {
		name, text, status string
		seen               []string
	}{
		{"upper-case size", "A\r\n0123456789\r\n0\r\n\r\n", "200", []string{"POST /x 0123456789"}},
		{"leading zeros", "0003\r\nabc\r\n000\r\n\r\n", "200", abc},
		{"two chunks", "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", "200", abc},
		{"extension", "3;a=b\r\nabc\r\n0;c\r\n\r\n", "200", abc},
		{"quoted extension", "3;a=\"b;\\\"c\"\r\nabc\r\n0\r\n\r\n", "200", abc},
		{"space before the extension", "3 ;a=b\r\nabc\r\n0\r\n\r\n", "400", nil},
		{"huge extension", "3;" + strings.Repeat("a", 100<<10) + "\r\nabc\r\n0\r\n\r\n", "400", nil},
		{"many extensions", strings.Repeat("1;"+strings.Repeat("a", 1000)+"\r\nx\r\n", 100) + "0\r\n\r\n", "400", nil},
		{"line feed in the extension", "3;a\nabc\r\n0\r\n\r\n", "400", nil},
		{"line feed hides a chunk", "2;\nxx\r\n28\r\n" + cutShort, "400", nil},
		{"carriage return in the extension", "3;a\rb\r\nabc\r\n0\r\n\r\n", "400", nil},
		{"NUL in the extension", "3;a\x00b\r\nabc\r\n0\r\n\r\n", "400", nil},
		{"overlong size", "10000000000000003\r\nabc\r\n0\r\n\r\n", "400", nil},
		{"size of 2^64-1", "ffffffffffffffff\r\nabc\r\n0\r\n\r\n", "400", nil},
		{"size with 100 zeros", strings.Repeat("0", 100) + "3\r\nabc\r\n0\r\n\r\n", "400", nil},
		{"negative", "-3\r\nabc\r\n0\r\n\r\n", "400", nil},
		{"plus", "+3\r\nabc\r\n0\r\n\r\n", "400", nil},
		{"0x", "0x3\r\nabc\r\n0\r\n\r\n", "400", nil},
		{"letters", "zz\r\nabc\r\n0\r\n\r\n", "400", nil},
		{"underscore", "0_3\r\nabc\r\n0\r\n\r\n", "400", nil},
		{"empty size", "\r\nabc\r\n0\r\n\r\n", "400", nil},
		{"size is an extension", ";a\r\nabc\r\n0\r\n\r\n", "400", nil},
		{"space before the size", " 3\r\nabc\r\n0\r\n\r\n", "400", nil},
		{"space after the size", "3 \r\nabc\r\n0\r\n\r\n", "200", abc},
		{"comma after the size", "3,\r\nabc\r\n0\r\n\r\n", "400", nil},
		{"line feed after the size", "3\nabc\r\n0\r\n\r\n", "400", nil},
		{"carriage return after the size", "3\rabc\r\n0\r\n\r\n", "400", nil},
		{"line feed after the data", "3\r\nabc\n0\r\n\r\n", "400", nil},
		{"line feeds only", "3\nabc\n0\n\n", "400", nil},
		{"nothing after the data", "3\r\nabc0\r\n\r\n", "400", nil},
		{"longer than said", "3\r\nabcdef\r\n0\r\n\r\n", "400", nil},
		{"shorter than said", "5\r\nabc\r\n0\r\n\r\n", "400", nil},
		{"end with line feeds", "3\r\nabc\r\n0\n\n", "400", nil},
		{"request instead of a size", smuggle, "400", nil},
	} {
		c := check{name: "chunk: " + body.name, rfc: rule, send: post(body.text, "Transfer-Encoding: chunked"), status: body.status, seen: body.seen}
		if body.status == "200" {
			c.hasNot = []string{"a=b", ";c"} // an extension is for one hop
		} else {
			c.lax = `(?s)(POST.*\r\n\r\n.*|answer to POST)` // it got through
		}
		cases = append(cases, c)
	}
	// Fields after the body.
	for _, tr := range []struct{ name, field, lax string }{
		{"plain", "X-Sum: 1", ""},
		{"Content-Length", "Content-Length: 30", "(?i)content-length: 30"},
		{"Transfer-Encoding", "Transfer-Encoding: gzip", "(?i)gzip"},
		{"Host", "Host: evil.test", "evil"},
		{"Authorization", "Authorization: Basic eDp5", "eDp5"},
		{"Cookie", "Cookie: evil=1", "evil"},
		{"X-Forwarded-For", "X-Forwarded-For: 6.6.6.6", "6[.]6"},
		{"X_Forwarded_For", "X_Forwarded_For: 6.6.6.6", "6[.]6"},
		{"Content-Type", "Content-Type: text/evil", "evil"},
		{"Content-Encoding", "Content-Encoding: evil", "evil"},
		{"Range", "Range: bytes=6-6", "6-6"},
		{"Expect", "Expect: 100-continue", "(?i)100-cont"},
		{"Connection", "Connection: X-Evil", "(?i)X-Evil"},
		{"If-Match", "If-Match: \"evil\"", "evil"},
		{"Forwarded", "Forwarded: for=6.6.6.6", "6[.]6"},
	} {
		c := check{name: "trailer: " + tr.name, rfc: "9110 6.5.1", send: post("3\r\nabc\r\n0\r\n"+tr.field+"\r\n\r\n", "Transfer-Encoding: chunked"), status: "200", seen: abc, lax: tr.lax}
		if tr.lax != "" {
			c.hasNot = []string{tr.lax}
		}
		cases = append(cases, c)
		name, _, _ := strings.Cut(tr.field, ":")
		c.name += ", announced"
		c.send = post("3\r\nabc\r\n0\r\n"+tr.field+"\r\n\r\n", "Transfer-Encoding: chunked", "Trailer: "+name)
		switch name {
		case "X-Sum":
			c.has = []string{`X-Sum: 1\r\n`, `(?m)^Trailer: X-Sum\r$`}
		case "Content-Length", "Transfer-Encoding":
			c.status, c.seen, c.hasNot = "400", nil, nil
		}
		cases = append(cases, c)
	}
	for _, tr := range []struct{ name, text, lax string }{
		{"space before the colon", "X : y\r\n", `X : y`},
		{"no colon", "evil\r\n", `evil`},
		{"request", "GET /smuggled HTTP/1.1\r\nHost: a\r\n", `smuggled`},
		{"line feed", "X: y\nX-Evil: z\r\n", `X-Evil`},
		{"bare CR", "X: y\rX-Evil: z\r\n", `X-Evil`},
		{"NUL", "X: y\x00\r\n", `\x00`},
		{"folded", "X: y\r\n X-Evil: z\r\n", `\r\n X-Evil`},
		{"without an end", "X: " + strings.Repeat("y", 200<<10) + "\r\n", `yyyy`},
	} {
		cases = append(cases, check{name: "trailer: " + tr.name, rfc: "9112 7.1.2", send: post("3\r\nabc\r\n0\r\n"+tr.text+"\r\n", "Transfer-Encoding: chunked"), status: "400", lax: tr.lax})
	}
	return cases
}
