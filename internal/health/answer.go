package health

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"strconv"

	"golang.org/x/net/http/httpguts"
)

const (
	// bufferSize holds the answer of nearly every health endpoint.
	bufferSize = 4 << 10
	// maxHeader bounds the header of an answer, interim answers included.
	maxHeader = 64 << 10
	// maxBody bounds what is read of a body, so that its connection ends cleanly: closing one with
	// unread data resets it, which the program may log as an error.
	maxBody = 64 << 10
)

// errHeader tells of an answer whose header is too long.
var errHeader = fmt.Errorf("the answer's header is longer than %d bytes", maxHeader)

// readAnswer reads one answer to a GET, to the end of its body where that is within bounds. text is the
// status line from the code on; it is empty for a code from 200 to 399.
//
// What is written as every server writes it is read here. Everything else is left to net/http, so that
// the verdict and its words are net/http's in either case.
func readAnswer(conn io.Reader, buffer []byte) (code int, text string, err error) {
	have := 0
	for {
		if have == len(buffer) {
			if have >= maxHeader {
				return 0, "", errHeader
			}
			buffer = append(buffer, make([]byte, len(buffer))...) // grown for this check alone
		}
		n, err := conn.Read(buffer[have:])
		have += n
		head, state := parseAnswer(buffer[:have])
		switch {
		case state == whole:
			drain(conn, head, buffer[head.length:have])
			return head.code, head.text, nil
		case state == unusual || err != nil:
			return readUnusual(&replay{data: buffer[:have], err: err, rest: conn})
		}
	}
}

// parsed says what parseAnswer made of the bytes so far.
type parsed int

const (
	// partial could become whole.
	partial parsed = iota
	whole
	// unusual may or may not be HTTP.
	unusual
)

// head is what a check needs of an answer's header.
type head struct {
	code   int
	text   string
	length int // of the header in bytes, with what came before it
	body   int64
}

// lengths of a body that has no number of bytes.
const (
	chunked  = -1
	untilEOF = -2
)

// parseAnswer reads the header of the final answer at the beginning of data.
func parseAnswer(data []byte) (h head, state parsed) {
	for at := 0; ; {
		end := bytes.Index(data[at:], []byte("\r\n\r\n"))
		if end < 0 {
			return head{}, parseBegun(data[at:])
		}
		h, ok := parseHeader(data[at : at+end])
		if !ok {
			return head{}, unusual
		}
		at += end + len("\r\n\r\n")
		if h.code >= 100 && h.code <= 199 { // an interim answer (RFC 9110 15.2)
			continue
		}
		h.length = at
		return h, whole
	}
}

// parseBegun looks at the lines that are there of a header: what is no answer is told at once, not when
// the check's time is up.
func parseBegun(data []byte) parsed {
	end := bytes.LastIndexByte(data, '\n')
	if end < 0 {
		return partial
	}
	if end == 0 || data[end-1] != '\r' {
		return unusual
	}
	if _, ok := parseHeader(data[:end-1]); !ok {
		return unusual
	}
	return partial
}

// parseHeader reads one header without its last line end; false for everything unusual.
func parseHeader(data []byte) (h head, ok bool) {
	line, rest, _ := bytes.Cut(data, []byte("\r\n"))
	// HTTP/1.1 200 OK
	const digits = len("HTTP/1.1 ")
	if len(line) < digits+3 || !bytes.HasPrefix(line, []byte("HTTP/1.")) || line[7] != '0' && line[7] != '1' || line[8] != ' ' ||
		len(line) > digits+3 && line[digits+3] != ' ' || bytes.ContainsAny(line, "\r\n") {
		return head{}, false
	}
	for _, c := range line[digits : digits+3] {
		if c < '0' || c > '9' {
			return head{}, false
		}
		h.code = h.code*10 + int(c-'0')
	}
	if h.code == http.StatusSwitchingProtocols {
		return head{}, false
	}
	if h.code < 200 || h.code > 399 {
		h.text = string(line[digits:])
	}
	h.body = untilEOF
	for len(rest) > 0 {
		line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		if !h.field(line, data[7] == '1') {
			return head{}, false
		}
	}
	if h.code <= 199 || h.code == http.StatusNoContent || h.code == http.StatusNotModified {
		h.body = 0
	}
	return h, true
}

// field takes in one header field.
func (h *head) field(line []byte, is11 bool) bool {
	name, value, ok := bytes.Cut(line, []byte(":"))
	if !ok || !isToken(name) {
		return false
	}
	value = bytes.Trim(value, " \t")
	for _, c := range value {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	switch len(name) {
	case len("Content-Length"):
		if !bytes.EqualFold(name, []byte("Content-Length")) {
			return true
		}
		if h.body != untilEOF || len(value) == 0 || len(value) > 18 {
			return false
		}
		n, err := strconv.ParseUint(string(value), 10, 63)
		h.body = int64(n)
		return err == nil
	case len("Transfer-Encoding"):
		if !bytes.EqualFold(name, []byte("Transfer-Encoding")) {
			return true
		}
		if h.body != untilEOF || !is11 || !bytes.EqualFold(value, []byte("chunked")) {
			return false
		}
		h.body = chunked
	case len("Trailer"):
		return !bytes.EqualFold(name, []byte("Trailer"))
	}
	return true
}

func isToken(name []byte) bool {
	for _, c := range name {
		if !httpguts.IsTokenRune(rune(c)) {
			return false
		}
	}
	return len(name) > 0
}

// drain reads the body, of which begun is there already. How it ends does not matter: the answer's
// code is the verdict.
func drain(conn io.Reader, h head, begun []byte) {
	switch left := h.body - int64(len(begun)); {
	case h.body == chunked:
		body := httputil.NewChunkedReader(io.MultiReader(bytes.NewReader(begun), conn))
		_, _ = io.CopyN(io.Discard, body, maxBody)
	case h.body == untilEOF:
		_, _ = io.CopyN(io.Discard, conn, maxBody)
	case left > 0:
		_, _ = io.CopyN(io.Discard, conn, min(left, maxBody))
	}
}

// replay reads what was read already, then the rest.
type replay struct {
	data []byte
	err  error // what came with the last of data
	rest io.Reader
	read int
}

func (r *replay) Read(b []byte) (int, error) {
	n := copy(b, r.data)
	if n == 0 && r.err != nil {
		return 0, r.err
	}
	if n == 0 {
		if r.full() {
			return 0, errHeader
		}
		var err error
		n, err = r.rest.Read(b)
		r.read += n
		return n, err
	}
	r.data = r.data[n:]
	r.read += n
	return n, nil
}

// full reports whether no more is read.
func (r *replay) full() bool { return r.read >= maxHeader+maxBody }

// readUnusual has net/http read an answer.
func readUnusual(r *replay) (code int, text string, err error) {
	if len(r.data) == 0 && r.err != nil {
		return 0, "", r.err
	}
	in := bufio.NewReader(r)
	for {
		resp, err := http.ReadResponse(in, nil)
		if err != nil && r.full() {
			return 0, "", errHeader // which hides as a cut line
		}
		if err != nil {
			return 0, "", err
		}
		code = resp.StatusCode
		if code >= 100 && code <= 199 && code != http.StatusSwitchingProtocols {
			_ = resp.Body.Close()
			continue
		}
		_, _ = io.CopyN(io.Discard, resp.Body, maxBody)
		_ = resp.Body.Close()
		if code < 200 || code > 399 {
			text = resp.Status
		}
		return code, text, nil
	}
}
