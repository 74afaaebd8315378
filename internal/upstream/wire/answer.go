package wire

import (
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
)

// framing is how the end of a body is known.
type framing uint8

const (
	byLength framing = iota
	byChunks
	byClose
)

// The states of a body that was begun.
const (
	resting int32 = iota
	reading
	ending // whoever was reading ends it, or else Close
	over   // err says how
)

// answer is an answer with what is left of its body. It owns its connection until the body has ended.
// Close may be called while another goroutine reads.
type answer struct {
	res     http.Response
	values  [12]string // of most headers
	conn    *conn
	state   atomic.Int32
	req     *Request
	framing framing
	left    int64 // bytes of the body, or of its chunk
	chunks  chunks
	reuse   bool
	err     error // of the next read
}

// begin decides how the body ends (RFC 9112, 6.3).
func (a *answer) begin() (*http.Response, error) {
	res := &a.res
	h := res.Header
	a.reuse = keptAlive(res)
	length, err := contentLength(h)
	if err != nil {
		return nil, err
	}
	coding, coded := h["Transfer-Encoding"]
	switch {
	case !coded:
	case res.ProtoMinor == 0:
		return nil, malformed("Transfer-Encoding in HTTP/1.0")
	case length >= 0:
		return nil, malformed("both Transfer-Encoding and Content-Length")
	case len(coding) != 1 || !strings.EqualFold(coding[0], "chunked"):
		return nil, malformed("Transfer-Encoding %.64q", coding)
	}
	if coded {
		if err := a.announce(); err != nil {
			return nil, err
		}
	}
	res.Close = !a.reuse
	switch code := res.StatusCode; {
	case a.req.Method == http.MethodHead:
		res.ContentLength = length
		return a.empty(), nil
	case code == http.StatusNoContent, code == http.StatusNotModified:
		// Whoever takes this one for an answer with a body would send one.
		a.reuse = a.reuse && !coded && (length <= 0 || code == http.StatusNotModified)
		return a.empty(), nil
	case coded:
		delete(h, "Transfer-Encoding")
		res.TransferEncoding = []string{"chunked"}
		res.ContentLength, a.framing = -1, byChunks
	case length == 0:
		return a.empty(), nil
	case length > 0:
		res.ContentLength, a.framing, a.left = length, byLength, length
	default:
		res.ContentLength, a.framing, a.reuse, res.Close = -1, byClose, false, true
	}
	res.Body = a
	return res, nil
}

// empty ends an answer that has no body.
func (a *answer) empty() *http.Response {
	delete(a.res.Header, "Transfer-Encoding")
	a.res.Body, a.res.Trailer = http.NoBody, nil
	a.conn.giveBack(a.req, a.reuse)
	return &a.res
}

// keptAlive reports whether the target will read another request (RFC 9112, 9.3).
func keptAlive(res *http.Response) bool {
	keep := res.ProtoMinor > 0
	for _, v := range res.Header["Connection"] {
		for token := range strings.SplitSeq(v, ",") {
			switch token = strings.Trim(token, " \t"); {
			case strings.EqualFold(token, "close"):
				return false
			case strings.EqualFold(token, "keep-alive"):
				keep = true
			}
		}
	}
	return keep
}

// contentLength is -1 when there is none. The same one said twice is merged (RFC 9110, 8.6).
func contentLength(h http.Header) (int64, error) {
	values, ok := h["Content-Length"]
	if !ok {
		return -1, nil
	}
	for _, v := range values[1:] {
		if v != values[0] {
			return 0, malformed("Content-Length %.64q", values)
		}
	}
	if len(values) > 1 { // a full map grows before it looks whether a name is there already
		h["Content-Length"] = values[:1]
	}
	n, s := int64(0), values[0]
	for i := range len(s) {
		if !isDigit(s[i]) || n > (math.MaxInt64-9)/10 {
			return 0, malformed("Content-Length %.64q", s)
		}
		n = n*10 + int64(s[i]-'0')
	}
	if s == "" {
		return 0, malformed("Content-Length is empty")
	}
	return n, nil
}

// announce takes the names of Trailer.
func (a *answer) announce() error {
	values, ok := a.res.Header["Trailer"]
	if !ok {
		return nil
	}
	delete(a.res.Header, "Trailer")
	for _, v := range values {
		for name := range strings.SplitSeq(v, ",") {
			name, ok := canonical(strings.Trim(name, " \t"))
			switch {
			case !ok || ownField(name):
				return malformed("Trailer names %.64q", name)
			case name == "":
				continue
			case a.res.Trailer == nil:
				a.res.Trailer = http.Header{}
			case len(a.res.Trailer) >= maxFields:
				return malformed("Trailer names too many fields")
			}
			a.res.Trailer[name] = nil
		}
	}
	return nil
}

// Read implements io.Reader. The end comes with the last bytes where it is known by then.
func (a *answer) Read(p []byte) (n int, err error) {
	if !a.state.CompareAndSwap(resting, reading) {
		if a.state.Load() == over {
			return 0, a.err
		}
		return 0, errClosed
	}
	if len(p) > 0 {
		n, err = a.next(p)
	}
	if err == nil && a.state.CompareAndSwap(reading, resting) {
		return n, nil
	}
	if a.state.Swap(ending) == ending { // it was closed meanwhile
		err = errClosed
	}
	a.finish(err)
	return n, a.err
}

func (a *answer) next(p []byte) (n int, err error) {
	switch a.framing {
	case byLength:
		n, err = a.conn.read(p[:min(int64(len(p)), a.left)])
		if a.left -= int64(n); err == nil && a.left == 0 {
			err = io.EOF
		} else if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return n, err
	case byChunks:
		return a.readChunks(p)
	case byClose:
		return a.conn.read(p)
	default:
		panic("unreachable")
	}
}

// finish ends the body, with io.EOF or an error.
func (a *answer) finish(err error) {
	defer a.state.Store(over)
	c := a.conn
	if errors.Is(err, io.EOF) {
		a.err = err
		c.giveBack(a.req, a.reuse)
		return
	}
	c.close()
	if !c.unwatch(a.req) && errors.Is(err, net.ErrClosed) {
		err = context.Canceled
	}
	a.err = a.req.because(err)
}

// errClosed is what reads get after Close.
var errClosed = errors.New("read of a closed answer")

// Close implements io.Closer. An answer that was not read to its end takes its connection with it.
func (a *answer) Close() error {
	switch {
	case a.state.CompareAndSwap(resting, ending):
		a.finish(errClosed)
	case a.state.CompareAndSwap(reading, ending):
		a.conn.close() // whoever reads does the rest
	}
	return nil
}
