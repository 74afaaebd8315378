package gateway

import (
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// maxLogged bounds what a client can put into one field of the access log.
const maxLogged = 1024

// log writes the request's line of the access log. The query is left out: it is where clients put
// secrets. Whatever is written is a JSON string, so that no client can begin a line of its own.
func (c *call) log(took time.Duration) {
	entry := c.g.access.Check(zapcore.InfoLevel, "request")
	if entry == nil {
		return
	}
	c.took = took
	c.line[0] = zap.Inline(c)
	entry.Write(c.line[:]...)
}

// MarshalLogObject implements zapcore.ObjectMarshaler. It costs less than to make a field of each first.
func (c *call) MarshalLogObject(line zapcore.ObjectEncoder) error {
	r := c.r
	path := c.path.Path
	if path == "" {
		path = r.URL.EscapedPath() // it was refused
	}
	host := c.host
	if host == "" {
		host = r.Host
	}
	var routeName, app string
	if c.route != nil {
		routeName, app = c.route.name, c.route.app
	}
	line.AddString("trace_id", c.ids.trace)
	line.AddString("span_id", c.ids.span)
	line.AddString("request_id", c.ids.request)
	line.AddString("client", c.client.address)
	line.AddString("listener", c.site.name)
	line.AddString("protocol", r.Proto)
	line.AddString("method", logged(r.Method))
	line.AddString("host", logged(host))
	line.AddString("path", logged(path))
	line.AddString("route", routeName)
	line.AddString("app", app)
	line.AddInt("status", c.status)
	line.AddInt64("bytes", c.bytes)
	line.AddDuration("duration", c.took)
	line.AddString("user_agent", logged(firstValue(r.Header["User-Agent"])))
	line.AddString("referer", logged(firstValue(r.Header["Referer"])))
	if c.instance != "" {
		line.AddString("instance", c.instance)
		line.AddDuration("upstream_duration", c.upstream)
	}
	if c.parked > 0 {
		line.AddDuration("parked_duration", c.parked)
	}
	if c.queued > 0 {
		line.AddDuration("queued_duration", c.queued)
	}
	for _, word := range [...]struct{ name, value string }{
		{"fallback", c.fellBack}, {"user", logged(c.subject)}, {"fault", c.faults}, {"error", c.failure},
	} {
		if word.value != "" {
			line.AddString(word.name, word.value)
		}
	}
	return nil
}

func firstValue(values []string) string {
	if len(values) > 0 {
		return values[0]
	}
	return ""
}

func logged(s string) string {
	if len(s) > maxLogged {
		return s[:maxLogged] + "..."
	}
	return s
}
