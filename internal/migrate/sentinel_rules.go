package migrate

import (
	"fmt"
	"math"
	"net/textproto"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"holdfast/internal/config"
)

// rules are what Sentinel has of a resource: a route without what serves it.
type rules struct {
	match    target
	flow     []config.Flow
	breakers []config.CircuitBreaker
}

// concurrency adds a rule; false: it is none.
func (s *sentinel) concurrency(a *app, count float64, place string) bool {
	if count < 1 || count > 1_000_000 {
		s.lost(a, place, fmt.Sprint(count), "this is no number of requests in flight", "write concurrency: a number from 1 to 1000000")
		return false
	}
	rule := config.DefaultFlow()
	rule.Concurrency = int(count)
	a.rules.flow = append(a.rules.flow, rule)
	return true
}

// flow reads Java's FlowRule and GatewayFlowRule, and Go's flow.Rule.
func (s *sentinel) flow(a *app, f fields, place string) {
	if f.truth("clusterMode") {
		s.look(a, place+" clusterMode", "true", "each Holdfast counts for itself", "divide count by how many there are")
	}
	if f.choice("grade", 1, "thread", "qps") == 0 {
		if s.concurrency(a, f.number("count", 0), place) {
			s.key(a, f, place)
		}
		return
	}
	rule := config.DefaultFlow()
	count, interval := f.number("count", 0), 1.0
	if f.has("threshold") || f.has("tokenCalculateStrategy") { // Go
		count = f.number("threshold", 0)
		if ms := f.number("statIntervalInMs", 0); ms > 0 {
			interval = ms / 1000
		}
		rule.Control = map[bool]config.FlowControl{false: config.FlowReject, true: config.FlowThrottle}[f.choice("controlBehavior", 0, "Reject", "Throttling") == 1]
		if f.choice("tokenCalculateStrategy", 0, "Direct", "WarmUp") == 1 {
			rule.Control = map[config.FlowControl]config.FlowControl{config.FlowReject: config.FlowWarmUp, config.FlowThrottle: config.FlowWarmUpThrottle}[rule.Control]
		}
		rule.MaxWait = 0
	} else {
		if sec := f.number("intervalSec", 0); sec > 0 {
			interval = sec
		}
		switch f.choice("controlBehavior", 0, "default", "warmup", "ratelimiter", "warmupratelimiter") {
		case 1:
			rule.Control = config.FlowWarmUp
		case 2:
			rule.Control = config.FlowThrottle
		case 3:
			rule.Control = config.FlowWarmUpThrottle
		}
	}
	qps := count / interval
	if qps < 0.001 || qps > 1e9 {
		s.lost(a, place, fmt.Sprint(qps), "this is no rate", "write qps: a number from 0.001 to 1000000000")
		return
	}
	if interval != 1 {
		s.look(a, place, fmt.Sprintf("%v in %v s", count, interval), "Holdfast counts by the second", fmt.Sprintf("look whether %s a second is meant as well", short(qps)))
	}
	rule.QPS = config.Number(round(qps))
	throttles := rule.Control == config.FlowThrottle || rule.Control == config.FlowWarmUpThrottle
	for _, name := range []string{"maxQueueingTimeMs", "maxQueueingTimeoutMs"} {
		if wait := f.number(name, -1); throttles && wait >= 0 {
			rule.MaxWait = config.Duration(milliseconds(wait))
		}
	}
	warm := f.number("warmUpPeriodSec", 10)
	if rule.Control == config.FlowWarmUp || rule.Control == config.FlowWarmUpThrottle {
		rule.WarmUp = config.Duration(milliseconds(max(1, warm) * 1000))
		if factor := f.number("warmUpColdFactor", 0); factor > 0 && factor != 3 {
			s.look(a, place+" warmUpColdFactor", short(factor), "the rate always begins at a third", "look whether that is as well")
		}
	}
	f.read["warmUpColdFactor"] = true
	if burst := f.number("burst", 0); burst >= 1 && rule.Control == config.FlowReject {
		rule.Burst = int(min(burst, 1_000_000))
	}
	a.rules.flow = append(a.rules.flow, rule)
	s.key(a, f, place)
}

// key reads a GatewayFlowRule's paramItem into the last rule.
func (s *sentinel) key(a *app, f fields, place string) {
	item, ok := f.m["paramItem"].(map[string]any)
	if !ok {
		return
	}
	rule := &a.rules.flow[len(a.rules.flow)-1]
	param := fields{item, map[string]bool{}}
	name := textproto.CanonicalMIMEHeaderKey(param.text("fieldName"))
	named := regexp.MustCompile(`^[A-Za-z0-9_-]{1,100}$`).MatchString(name)
	switch strategy := param.choice("parseStrategy", 0, "clientip", "host", "header", "urlparam", "cookie"); {
	case strategy == 0:
		rule.Key = config.KeyClientIP
	case strategy == 1:
		rule.Key = config.Key(config.KeyHeader + ":Host")
	case strategy == 2 && named:
		rule.Key = config.Key(config.KeyHeader + ":" + name)
	case strategy == 4 && named:
		rule.Key = config.Key(config.KeyCookie + ":" + param.text("fieldName"))
	default:
		s.lost(a, place+" paramItem", param.text("fieldName"), "requests are counted by client_ip, header:NAME, cookie:NAME or jwt_subject only", "the rule was left out; write flow with a key")
		a.rules.flow = a.rules.flow[:len(a.rules.flow)-1]
		return
	}
	if pattern := param.text("pattern"); pattern != "" {
		s.lost(a, place+" paramItem.pattern", pattern, "every value is counted", "match the requests by a route of their own")
	}
}

// breaker reads Java's DegradeRule and Go's circuitbreaker.Rule.
func (s *sentinel) breaker(a *app, f fields, place string) {
	rule := config.DefaultCircuitBreaker()
	rule.MinRequests = int(min(f.number("minRequestAmount", 5), 1_000_000))
	window := 1000.0
	var strategy int
	var threshold float64
	if f.has("retryTimeoutMs") || f.has("strategy") || f.has("threshold") { // Go
		strategy = f.choice("strategy", 0, "SlowRequestRatio", "ErrorRatio", "ErrorCount")
		threshold = f.number("threshold", 0)
		rule.MinRequests = int(min(f.number("minRequestAmount", 0), 1_000_000))
		rule.OpenFor = config.Duration(milliseconds(max(1, f.number("retryTimeoutMs", 5000))))
		rule.SlowAfter = config.Duration(milliseconds(max(1, f.number("maxAllowedRtMs", 0))))
		if n := f.number("probeNum", 0); n >= 1 {
			rule.HalfOpenRequests = int(min(n, 10_000))
		}
		f.read["statSlidingWindowBucketCount"] = true
	} else {
		strategy = f.choice("grade", 0, "rt", "exceptionratio", "exceptioncount")
		threshold = f.number("count", 0)
		rule.OpenFor = config.Duration(milliseconds(max(0.001, f.number("timeWindow", 0)) * 1000))
		if strategy == 0 {
			rule.SlowAfter = config.Duration(milliseconds(max(1, threshold)))
			threshold = f.number("slowRatioThreshold", 1)
		}
		f.read["slowRatioThreshold"] = true
		f.read["rtSlowRequestAmount"] = true
	}
	if ms := f.number("statIntervalMs", 0); ms > 0 {
		window = ms
	}
	if window < 100 {
		s.look(a, place+" statIntervalMs", short(window), "a window is 100 ms at least", "look whether that is as well")
	}
	rule.Window = config.Duration(max(milliseconds(window), 100*time.Millisecond))
	switch strategy {
	case 0:
		rule.Strategy = config.SlowRatio
	case 1:
		rule.Strategy = config.ErrorRatio
	case 2:
		rule.Strategy = config.ErrorCount
	default:
		s.lost(a, place, fmt.Sprint(strategy), "Holdfast knows no such strategy", "write circuit_breaker with error_ratio, error_count or slow_ratio")
		return
	}
	if rule.Strategy != config.SlowRatio {
		rule.SlowAfter = 0
		if !s.errors {
			s.errors = true
			s.look(nil, "", "", "an error is here no answer, or one of status 5xx; in Sentinel it was what the program reported", "list others in circuit_breaker.statuses")
		}
	}
	if rule.Strategy != config.ErrorCount && threshold > 1 {
		s.look(a, place, short(threshold), "this is no ratio", "it is 1 now: all requests")
		threshold = 1
	}
	rule.Threshold = config.Number(round(min(threshold, 1e9)))
	a.rules.breakers = append(a.rules.breakers, rule)
}

// node is the route.
func (u *rules) node() *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	match := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
	for _, condition := range []struct{ key, value string }{
		{"host", u.match.host}, {"path", u.match.path}, {"path_prefix", u.match.prefix}, {"method", u.match.method},
	} {
		if condition.value == "" {
			continue
		}
		if condition.key == "host" {
			condition.value += ".localhost"
		}
		pair(match, condition.key, text(condition.value))
	}
	pair(n, "match", match)
	urls := list([]string{"http://127.0.0.1:3000"})
	urls.LineComment = "# write who serves it: its address, or app: NAME"
	pair(n, "urls", urls)
	lines := &yaml.Node{Kind: yaml.SequenceNode}
	for _, rule := range u.flow {
		lines.Content = append(lines.Content, flowNode(rule))
	}
	section(n, "flow", lines)
	lines = &yaml.Node{Kind: yaml.SequenceNode}
	for _, rule := range u.breakers {
		lines.Content = append(lines.Content, breakerNode(rule))
	}
	section(n, "circuit_breaker", lines)
	return n
}

func flowNode(rule config.Flow) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
	if rule.QPS > 0 {
		pair(n, "qps", plainScalar(rule.QPS.String()))
		if rule.Control != config.FlowReject {
			pair(n, "control", plainScalar(string(rule.Control)))
		}
		if strings.HasSuffix(string(rule.Control), "throttle") {
			pair(n, "max_wait", plainScalar(rule.MaxWait.String()))
		}
		if strings.HasPrefix(string(rule.Control), "warm_up") {
			pair(n, "warm_up", plainScalar(rule.WarmUp.String()))
		}
	} else {
		pair(n, "concurrency", number(rule.Concurrency))
	}
	if rule.Burst > 0 {
		pair(n, "burst", number(rule.Burst))
	}
	if rule.Key != "" {
		pair(n, "key", text(string(rule.Key)))
	}
	return n
}

func breakerNode(rule config.CircuitBreaker) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
	pair(n, "strategy", plainScalar(string(rule.Strategy)))
	pair(n, "threshold", plainScalar(rule.Threshold.String()))
	if rule.SlowAfter > 0 {
		pair(n, "slow_after", plainScalar(rule.SlowAfter.String()))
	}
	pair(n, "window", plainScalar(rule.Window.String()))
	pair(n, "min_requests", number(rule.MinRequests))
	pair(n, "open_for", plainScalar(rule.OpenFor.String()))
	if rule.HalfOpenRequests != 1 {
		pair(n, "half_open_requests", number(rule.HalfOpenRequests))
	}
	return n
}

// round keeps six digits, so that a third of something can be read.
func round(v float64) float64 {
	if v <= 0 {
		return 0
	}
	scale := math.Pow(10, 5-math.Floor(math.Log10(v)))
	if scale > 1e9 {
		scale = 1e9
	}
	return math.Round(v*scale) / scale
}

func short(v float64) string { return config.Number(round(v)).String() }
