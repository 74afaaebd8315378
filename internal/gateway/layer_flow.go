package gateway

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/policy"
)

// flow lets through as many requests as its rules allow, in their order.
type flow struct {
	rules []flowRule
	inner responder
}

type flowRule struct {
	limiter      *policy.Limiter
	source, name string // of the key
}

func newFlow(b *build, inner responder) (responder, error) {
	if len(b.conf.Flow) == 0 {
		return inner, nil
	}
	f := &flow{inner: inner}
	for i, rule := range b.conf.Flow {
		limiter, err := keep(b, "flow "+strconv.Itoa(i), rule, func() (*policy.Limiter, error) {
			return policy.NewLimiter(rule, time.Now()), nil
		})
		if err != nil {
			return nil, err
		}
		r := flowRule{limiter: limiter}
		r.source, r.name = rule.Key.Source()
		if r.source == config.KeyHeader {
			r.name = http.CanonicalHeaderKey(r.name)
		}
		f.rules = append(f.rules, r)
	}
	return f, nil
}

// respond implements responder. A request counts as in flight until it is answered, and one that became a
// WebSocket until that is closed.
func (f *flow) respond(c *call) {
	var own [4]policy.Pass
	passes := own[:0]
	defer func() { leave(passes) }()
	for i := range f.rules {
		r := &f.rules[i]
		pass, verdict := r.limiter.Enter(time.Now(), r.key(c))
		if !verdict.OK {
			for _, before := range passes {
				before.Undo()
			}
			passes = nil
			c.limited(verdict)
			return
		}
		passes = append(passes, pass)
		if verdict.Wait > 0 && !c.queue(pass, verdict.Wait) {
			return
		}
	}
	f.inner.respond(c)
}

func leave(passes []policy.Pass) {
	for _, pass := range passes {
		pass.Leave()
	}
}

// key is what the request is counted by. Those that do not have it count together.
func (r *flowRule) key(c *call) uint64 {
	switch r.source {
	case config.KeyClientIP:
		return r.limiter.Client(c.client.address)
	case config.KeyHeader:
		if r.name == hostField {
			return r.limiter.Text(c.host)
		}
		if values := c.r.Header[r.name]; len(values) > 0 {
			return r.limiter.Text(values[0])
		}
	case config.KeyCookie:
		return r.limiter.Text(cookieOf(c.r.Header["Cookie"], r.name))
	case config.KeyJWTSubject:
		return r.limiter.Text(c.subject)
	}
	return r.limiter.Text("")
}

// cookieOf is the value of the first cookie of a name.
func cookieOf(fields []string, name string) string {
	for _, field := range fields {
		for part := range strings.SplitSeq(field, ";") {
			if key, value, ok := strings.Cut(strings.TrimSpace(part), "="); ok && key == name {
				return value
			}
		}
	}
	return ""
}

// limited answers 429 (RFC 6585, 4), and says when to come back.
func (c *call) limited(v policy.Verdict) {
	c.series.rateLimited()
	c.Header()["Retry-After"] = []string{retrySeconds(v.RetryAfter)}
	detail := "Too many requests; come back later."
	if v.Why == policy.Concurrency {
		detail = "Too many requests are being answered; come back later."
	}
	c.refuse(http.StatusTooManyRequests, "rate_limited", detail)
}

// queue waits for the request's turn. False: it does not come any more, and is answered.
func (c *call) queue(pass policy.Pass, wait time.Duration) bool {
	defer pass.Waited()
	began := time.Now()
	back := c.unhurried()
	defer func() {
		c.queued += time.Since(began)
		back()
	}()
	turn := time.NewTimer(wait)
	defer turn.Stop()
	select {
	case <-turn.C:
		return true
	case <-c.r.Context().Done():
		c.abort(statusClientClosed)
	case <-c.g.ending:
		c.unavailable("stopping", "The service is stopping.", 0)
	}
	return false
}
