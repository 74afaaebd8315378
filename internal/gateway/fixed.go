package gateway

import (
	"net/http"
	"strconv"

	"holdfast/internal/config"
)

// fixed answers every request alike.
type fixed struct {
	status int
	body   []byte
	header http.Header // shared by all answers, never modified
}

func newFixed(conf config.Respond) *fixed {
	f := &fixed{status: conf.Status, body: []byte(conf.Body), header: http.Header{}}
	if f.status == 0 {
		f.status = http.StatusOK
	}
	bodiless := f.status == http.StatusNoContent || f.status == http.StatusResetContent || f.status == http.StatusNotModified
	if !bodiless {
		f.header["Content-Type"] = []string{"text/plain; charset=utf-8"}
		f.header["Content-Length"] = []string{strconv.Itoa(len(f.body))}
	} else {
		f.body = nil
	}
	for name, value := range conf.Headers {
		switch name = http.CanonicalHeaderKey(name); name {
		case "Content-Length", "Transfer-Encoding", "Connection", "Trailer", "Upgrade", "X-Request-Id":
			// The server's own business.
		default:
			f.header[name] = []string{value}
		}
	}
	return f
}

// respond implements responder.
func (f *fixed) respond(c *call) {
	h := c.Header()
	for name, values := range f.header {
		h[name] = values
	}
	c.WriteHeader(f.status)
	if c.r.Method != http.MethodHead && len(f.body) > 0 {
		_, _ = c.Write(f.body) // a client that went away needs no answer
	}
}
