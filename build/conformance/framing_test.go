//go:build conformance && linux

package conformance

import (
	"fmt"
	"strings"
)

// smuggle is a request that hides in what a careless reader takes for the end of another.
const smuggle = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"

// head joins a request line and fields, and ends them.
func head(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n\r\n" }

// post is a POST to /x with these fields and this body.
func post(body string, fields ...string) string {
	return head(append([]string{"POST /x HTTP/1.1", "Host: a"}, fields...)...) + body
}

// get is a GET of /x with these fields.
func get(fields ...string) string {
	return head(append([]string{"GET /x HTTP/1.1", "Host: a"}, fields...)...)
}

// smuggleChunked is that as a chunked body.
var smuggleChunked = fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(smuggle), smuggle)

// length is the field for a body.
func length(body string) string { return fmt.Sprintf("Content-Length: %d", len(body)) }

// cutShort is an empty chunked body to one reader, and has a request behind it to another.
const cutShort = "0\r\n\r\n" + smuggle

// chunked is abc in one chunk.
const chunked = "3\r\nabc\r\n0\r\n\r\n"

// framing is where a request ends (RFC 9112, 6).
func framing() []check {
	const rule = "9112 6.1"
	abc := []string{"POST /x abc"}
	cases := []check{
		{name: "length", rfc: "9112 6.2", send: post("abc", "Content-Length: 3"), status: "200", seen: abc, has: []string{`(?m)^Content-Length: 3\r$`}, hasNot: []string{"(?i)transfer-encoding"}},
		{name: "chunked", rfc: rule, send: post(chunked, "Transfer-Encoding: chunked"), status: "200", seen: abc},
		{name: "Chunked in capitals", rfc: "9112 7", send: post(chunked, "TRANSFER-ENCODING: CHUNKED"), status: "200", seen: abc},
		{name: "no body, no length", rfc: "9112 6.3", send: post(""), status: "200", seen: []string{"POST /x"}},
		{name: "GET with a length", rfc: "9110 9.3.1", send: head("GET /x HTTP/1.1", "Host: a", "Content-Length: 3") + "abc", status: "200", seen: []string{"GET /x abc"}},
		{name: "GET with length 0", rfc: "9112 6.2", send: get("Content-Length: 0"), status: "200", seen: []string{"GET /x"}},
		{name: "GET chunked", rfc: "9110 9.3.1", send: get("Transfer-Encoding: chunked") + chunked, status: "200", seen: []string{"GET /x abc"}},
		{name: "empty chunked body", rfc: "9112 7.1", send: post("0\r\n\r\n", "Transfer-Encoding: chunked"), status: "200", seen: []string{"POST /x"}},
		{name: "request in a body of a length", rfc: "9112 6.2", send: post(smuggle, length(smuggle)), status: "200", seen: []string{"POST /x " + strings.TrimRight(smuggle, " ")}},
		{name: "request in a chunk", rfc: "9112 7.1", send: post(smuggleChunked, "Transfer-Encoding: chunked"), status: "200", seen: []string{"POST /x " + smuggle}},
		{name: "body shorter than its length", rfc: "9112 8", send: post("abc", "Content-Length: 10"), alone: true, status: "408"},
		{name: "body shorter, then half-close", rfc: "9112 8", pieces: []string{post("abc", "Content-Length: 10"), halfClose}, alone: true, status: "400|408|closed"},
		{name: "chunked body without an end", rfc: "9112 8", pieces: []string{post("3\r\nabc\r\n", "Transfer-Encoding: chunked"), halfClose}, alone: true, status: "400|408|closed"},
		{name: "body in pieces", rfc: "9112 6.2", pieces: []string{post("a", "Content-Length: 3"), "b", "c"}, status: "200", seen: abc},
	}
	// Both: chunked for one reader, of a length for another.
	both := func(name, send string) check {
		return check{name: "both: " + name, rfc: "9112 6.1", send: send, status: "400", lax: `(?mi)^(content-length.*\n(.*\n)*transfer-encoding|transfer-encoding.*\n(.*\n)*content-length)`}
	}
	cases = append(cases,
		both("length first", post(cutShort, length(cutShort), "Transfer-Encoding: chunked")),
		both("chunked first", post(cutShort, "Transfer-Encoding: chunked", length(cutShort))),
		both("length cuts the chunks", post(smuggleChunked, "Content-Length: 4", "Transfer-Encoding: chunked")),
		both("length 0", post(chunked, "Content-Length: 0", "Transfer-Encoding: chunked")),
		both("the right length", post(chunked, "Content-Length: 13", "Transfer-Encoding: chunked")),
		both("a length that is none", post(chunked, "Content-Length: x", "Transfer-Encoding: chunked")),
		both("on a GET", get(length(cutShort), "Transfer-Encoding: chunked")+cutShort),
		both("length under a second spelling", post(chunked, "Content_Length: 30", "Transfer-Encoding: chunked")),
	)
	last := &cases[len(cases)-1]
	last.status, last.seen, last.hasNot, last.lax = "200", abc, []string{"(?i)content.length: 30"}, "(?i)content_length"
	// Transfer codings that two readers may take for different ones.
	for _, te := range []struct{ name, field, status string }{
		{"tab before", "Transfer-Encoding:\tchunked", "200"},
		{"space and tab after", "Transfer-Encoding: chunked \t", "200"},
		{"no space", "Transfer-Encoding:chunked", "200"},
		{"vertical tab before", "Transfer-Encoding: \x0bchunked", "400"},
		{"vertical tab after", "Transfer-Encoding: chunked\x0b", "400"},
		{"form feed", "Transfer-Encoding: \x0cchunked", "400"},
		{"NUL after", "Transfer-Encoding: chunked\x00", "400"},
		{"space before the colon", "Transfer-Encoding : chunked", "400"},
		{"tab before the colon", "Transfer-Encoding\t: chunked", "400"},
		{"folded", "Transfer-Encoding:\r\n chunked", "400"},
		{"folded with a second", "Transfer-Encoding: identity\r\n , chunked", "400"},
		{"folded field before", "X: y\r\n Transfer-Encoding: chunked", "400"},
		{"quoted", `Transfer-Encoding: "chunked"`, "501"},
		{"single quotes", `Transfer-Encoding: 'chunked'`, "501"},
		{"xchunked", "Transfer-Encoding: xchunked", "501"},
		{"chunkedx", "Transfer-Encoding: chunkedx", "501"},
		{"chunk", "Transfer-Encoding: chunk", "501"},
		{"empty", "Transfer-Encoding:", "501"},
		{"comma before", "Transfer-Encoding: ,chunked", "501"},
		{"comma after", "Transfer-Encoding: chunked,", "501"},
		{"identity", "Transfer-Encoding: identity", "501"},
		{"chunked, identity", "Transfer-Encoding: chunked, identity", "501"},
		{"identity, chunked", "Transfer-Encoding: identity, chunked", "501"},
		{"gzip, chunked", "Transfer-Encoding: gzip, chunked", "501"},
		{"gzip", "Transfer-Encoding: gzip", "501"},
		{"chunked, chunked", "Transfer-Encoding: chunked, chunked", "501"},
		{"with a parameter", "Transfer-Encoding: chunked;q=1", "501"},
		{"two fields", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "501"},
		{"two fields, identity last", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "501"},
		{"two fields, identity first", "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked", "501"},
		{"two fields, unknown last", "Transfer-Encoding: chunked\r\nTransfer-Encoding: cow", "501"},
		{"non-breaking space", "Transfer-Encoding: \xa0chunked", "400|501"},
		{"Kelvin sign", "Transfer-Encoding: chun\u212aed", "400|501"},
		{"bare CR in the name", "Transfer-\rEncoding: chunked", "400"},
		{"bare CR before", "X: y\rTransfer-Encoding: chunked", "400"},
		{"bare LF before", "X: y\nTransfer-Encoding: chunked", "400"},
		{"underscore", "Transfer_Encoding: chunked", "200"},
	} {
		c := check{name: "coding: " + te.name, rfc: rule, send: post(chunked, te.field), status: te.status, lax: `(?i)[^\r\n]*transfer.?encoding[^\r\n]*`}
		switch {
		case te.name == "underscore": // no coding: the chunks are the next request
			c.seen, c.after, c.hasNot = []string{"POST /x"}, stops, []string{"(?i)transfer.encoding"}
		case te.status == "200":
			c.seen, c.lax = abc, ""
		case te.name == "folded with a second":
			c.lax = `\r\n\r\nabc`
		}
		cases = append(cases, c)
	}
	return append(cases, lengths()...)
}

// lengths are the spellings of Content-Length.
func lengths() []check {
	abc := []string{"POST /x abc"}
	cases := []check{
		{name: "old: chunked in 1.0", rfc: "9112 6.1", send: head("POST /x HTTP/1.0", "Host: a", "Transfer-Encoding: chunked", "Connection: keep-alive") + chunked, status: "400", lax: "(?i)transfer-encoding"},
		{name: "old: chunked in 1.0 hides a request", rfc: "9112 6.1", send: head("POST /x HTTP/1.0", "Host: a", "Transfer-Encoding: chunked", "Connection: keep-alive") + smuggle, status: "400", lax: "(?i)transfer-encoding"},
		{name: "old: both in 1.0", rfc: "9112 6.1", send: head("POST /x HTTP/1.0", "Host: a", "Content-Length: 3", "Transfer-Encoding: chunked") + "abc", alone: true, status: "400", lax: "(?i)transfer-encoding"},
		{name: "old: length in 1.0", rfc: "9112 6.2", send: head("POST /x HTTP/1.0", "Content-Length: 3") + "abc", alone: true, status: "200", seen: abc, client: []string{`^HTTP/1\.[01] 200`}},
	}
	for _, cl := range []struct{ name, value, status string }{
		{"plus", "+3", "400"},
		{"minus", "-3", "400"},
		{"minus zero", "-0", "400"},
		{"hexadecimal", "0x3", "400"},
		{"octal", "0o3", "400"},
		{"exponent", "3e0", "400"},
		{"fraction", "3.0", "400"},
		{"underscore", "0_3", "400"},
		{"space within", "3 3", "400"},
		{"letter after", "3a", "400"},
		{"semicolon", "3;", "400"},
		{"quoted", `"3"`, "400"},
		{"empty", "", "400"},
		{"comma", "3,", "400"},
		{"list, equal", "3, 3", "400"},
		{"list, different", "3, 4", "400"},
		{"list of nothing", ",3", "400"},
		{"2^64+3", "18446744073709551619", "400"},
		{"2^63", "9223372036854775808", "400"},
		{"twenty nines", "99999999999999999999", "400"},
		{"Arabic digit", "\u0663", "400"},
		{"vertical tab", "\x0b3", "400"},
		{"NUL", "3\x00", "400"},
		{"tabs around", "\t3\t", "200"},
		{"leading zeros", "0003", "200"},
		{"forty leading zeros", strings.Repeat("0", 40) + "3", "200"},
		{"twice, equal", "3\r\nContent-Length: 3", "400"},
		{"twice, different", "3\r\nContent-Length: 4", "400"},
		{"twice, 0 first", "0\r\nContent-Length: 3", "400"},
		{"twice, zeros differ", "3\r\nContent-Length: 03", "400"},
		{"thrice", "3\r\ncontent-length: 3\r\nCONTENT-LENGTH: 3", "400"},
		{"folded", "\r\n 3", "400"},
		{"space before the colon", "0\r\nContent-Length : 3", "400"},
	} {
		c := check{name: "length: " + cl.name, rfc: "9112 6.3", send: post("abc", "Content-Length: "+cl.value), status: cl.status, lax: "x^"}
		if cl.status == "200" {
			c.seen, c.has = abc, []string{`(?m)^Content-Length: 3\r$`}
		} else {
			c.lax = `(?mi)^content-length ?: *` + literal(cl.value) + `\r$`
		}
		cases = append(cases, c)
	}
	return cases
}
