package gateway

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"time"
)

// send sends a file whose header is set but for what tells of its bytes.
func send(c *call, in *folder, file *found) {
	size := file.info.Size()
	if conditional(c.r.Header) || size < 0 {
		sendPart(c, file)
		return
	}
	h := c.Header()
	if t := file.info.ModTime(); !t.IsZero() && !t.Equal(time.Unix(0, 0)) {
		c.set(h, "Last-Modified", t.UTC().Format(http.TimeFormat))
	}
	c.set(h, "Accept-Ranges", "bytes")
	c.set(h, "Content-Length", strconv.FormatInt(size, 10))
	c.WriteHeader(http.StatusOK)
	switch {
	case c.r.Method == http.MethodHead || size == 0:
	case size <= copySize:
		// One read costs less than having the kernel send it: that takes several calls, and packets.
		buf := c.buffers.get()
		defer c.buffers.put(buf)
		if data, ok := file.read(in, *buf); ok {
			_, _ = c.Write(data) // a client that went away needs no answer
		}
	default:
		_, _ = io.CopyN(&c.recorder, file.file, size)
	}
}

// conditional reports whether a request asks for a part, or for what has changed (RFC 9110, 13 and 14).
func conditional(h http.Header) bool {
	for _, name := range [...]string{"Range", "If-None-Match", "If-Modified-Since", "If-Match", "If-Unmodified-Since", "If-Range"} {
		if _, there := h[name]; there {
			return true
		}
	}
	return false
}

// sendPart answers a conditional request. http.ServeContent does not tell the length of a coded file.
func sendPart(c *call, file *found) {
	if h := c.Header(); len(h["Content-Encoding"]) > 0 {
		before := c.before
		c.before = func() {
			if c.status == http.StatusOK {
				h["Content-Length"] = []string{strconv.FormatInt(file.info.Size(), 10)}
			}
			if before != nil {
				before()
			}
		}
	}
	var content io.ReadSeeker = file.file
	if file.kept != nil {
		content = bytes.NewReader(file.kept)
	}
	serveContent(c, file.info.ModTime(), content)
}
