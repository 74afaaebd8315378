package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// traffic checks the rules on how many requests come through and what happens when an upstream fails.
func (v *validator) traffic(at path, route Route) {
	for i, rule := range route.Flow {
		v.flow(at.key("flow").index(i), rule, route, i)
	}
	for i, rule := range route.CircuitBreaker {
		v.breaker(at.key("circuit_breaker").index(i), rule)
	}
	if route.Retry != nil {
		v.retry(at.key("retry"), *route.Retry, route)
	}
	if route.Fallback != nil {
		v.fallback(at.key("fallback"), *route.Fallback, route)
	}
	if sub := at.key("try_timeout"); !v.lacks("try_timeout") && route.Timeout > 0 && route.TryTimeout > route.Timeout && !v.rejected[sub] && !v.rejected[at.key("timeout")] {
		v.report(codeOrder, v.value(sub), sub, fmt.Sprintf("try_timeout %s is longer than timeout %s, which is for all tries together", route.TryTimeout, route.Timeout), "lower try_timeout or raise timeout")
	}
	if route.upstreamless() {
		for _, key := range []string{"try_timeout", "circuit_breaker", "retry"} {
			if !v.lacks(key) {
				v.idle(at.key(key), key+" has no effect: this route asks no upstream", "remove it; it belongs to routes with app or urls")
			}
		}
	}
}

// upstreamless reports whether the route is served without asking anybody.
func (r *Route) upstreamless() bool {
	return r.App == "" && r.URLs == nil && (r.FileServer != nil || r.Redirect != nil || r.Respond != nil)
}

// idle tells of a key that was written and changes nothing.
func (v *validator) idle(at path, what, hint string) {
	if v.written(at) {
		v.report(codeNoEffect, v.key(at), at, what, hint)
	}
}

func (v *validator) flow(at path, f Flow, route Route, i int) {
	if f.QPS == 0 && f.Concurrency == 0 && !v.rejected[at.key("qps")] && !v.rejected[at.key("concurrency")] {
		v.report(codeMissing, v.value(at), at, fmt.Sprintf("rule %d of flow bounds nothing", i+1), "add qps: NUMBER or concurrency: NUMBER")
		return
	}
	if sub := at.key("qps"); f.QPS > 0 && f.QPS < leastQPS && !v.rejected[sub] {
		v.report(codeRange, v.value(sub), sub, fmt.Sprintf("qps %s is less than one request in 1000 s", f.QPS), "write at least 0.001, or answer them with respond: {status: 503}")
	}
	throttles := f.Control == FlowThrottle || f.Control == FlowWarmUpThrottle
	warms := f.Control == FlowWarmUp || f.Control == FlowWarmUpThrottle
	if f.QPS == 0 {
		for _, key := range []string{"control", "burst", "max_wait", "warm_up"} {
			v.idle(at.key(key), key+" has no effect without qps", "add qps, or remove it")
		}
	} else {
		if f.Control != FlowReject {
			v.idle(at.key("burst"), fmt.Sprintf("burst has no effect with control: %s", f.Control), "remove it; it belongs to reject")
		}
		if !throttles {
			v.idle(at.key("max_wait"), fmt.Sprintf("max_wait has no effect with control: %s: no request waits", f.Control), "write control: throttle, or remove it")
		}
		if !warms {
			v.idle(at.key("warm_up"), fmt.Sprintf("warm_up has no effect with control: %s", f.Control), "write control: warm_up, or remove it")
		}
	}
	if sub := at.key("warm_up"); warms && f.QPS > 0 && f.WarmUp < second && !v.rejected[sub] {
		v.report(codeRange, v.value(sub), sub, fmt.Sprintf("warm_up %s is too short: the rate rises once a second", f.WarmUp), "write at least 1s")
	}
	if f.Key == "" {
		v.idle(at.key("max_keys"), "max_keys has no effect without key", "add key, or remove it")
	} else if sub := at.key("max_keys"); f.MaxKeys == 0 && !v.rejected[sub] {
		v.report(codeRange, v.value(sub), sub, "max_keys 0 leaves no place for a key", "write at least 1")
	}
	if sub := at.key("key"); f.Key == KeyJWTSubject && route.JWT == nil && route.APIKeys == nil && route.BasicAuth == nil && route.ClientCertificate == nil {
		v.report(codeTogether, v.value(sub), sub, "nobody says who sent a request: this route checks no token, key, password or certificate", "add jwt, api_keys, basic_auth or client_certificate, or write key: client_ip")
	}
}

// leastQPS keeps the time between two requests one that can be counted in nanoseconds.
const leastQPS = 0.001

// Bounds of a breaker's window: it is cut into ten parts.
const (
	leastWindow = second / 10
	mostWindow  = 24 * 60 * minute
)

func (v *validator) breaker(at path, b CircuitBreaker) {
	threshold := at.key("threshold")
	if b.Strategy != ErrorCount && b.Threshold > 1 && !v.rejected[threshold] {
		hint := "write a number from 0 to 1, such as 0.5"
		if b.Strategy == ErrorRatio {
			hint += ", or strategy: error_count"
		}
		v.report(codeRange, v.value(threshold), threshold, fmt.Sprintf("threshold %s is no ratio, which %s compares it with", b.Threshold, b.Strategy), hint)
	}
	slow := at.key("slow_after")
	switch {
	case b.Strategy == SlowRatio && b.SlowAfter == 0 && !v.rejected[slow]:
		v.report(codeMissing, v.value(at), slow, "slow_ratio does not know what is slow", "add slow_after: 1s")
	case b.Strategy != SlowRatio:
		v.idle(slow, fmt.Sprintf("slow_after has no effect with strategy: %s", b.Strategy), "write strategy: slow_ratio, or remove it")
	default:
		v.idle(at.key("statuses"), "statuses has no effect with strategy: slow_ratio, which goes by the time", "remove it")
	}
	if sub := at.key("window"); (b.Window < leastWindow || b.Window > mostWindow) && !v.rejected[sub] {
		v.report(codeRange, v.value(sub), sub, fmt.Sprintf("window %s is out of range", b.Window), "write a time from 100ms to 24h")
	}
	if sub := at.key("open_for"); b.OpenFor < second/1000 && !v.rejected[sub] {
		v.report(codeRange, v.value(sub), sub, "open_for is nothing, so that it would never be open", "write at least 1ms")
	}
	if sub := at.key("half_open_requests"); b.HalfOpenRequests < 1 && !v.rejected[sub] {
		v.report(codeRange, v.value(sub), sub, "half_open_requests 0 would leave it open for ever", "write at least 1")
	}
	v.words(at.key("statuses"), b.Statuses, nil)
}

func (v *validator) retry(at path, r Retry, route Route) {
	v.words(at.key("on"), r.On, []string{"connect_failure", "reset", "timeout"})
	if sub := at.key("on"); slices.Contains(r.On, "timeout") && route.TryTimeout == 0 && !v.rejected[at.parent().key("try_timeout")] {
		v.report(codeTogether, v.value(sub), sub, "no try times out: the route has no try_timeout", "add try_timeout: 5s, or remove timeout")
	}
	if sub := at.key("backoff"); r.Backoff > r.MaxBackoff && !v.rejected[sub] && !v.rejected[at.key("max_backoff")] {
		v.report(codeOrder, v.value(sub), sub, fmt.Sprintf("backoff %s is longer than max_backoff %s", r.Backoff, r.MaxBackoff), "lower backoff or raise max_backoff")
	}
}

func (v *validator) fallback(at path, f Fallback, route Route) {
	words := []string{"breaker_open", "not_ready", "upstream_failed", "timeout", "rate_limited"}
	on := at.key("on")
	v.words(on, f.On, words)
	if v.written(on) {
		for i, word := range f.On {
			sub := on.index(i)
			switch {
			case word == "rate_limited" && len(route.Flow) == 0:
				v.report(codeNoEffect, v.value(sub), sub, "nothing limits the rate of this route", "add flow, or remove it")
			case word == "breaker_open" && len(route.CircuitBreaker) == 0:
				v.report(codeNoEffect, v.value(sub), sub, "this route has no circuit breaker", "add circuit_breaker, or remove it")
			}
		}
	}
	if route.upstreamless() && !slices.Contains(f.On, "rate_limited") {
		v.report(codeNoEffect, v.key(at), at, "fallback has no effect: this route asks no upstream", "remove it; it belongs to routes with app or urls, or write on: rate_limited")
	}
	var which []string
	for _, answer := range []struct {
		key   string
		given bool
	}{{"respond", f.Respond != nil}, {"app", f.App != ""}, {"file", f.File != ""}} {
		if v.rejected[at.key(answer.key)] {
			return
		}
		if answer.given {
			which = append(which, answer.key)
		}
	}
	const cure = "a fallback has exactly one of respond, app and file"
	switch {
	case len(which) == 0:
		v.report(codeHandler, v.key(at), at, "this fallback answers nothing", cure)
	case len(which) > 1:
		v.report(codeHandler, v.key(at.key(which[1])), at, fmt.Sprintf("this fallback is %s at once", strings.Join(which, " and ")), cure)
	}
	if f.Respond != nil {
		v.respond(at.key("respond"), *f.Respond)
	}
	if f.File != "" {
		v.present(at.key("file"), f.File, false)
	}
	if sub := at.key("app"); f.App != "" && reference(v, sub, "app", f.App, v.cfg.Apps) {
		switch {
		case v.cfg.Apps[f.App].Port == PortNone:
			v.report(codeProbePort, v.value(sub), sub, fmt.Sprintf("app %q has port: none, so nothing can be sent to it", f.App), "give the app a port")
		case f.App == route.App:
			v.report(codeNoEffect, v.value(sub), sub, fmt.Sprintf("app %q is the one that failed", f.App), "name another app")
		}
	}
}

// words checks a list of statuses and classes of them, and of the given words.
func (v *validator) words(at path, list, known []string) {
	for i, word := range list {
		if _, class := StatusClass(word); class || slices.Contains(known, word) {
			continue
		}
		if status, err := strconv.Atoi(word); err == nil && status >= 200 && status <= 599 && len(word) == 3 {
			continue
		}
		hint := `write a status such as "503" or "5xx"`
		if len(known) > 0 {
			hint = fmt.Sprintf(`write %s, or a status such as "503" or "5xx"`, strings.Join(known, ", "))
		}
		if better := closest(word, known); better != "" {
			hint = fmt.Sprintf("did you mean %s?", better)
		}
		sub := at.index(i)
		v.report(codeValue, v.value(sub), sub, fmt.Sprintf("%s: %q is not known", last(at), word), hint)
	}
	if len(list) == 0 && v.written(at) && !v.rejected[at] {
		v.report(codeValue, v.value(at), at, last(at)+" is empty", "name at least one, or remove it")
	}
}
