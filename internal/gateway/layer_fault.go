package gateway

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"go.uber.org/zap"

	"holdfast/internal/config"
)

// faultField tells what was done to an answer on purpose.
const faultField = "Holdfast-Fault"

// fault makes requests slow or fail on purpose. It acts inside the limits and outside the circuit
// breaker, so that what is tried is what clients would meet.
type fault struct {
	conf   config.Fault
	header []headerCondition
	chance func() float64
	marks  []string
	inner  responder
}

func newFault(b *build, inner responder) (responder, error) {
	if b.conf.Fault == nil {
		return inner, nil
	}
	f := &fault{conf: *b.conf.Fault, chance: rand.Float64, inner: inner}
	for name, value := range f.conf.Header {
		f.header = append(f.header, headerCondition{http.CanonicalHeaderKey(name), value})
	}
	var words []string
	if f.conf.Delay > 0 {
		words = append(words, "delay="+f.conf.Delay.String())
	}
	if f.conf.Abort > 0 {
		words = append(words, "abort")
	}
	if f.conf.Bandwidth > 0 {
		words = append(words, "bandwidth="+f.conf.Bandwidth.String())
	}
	f.marks = []string{strings.Join(words, ", ")}
	b.g.log.Warn("faults are made on purpose", zap.String("route", b.route.name), zap.Strings("faults", words), zap.Float64("share", float64(f.conf.Share)))
	return f, nil
}

// respond implements responder.
func (f *fault) respond(c *call) {
	if !f.hits(c) {
		f.inner.respond(c)
		return
	}
	c.faults = f.marks[0]
	c.Header()[faultField] = f.marks
	c.series.faulted()
	if d := f.conf.Delay.D(); d > 0 && !rest(c.r.Context(), d) {
		c.abort(statusClientClosed)
	}
	if f.conf.Abort > 0 {
		c.refuse(f.conf.Abort, "fault_injected", "This failure was made on purpose.")
		return
	}
	if f.conf.Bandwidth > 0 {
		c.conn = nil // each piece has its time
		c.w = &narrow{ResponseWriter: c.w, ctx: c.r.Context(), rate: int64(f.conf.Bandwidth)}
	}
	f.inner.respond(c)
}

func (f *fault) hits(c *call) bool {
	if len(f.header) > 0 {
		q := newQuery(criteria{host: c.host, header: c.r.Header})
		if !allHold(f.header, &q) {
			return false
		}
	}
	return f.conf.Share >= 1 || f.chance() < float64(f.conf.Share)
}

// rest waits; false when ctx ended first.
func rest(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// slices is how many pieces a second a narrow writer sends.
const slicesPerSecond = 20

// narrow sends at most rate bytes a second, in small pieces.
type narrow struct {
	http.ResponseWriter
	ctx  context.Context //nolint:containedctx // a writer has no other way to learn of the client's end
	rate int64
}

// Write implements io.Writer.
func (n *narrow) Write(p []byte) (int, error) {
	piece := int(max(1, n.rate/slicesPerSecond))
	sent := 0
	for len(p) > 0 {
		part := p[:min(len(p), piece)]
		wrote, err := n.ResponseWriter.Write(part)
		sent += wrote
		if err != nil {
			return sent, err
		}
		if err := http.NewResponseController(n.ResponseWriter).Flush(); err != nil {
			return sent, err
		}
		if !rest(n.ctx, time.Duration(len(part))*time.Second/time.Duration(n.rate)) {
			return sent, n.ctx.Err()
		}
		p = p[len(part):]
	}
	return sent, nil
}

// Unwrap implements what http.ResponseController looks for.
func (n *narrow) Unwrap() http.ResponseWriter { return n.ResponseWriter }

// FlushError implements what the recorder looks for.
func (n *narrow) FlushError() error { return http.NewResponseController(n.ResponseWriter).Flush() }
