package gateway

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// problem is the body of an answer of the gateway's own that is not a success (RFC 9457). It never
// holds an internal address or an error's text.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	// Code is stable, for programs.
	Code      string `json:"code"`
	RequestID string `json:"request_id"`
}

// refuse answers with a problem. Nothing may have been answered before.
func (c *call) refuse(status int, code, detail string) {
	if c.fallBack(code) {
		return
	}
	if c.route != nil && len(c.route.pages) > 0 && c.route.pages.answer(c, status, code) {
		return
	}
	title := http.StatusText(status)
	body, err := json.Marshal(problem{"about:blank", title, status, detail, code, c.ids.request})
	if err != nil {
		body = nil // cannot be: strings and a number
	}
	h := c.Header()
	h["Content-Type"] = []string{"application/problem+json"}
	h["Cache-Control"] = []string{"no-store"}
	h["X-Content-Type-Options"] = []string{"nosniff"}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	c.WriteHeader(status)
	_, _ = c.Write(body) // a client that went away needs no answer
}

// unavailable answers 503 and says when to come back, in whole seconds.
func (c *call) unavailable(code, detail string, after time.Duration) {
	c.Header()["Retry-After"] = []string{retrySeconds(after)}
	c.refuse(http.StatusServiceUnavailable, code, detail)
}

// retrySeconds is a time in the whole seconds of Retry-After, one at least.
func retrySeconds(after time.Duration) string {
	return strconv.FormatInt(max(1, int64((after+time.Second-1)/time.Second)), 10)
}

// methodNotAllowed answers 405 with the methods that are.
func (c *call) methodNotAllowed(allow string) {
	c.Header()["Allow"] = []string{allow}
	c.refuse(http.StatusMethodNotAllowed, "method_not_allowed", "This method is not allowed here.")
}
