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
	fields := append(c.g.fields.get(),
		zap.String("trace_id", c.ids.trace),
		zap.String("span_id", c.ids.span),
		zap.String("request_id", c.ids.request),
		zap.String("client", c.client.address),
		zap.String("listener", c.site.name),
		zap.String("protocol", r.Proto),
		zap.String("method", logged(r.Method)),
		zap.String("host", logged(host)),
		zap.String("path", logged(path)),
		zap.String("route", routeName),
		zap.String("app", app),
		zap.Int("status", c.status),
		zap.Int64("bytes", c.bytes),
		zap.Duration("duration", took),
		zap.String("user_agent", logged(c.userAgent())),
		zap.String("referer", logged(r.Header.Get("Referer"))),
	)
	if c.instance != "" {
		fields = append(fields, zap.String("instance", c.instance), zap.Duration("upstream_duration", c.upstream))
	}
	if c.parked > 0 {
		fields = append(fields, zap.Duration("parked_duration", c.parked))
	}
	if c.queued > 0 {
		fields = append(fields, zap.Duration("queued_duration", c.queued))
	}
	if c.fellBack != "" {
		fields = append(fields, zap.String("fallback", c.fellBack))
	}
	if c.subject != "" {
		fields = append(fields, zap.String("user", logged(c.subject)))
	}
	if c.faults != "" {
		fields = append(fields, zap.String("fault", c.faults))
	}
	if c.failure != "" {
		fields = append(fields, zap.String("error", c.failure))
	}
	entry.Write(fields...)
	c.g.fields.put(fields)
}

func (c *call) userAgent() string {
	if vs := c.r.Header["User-Agent"]; len(vs) > 0 {
		return vs[0]
	}
	return ""
}

func logged(s string) string {
	if len(s) > maxLogged {
		return s[:maxLogged] + "..."
	}
	return s
}
