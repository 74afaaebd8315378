package gateway

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"holdfast/internal/config"
)

// compress compresses answers on their way, whoever made them. What is decided is decided when the
// header goes out, before the other policies that change it.
type compress struct {
	offered []coding
	types   []string // in lower case
	minSize int64
	inner   responder
}

func newCompress(b *build, inner responder) (responder, error) {
	conf := b.conf.Compress
	if conf == nil {
		return inner, nil
	}
	l, err := compressOf(*conf)
	if err != nil {
		return nil, err
	}
	l.inner = b.decorated(l, inner)
	return l, nil
}

func compressOf(conf config.Compress) (*compress, error) {
	l := &compress{minSize: int64(conf.MinSize)}
	for _, name := range conf.Encodings {
		c, ok := codingOf(name)
		if !ok || c == noCoding {
			return nil, fmt.Errorf("encodings: %q is not zstd, br or gzip", name)
		}
		l.offered = append(l.offered, c)
	}
	for _, t := range conf.Types {
		l.types = append(l.types, strings.ToLower(t))
	}
	return l, nil
}

// respond implements responder.
func (l *compress) respond(c *call) {
	whole := false
	defer func() {
		if s, ok := c.w.(*squeezed); ok {
			s.end(c, whole)
		}
	}()
	l.inner.respond(c)
	if s, ok := c.w.(*squeezed); ok && s.left > 0 && s.out.err == nil {
		c.failure = fmt.Sprintf("the answer broke off %d bytes before its end", s.left)
		panic(http.ErrAbortHandler) // without its length nobody else would notice
	}
	whole = true
}

// decorate implements decorator: it decides.
func (l *compress) decorate(c *call, h http.Header) {
	switch c.status {
	case http.StatusNotModified:
		l.notModified(c, h)
		return
	case http.StatusPartialContent:
		if media := h.Get("Content-Type"); l.takes(media) || strings.HasPrefix(media, "multipart/byteranges") {
			addVary(h, "Accept-Encoding") // as the whole has (RFC 9110, 15.3.7)
		}
		return
	}
	if !l.compressible(c.status, h) {
		return
	}
	addVary(h, "Accept-Encoding")
	best := readAcceptance(c.r.Header["Accept-Encoding"]).best(l.offered)
	if best == noCoding {
		return
	}
	var s *squeezed
	if c.r.Method != http.MethodHead { // which has the header of a GET, and nothing to compress
		s = &squeezed{ResponseWriter: c.w, coding: best, left: -1}
		if s.encoder = c.g.encoders.get(best, &s.out); s.encoder == nil {
			c.series.uncompressed()
			return
		}
		s.out.w = c.w
		if length := h["Content-Length"]; len(length) == 1 {
			s.left, _ = strconv.ParseInt(length[0], 10, 64) // compressible has read it
		}
	}
	h["Content-Encoding"] = []string{best.String()}
	for _, name := range []string{"Content-Length", "Accept-Ranges", "Content-Digest", "Repr-Digest", "Digest", "Content-Md5"} {
		delete(h, name) // they are of the bytes that are not sent
	}
	if tag := h.Get("Etag"); strings.HasPrefix(tag, `"`) {
		h["Etag"] = []string{"W/" + tag} // other bytes, the same content (RFC 9110, 8.8.1)
	}
	if s != nil {
		c.w = s
	}
}

// notModified gives a 304 the header that the whole answer had (RFC 9110, 15.4.5).
func (l *compress) notModified(c *call, h http.Header) {
	addVary(h, "Accept-Encoding")
	tag := h.Get("Etag")
	if !strings.HasPrefix(tag, `"`) {
		return
	}
	for _, had := range c.r.Header["If-None-Match"] {
		if strings.Contains(had, "W/"+tag) { // it is ours: what made the answer said the strong one
			h["Etag"] = []string{"W/" + tag}
			return
		}
	}
}

// compressible reports whether an answer would be compressed for a client that takes it.
func (l *compress) compressible(status int, h http.Header) bool {
	switch {
	case status < 200, status == http.StatusNoContent, status == http.StatusResetContent:
		return false
	case len(h["Content-Encoding"]) > 0, len(h["Content-Range"]) > 0:
		return false
	}
	if length := h["Content-Length"]; len(length) == 1 {
		if n, err := strconv.ParseInt(length[0], 10, 64); err != nil || n < max(l.minSize, 1) {
			return false
		}
	}
	for _, value := range h["Cache-Control"] {
		for directive := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.Trim(directive, " \t"), "no-transform") {
				return false
			}
		}
	}
	return l.takes(h.Get("Content-Type"))
}

// takes reports whether a media type is one to compress. Event streams and gRPC never are: what they
// say must not wait, and gRPC has compression of its own.
func (l *compress) takes(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.ToLower(strings.Trim(media, " \t"))
	if media == "" || media == "text/event-stream" || strings.HasPrefix(media, "application/grpc") {
		return false
	}
	for _, t := range l.types {
		before, after, star := strings.Cut(t, "*")
		if media == t || star && len(media) > len(t)-1 && strings.HasPrefix(media, before) && strings.HasSuffix(media, after) {
			return true
		}
	}
	return false
}

// squeezed is a response writer that compresses.
type squeezed struct {
	http.ResponseWriter
	coding  coding
	encoder encoder
	out     wire
	left    int64 // of what was announced and not written yet; less than 0: nothing was
}

// wire counts what is sent.
type wire struct {
	w    http.ResponseWriter
	sent int64
	err  error // the client went away
}

// Write implements io.Writer.
func (w *wire) Write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	w.sent += int64(n)
	if err != nil {
		w.err = err
	}
	return n, err
}

// Write implements io.Writer.
func (s *squeezed) Write(p []byte) (int, error) {
	n, err := s.encoder.Write(p)
	if s.left > 0 {
		s.left -= int64(n)
	}
	return n, err
}

// FlushError implements what the recorder looks for: what was written so far can be read.
func (s *squeezed) FlushError() error {
	if err := s.encoder.Flush(); err != nil {
		return err
	}
	return http.NewResponseController(s.ResponseWriter).Flush()
}

// Unwrap implements what http.ResponseController looks for.
func (s *squeezed) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// end writes the rest of an answer that is whole; one that was broken off must not look so.
func (s *squeezed) end(c *call, whole bool) {
	if whole {
		if err := s.encoder.Close(); err != nil && c.failure == "" {
			c.failure = err.Error() // the client went away
		}
	}
	c.g.encoders.put(s.coding, s.encoder)
	c.w, c.bytes = s.ResponseWriter, s.out.sent
}
