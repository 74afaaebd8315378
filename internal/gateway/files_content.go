package gateway

import (
	"io"
	"net/http"
	"strings"
	"time"
)

// maxRanges bounds the parts of one answer: each costs more than its bytes (RFC 9110, 17.15). A request for
// more gets the whole.
const maxRanges = 100

// serveContent answers a request that may be conditional or for parts (RFC 9110, 13 and 14). What it refuses
// is a problem like any other.
func serveContent(c *call, modified time.Time, content io.ReadSeeker) {
	limitRange(c.r)
	w := contentWriter{recorder: &c.recorder}
	http.ServeContent(&w, c.r, "", modified, content)
	if w.refused == 0 {
		return
	}
	h := c.Header()
	for _, name := range []string{"Content-Encoding", "Etag", "Last-Modified", "Accept-Ranges"} {
		delete(h, name) // they are the file's
	}
	if w.refused == http.StatusPreconditionFailed {
		c.refuse(w.refused, "precondition_failed", "The file is not the one that the request names.")
		return
	}
	c.refuse(w.refused, "range_not_satisfiable", "The file has no such part.")
}

// limitRange removes a Range that has to be ignored: of another method than GET, of another unit than bytes
// (RFC 9110, 14.2), or of too many parts.
func limitRange(r *http.Request) {
	const unit = "bytes="
	ranges := r.Header["Range"]
	if len(ranges) == 0 {
		return
	}
	text := ranges[0]
	if r.Method != http.MethodGet || len(text) < len(unit) || !strings.EqualFold(text[:len(unit)], unit) ||
		strings.Count(text, ",") >= maxRanges {
		delete(r.Header, "Range")
		return
	}
	r.Header["Range"] = []string{unit + text[len(unit):]} // the one spelling that net/http knows
}

// contentWriter keeps the errors of http.ServeContent back.
type contentWriter struct {
	*recorder
	refused int // its status; 0: it is an answer
}

// WriteHeader implements http.ResponseWriter.
func (w *contentWriter) WriteHeader(status int) {
	if status >= http.StatusBadRequest {
		w.refused = status
		return
	}
	w.recorder.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *contentWriter) Write(p []byte) (int, error) {
	if w.refused != 0 {
		return len(p), nil
	}
	return w.recorder.Write(p)
}
