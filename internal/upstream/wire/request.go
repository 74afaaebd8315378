package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// holdSize is up to which length a body is read before its request is sent, so that both go out in one
// piece and a request of which nothing was sent can be sent again. Twice the room for headers and
// bodies of that kind always fits into the buffers of a connection: no goroutine is needed to send it.
const (
	holdSize = 16 << 10
	holdRoom = 4 << 10 // in front of a held body, for its header
)

// Request is a request to a target, over as many tries as its caller makes. It must not be copied once
// it was sent, nor be sent by two at a time.
type Request struct {
	Method string
	// Target is the request target as it is sent: an absolute path with its query, or "*".
	Target string
	Host   string
	// Header is only read. What frames the message or belongs to one connection is not sent from it:
	// Host, Content-Length, Transfer-Encoding, Trailer, Connection, Proxy-Connection, Keep-Alive, Upgrade.
	Header http.Header
	// Body is nil when there is none. It may be read from another goroutine, and for a moment longer than
	// the answer takes, when the target answers before its end.
	Body io.Reader
	// Length is the length of Body; -1 when it is not known.
	Length int64
	// Trailer follows a body of unknown length. Its keys are announced, its values are read after Body's
	// end. May be nil.
	Trailer http.Header
	// Upgrade is the protocol to ask for with "Connection: Upgrade"; the answer may then be a 101, whose
	// body is a *Session.
	Upgrade string
	// Interim is told of every 1xx answer but 101, while Send runs; its error ends the try. May be nil.
	Interim func(status int, header http.Header) error

	// Connected, Reused, Sent and Answered are about the last Send: there was a connection to write the
	// request to; it had been used before; a byte of the request was handed to the system; a byte of an
	// answer came.
	Connected, Reused, Sent, Answered bool

	held *[]byte // with a body of heldSize bytes after the room for its header
	size int

	mu     sync.Mutex
	cancel func() // of what is under way; nil: nothing
	cause  error  // why it was broken off
}

// Break breaks off what is under way, from any goroutine, and whatever follows: Send and reads of the
// answer's body return cause.
func (r *Request) Break(cause error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cause == nil {
		r.cause = cause
	}
	if r.cancel != nil {
		r.cancel()
	}
}

// Again takes back that the request was broken off for cause, between two tries. False: it was broken off
// for something else.
func (r *Request) Again(cause error) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cause != cause { //nolint:errorlint // the very same
		return false
	}
	r.cause = nil
	return true
}

// Held reports whether all of the body is in hand, so that the request can be sent again although its
// body was read, if nothing was sent.
func (r *Request) Held() bool { return r.held != nil }

// attach has Break call cancel. It fails when it is too late.
func (r *Request) attach(cancel func()) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cause == nil {
		r.cancel = cancel
	}
	return r.cause
}

// detach ends what attach began, and reports whether it was not broken off.
func (r *Request) detach() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cancel = nil
	return r.cause == nil
}

// because is err, or why it came to it.
func (r *Request) because(err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cause != nil {
		return r.cause
	}
	return err
}

var errInvalid = errors.New("invalid request")

// check refuses what could be read as something else than it is. Header fields are checked as they are
// written.
func (r *Request) check() error {
	switch {
	case !isToken(r.Method) || r.Method == http.MethodConnect:
		return fmt.Errorf("%w: method %q", errInvalid, r.Method)
	case r.Target == "" || r.Target[0] != '/' && r.Target != "*" || !allIn(r.Target, inTarget):
		return fmt.Errorf("%w: target %q", errInvalid, r.Target)
	case !allIn(r.Host, inTarget) || strings.ContainsAny(r.Host, "/?#@, "):
		return fmt.Errorf("%w: host %q", errInvalid, r.Host)
	case r.Upgrade != "" && (!isToken(r.Upgrade) || r.Body != nil):
		return fmt.Errorf("%w: upgrade to %q", errInvalid, r.Upgrade)
	case r.Body != nil && r.Length < -1:
		return fmt.Errorf("%w: length %d", errInvalid, r.Length)
	default:
		return nil
	}
}

// expects reports whether the body is to be sent on demand only (RFC 9110, 10.1.1).
func (r *Request) expects() bool {
	v := r.Header["Expect"]
	return len(v) > 0 && r.Body != nil && r.Length != 0 && strings.EqualFold(v[0], "100-continue")
}

// hold reads a short body.
func (r *Request) hold(b *buffers) error {
	if r.held != nil || r.Body == nil || r.Length < 0 || r.Length > holdSize || r.expects() {
		return nil
	}
	buf := b.get()
	n := holdRoom + int(r.Length)
	if _, err := io.ReadFull(r.Body, (*buf)[holdRoom:n]); err != nil {
		b.put(buf)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			err = errShortBody
		}
		return r.because(&BodyError{Err: err})
	}
	if err := ended(r.Body); err != nil {
		b.put(buf)
		return r.because(&BodyError{Err: err})
	}
	r.held, r.size = buf, int(r.Length)
	return nil
}

// release gives the room of a held body back after it was sent.
func (r *Request) release(b *buffers) {
	if r.held != nil {
		b.put(r.held)
		r.held = nil
	}
}

var (
	errShortBody = errors.New("the body is shorter than its length")
	errLongBody  = errors.New("the body is longer than its length")
)

// BodyError says that the body of a request could not be read, or was not as long as said: the target
// is not at fault.
type BodyError struct{ Err error }

func (e *BodyError) Error() string { return fmt.Sprintf("request body: %v", e.Err) }

func (e *BodyError) Unwrap() error { return e.Err }

// ended reads the end of a body whose length came, which is how its source learns of it.
func ended(body io.Reader) error {
	var one [1]byte
	for range 100 {
		switch n, err := body.Read(one[:]); {
		case n > 0:
			return errLongBody
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
	return io.ErrNoProgress
}

// appendHead appends the request line and the header.
func (r *Request) appendHead(b []byte) ([]byte, error) {
	b = append(b, r.Method...)
	b = append(b, ' ')
	b = append(b, r.Target...)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, r.Host...)
	b = append(b, "\r\n"...)
	for name, values := range r.Header {
		if len(values) == 0 || ownField(name) || name == "Expect" && !r.expects() {
			continue
		}
		if !isToken(name) {
			return b, fmt.Errorf("%w: header field %q", errInvalid, name)
		}
		for _, v := range values {
			if !allIn(v, inValue) {
				return b, fmt.Errorf("%w: value of header field %q", errInvalid, name)
			}
			b = append(b, name...)
			b = append(b, ": "...)
			b = append(b, v...)
			b = append(b, "\r\n"...)
		}
	}
	switch {
	case r.Upgrade != "":
		b = append(b, "Connection: Upgrade\r\nUpgrade: "...)
		b = append(b, r.Upgrade...)
		b = append(b, "\r\n"...)
	case r.Body == nil:
		if r.Method == http.MethodPost || r.Method == http.MethodPut || r.Method == http.MethodPatch {
			b = append(b, "Content-Length: 0\r\n"...)
		}
	case r.Length >= 0:
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, r.Length, 10)
		b = append(b, "\r\n"...)
	default:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
		first := true
		for name := range r.Trailer {
			if !trailerField(name) {
				continue
			}
			if first {
				b = append(b, "Trailer: "...)
			} else {
				b = append(b, ", "...)
			}
			b, first = append(b, name...), false
		}
		if !first {
			b = append(b, "\r\n"...)
		}
	}
	return append(b, "\r\n"...), nil
}

// ownField reports whether a field is written here or nowhere. Names are canonical in an http.Header;
// one that is not could hide from a comparison, and none is this long.
func ownField(name string) bool {
	switch len(name) {
	case len("Host"), len("Trailer"), len("Connection"), len("Content-Length"),
		len("Transfer-Encoding"), len("Proxy-Connection"):
		for _, own := range [...]string{
			"Host", "Trailer", "Upgrade", "Connection", "Keep-Alive", "Content-Length", "Transfer-Encoding",
			"Proxy-Connection",
		} {
			if len(own) == len(name) && strings.EqualFold(own, name) {
				return true
			}
		}
	}
	return false
}

// trailerField reports whether a field may stand in a trailer: none that frames a message, routes it or
// belongs to one connection does (RFC 9110, 6.5.1).
func trailerField(name string) bool {
	if !isToken(name) || ownField(name) {
		return false
	}
	switch http.CanonicalHeaderKey(name) {
	case "Te", "Expect", "Max-Forwards", "Authorization", "Proxy-Authorization", "Proxy-Authenticate",
		"Www-Authenticate", "Set-Cookie", "Cookie", "Content-Encoding", "Content-Type", "Content-Range",
		"Cache-Control":
		return false
	default:
		return true
	}
}

// join is the request as it goes out in one piece: head, and the held body if there is one.
func (r *Request) join(head []byte) []byte {
	if r.held == nil {
		return head
	}
	body := (*r.held)[:holdRoom+r.size]
	if len(head) > holdRoom {
		return append(head, body[holdRoom:]...)
	}
	start := holdRoom - len(head)
	copy(body[start:], head)
	return body[start:]
}

// attachTo is attach for a connection and a context.
func (r *Request) attachTo(ctx context.Context, c *conn) error {
	if err := r.attach(c.kill); err != nil {
		return err
	}
	if ctx.Done() != nil {
		c.stop = context.AfterFunc(ctx, c.kill)
	}
	return nil
}
