package gateway

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"

	"go.uber.org/zap"

	"holdfast/internal/config"
)

// fallbackField tells that an answer is not the upstream's, and what it stands in for.
const fallbackField = "Holdfast-Fallback"

// fallback is what a route answers instead of its upstream. There is one per request at most: one that
// fails is a problem like any other.
type fallback struct {
	on       map[string]bool // by word
	statuses statusSet       // of the upstream's answers
	serve    responder       // a fixed answer or another app; nil: file
	app      bool
	file     string
}

func (b *build) newFallback() (*fallback, error) {
	conf := b.conf.Fallback
	if conf == nil {
		return nil, nil //nolint:nilnil // most routes have none
	}
	f := &fallback{on: map[string]bool{}, file: conf.File}
	for _, word := range conf.On {
		if !f.statuses.add(word) {
			f.on[word] = true
		}
	}
	switch {
	case conf.Respond != nil:
		f.serve = newFixed(*conf.Respond)
	case conf.App != "":
		pool := b.g.upstreams.Pool(conf.App)
		own, err := b.g.balancerOf(b.next, b.route.name, "fallback", config.Route{App: conf.App, Balance: b.conf.Balance}, pool)
		if err != nil {
			return nil, err
		}
		// What is refused further out has not met these.
		core, err := newRequestFields(b, &proxy{
			pool: pool, balancer: own.Balancer, hash: newHashKey(b.conf), timeout: b.conf.Timeout.D(), app: conf.App,
		})
		if err != nil {
			return nil, err
		}
		if f.serve, err = newBodyLimit(b, core); err != nil {
			return nil, err
		}
		f.app = true
	}
	return f, nil
}

// fallBack answers a failure of the given code with the route's fallback; false: it has none for it.
func (c *call) fallBack(code string) bool {
	if c.route == nil || c.route.fallback == nil {
		return false
	}
	if code == "upstream_timeout" {
		code = "timeout"
	}
	return c.route.fallback.on[code] && c.insteadOf(code)
}

// fallsBackOn reports whether an upstream's answer with this status is to be replaced, and can be.
func (c *call) fallsBackOn(status int) bool {
	f := c.route.fallback
	return f != nil && f.statuses.has(status) && f.can(c)
}

// can reports whether the request can be answered.
func (f *fallback) can(c *call) bool {
	switch {
	case c.fellBack != "":
		return false
	case f.app:
		return c.body == nil || !c.body.touched.Load()
	case f.serve == nil:
		return c.r.Method == http.MethodGet || c.r.Method == http.MethodHead
	default:
		return true
	}
}

// insteadOf answers, if it can.
func (c *call) insteadOf(reason string) bool {
	f := c.route.fallback
	if !f.can(c) {
		return false
	}
	c.fellBack = reason
	mark := func() {
		c.series.fellBack(reason)
		c.Header()[fallbackField] = []string{reason}
	}
	if f.serve == nil {
		if f.serveFile(c, mark) {
			return true
		}
		c.fellBack = ""
		return false
	}
	if fixed, ok := f.serve.(*fixed); !ok || fixed.status < http.StatusBadRequest {
		delete(c.Header(), "Retry-After")
	}
	mark()
	f.serve.respond(c)
	return true
}

// serveFile answers with a file, whatever it is at this moment.
func (f *fallback) serveFile(c *call, mark func()) bool {
	file, err := os.OpenFile(f.file, readOnly, 0)
	if err != nil {
		c.g.log.Warn("fallback not readable", zap.String("route", c.route.name), zap.Error(err))
		return false
	}
	defer func() { _ = file.Close() }() // it was only read
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		c.g.log.Warn("fallback is no file", zap.String("route", c.route.name), zap.String("file", f.file), zap.Error(err))
		return false
	}
	mark()
	h := c.Header()
	delete(h, "Retry-After")
	c.set(h, "Content-Type", contentType(filepath.Base(f.file)))
	c.set(h, "X-Content-Type-Options", "nosniff")
	c.set(h, "Etag", etag(info, noCoding))
	c.set(h, "Cache-Control", defaultCacheControl)
	serveContent(c, info.ModTime(), file)
	return true
}

// statusSet is a set of statuses and classes of them.
type statusSet struct {
	classes [6]bool
	single  map[int]bool
}

// add adds "503" or "5xx"; false: it is neither.
func (s *statusSet) add(word string) bool {
	if class, ok := config.StatusClass(word); ok {
		s.classes[class] = true
		return true
	}
	status, err := strconv.Atoi(word)
	if err != nil {
		return false
	}
	if s.single == nil {
		s.single = map[int]bool{}
	}
	s.single[status] = true
	return true
}

func (s *statusSet) has(status int) bool {
	class := status / 100
	return class < len(s.classes) && s.classes[class] || s.single[status]
}
