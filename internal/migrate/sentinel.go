package migrate

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// sentinel reads files of rules, as Sentinel's data sources have them: a list of rules, or an object with
// such lists, in JSON or YAML. The field names are those of Java's FlowRule, DegradeRule and
// GatewayFlowRule and of Go's flow.Rule, circuitbreaker.Rule and isolation.Rule (sentinelguard.io).
type sentinel struct {
	*reader
	byMatch map[string]*app
	errors  bool // it was told what an error is
	rules   int
}

// maxRules bounds the rules of one import.
const maxRules = 5000

func readSentinel(r *reader, file File) error {
	s := &sentinel{reader: r, byMatch: map[string]*app{}}
	for _, a := range r.apps {
		s.byMatch[a.rules.match.key()] = a
	}
	text := textOf(file.Data)
	var v any
	switch strings.ToLower(path.Ext(file.Name)) {
	case ".yaml", ".yml":
		var err error
		if v, err = yamlValue(text); err != nil {
			return err
		}
	default:
		err := json.Unmarshal([]byte(text), &v)
		if err == nil {
			v = allUnmarked(v)
			break
		}
		var not error
		v, not = yamlValue(text)
		if errors.Is(not, errDocuments) {
			return not
		}
		if _, word := v.(string); not != nil || word {
			return fmt.Errorf("it is neither JSON (%s) nor YAML", shown(err.Error()))
		}
	}
	return s.lists(v, "", 0)
}

// lists finds the rules, whatever they are wrapped in.
func (s *sentinel) lists(v any, place string, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("it is nested deeper than %d", maxDepth)
	}
	switch v := v.(type) {
	case []any:
		for i, item := range v {
			if err := s.lists(item, fmt.Sprintf("%s[%d]", place, i), depth+1); err != nil {
				return err
			}
		}
	case map[string]any:
		if kind := kindOfRule(v); kind != "" {
			if s.rules++; s.rules > maxRules {
				return errTooMany("rules", maxRules)
			}
			return s.rule(kind, fields{v, map[string]bool{}}, place)
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if err := s.lists(v[key], strings.TrimPrefix(place+"."+key, "."), depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// kindOfRule tells the kinds of rules by their fields; empty: it is none.
func kindOfRule(m map[string]any) string {
	has := func(names ...string) bool {
		return slices.ContainsFunc(names, func(name string) bool { _, ok := m[name]; return ok })
	}
	switch {
	case has("paramIdx", "paramIndex", "paramKey"):
		return "hot parameter"
	case has("highestSystemLoad", "highestCpuUsage") || has("triggerCount") || !has("resource") && has("avgRt", "maxThread"):
		return "system"
	case !has("resource"):
		return ""
	case has("timeWindow", "slowRatioThreshold", "retryTimeoutMs", "maxAllowedRtMs", "minRequestAmount"):
		return "circuit breaker"
	case has("metricType"):
		return "isolation"
	case has("count", "threshold"):
		return "flow"
	case has("limitApp"):
		return "authority"
	default:
		return ""
	}
}

// fields are those of one rule, and which of them were read.
type fields struct {
	m    map[string]any
	read map[string]bool
}

func (f fields) has(name string) bool { _, ok := f.m[name]; return ok }

func (f fields) text(name string) string {
	f.read[name] = true
	switch v := f.m[name].(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	default:
		return ""
	}
}

// number is the field's number; what is not there, or none, counts as the default.
func (f fields) number(name string, otherwise float64) float64 {
	text := f.text(name)
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
		return otherwise
	}
	return v
}

// choice is a field that is a number of a list, or one of its words.
func (f fields) choice(name string, otherwise int, words ...string) int {
	text := f.text(name)
	for i, word := range words {
		if strings.EqualFold(strings.ReplaceAll(text, "_", ""), word) {
			return i
		}
	}
	return int(min(f.number(name, float64(otherwise)), 1000))
}

func (f fields) truth(name string) bool {
	f.read[name] = true
	v, _ := f.m[name].(bool)
	return v
}

// milliseconds is a span of time, within what Holdfast takes.
func milliseconds(n float64) time.Duration {
	return time.Duration(min(n, float64(24*time.Hour/time.Millisecond)) * float64(time.Millisecond))
}

// target is what a resource stands for.
type target struct {
	host, method, path, prefix string
	cut                        bool // variables of the path were cut off
}

func (t target) key() string { return t.host + " " + t.method + " " + t.path + " " + t.prefix }

// targetOf reads a resource: "GET:/path" and "/path" as the adapters for web frameworks name them, and the
// name of anything else.
func targetOf(resource string) target {
	var t target
	rest := resource
	if method, after, ok := strings.Cut(resource, ":"); ok && regexp.MustCompile(`^[A-Z]{1,20}$`).MatchString(method) && strings.HasPrefix(after, "/") {
		t.method, rest = method, after
	}
	if !strings.HasPrefix(rest, "/") {
		return target{host: resourceHost(resource)}
	}
	var kept []string
	for segment := range strings.SplitSeq(rest[1:], "/") {
		if strings.ContainsAny(segment, "*{}:") {
			t.cut = segment != "**" && segment != "*"
			break
		}
		kept = append(kept, segment)
	}
	clean := "/" + strings.Join(kept, "/")
	if !plainPath(kept) {
		return target{host: resourceHost(resource)}
	}
	if len(kept) == len(strings.Split(rest[1:], "/")) {
		t.path = clean
	} else {
		t.prefix = clean
	}
	return t
}

// resourceHost is the name of a host for a resource that is no path.
func resourceHost(resource string) string {
	return strings.Trim(strings.ReplaceAll(Name(resource), "_", "-"), "-")
}

// plainPath reports whether a path of these segments means the same everywhere.
func plainPath(segments []string) bool {
	good := regexp.MustCompile(`^[A-Za-z0-9_~-]([A-Za-z0-9._~-]{0,99}[A-Za-z0-9_~-])?$`)
	for i, segment := range segments {
		if !good.MatchString(segment) && (segment != "" || i < len(segments)-1) {
			return false
		}
	}
	return len(segments) <= 50
}

// route is the route of a resource.
func (s *sentinel) route(resource, place string) (*app, error) {
	t := targetOf(resource)
	if t.host == "" && t.path == "" && t.prefix == "" {
		t.host = "resource"
	}
	if a := s.byMatch[t.key()]; a != nil {
		if a.title != resource {
			s.look(a, place, resource, "this resource and "+a.title+" are the same requests here", "look whether the rules of both are meant together")
		}
		return a, nil
	}
	a, err := s.add(resource, "Sentinel: "+shown(resource))
	if err != nil {
		return nil, err
	}
	a.rules = &rules{match: t}
	s.byMatch[t.key()] = a
	if t.cut {
		s.look(a, place, resource, "a route has no variables in its path", "everything below "+t.prefix+" is counted together; narrow the match")
	}
	if t.host != "" {
		s.look(a, place, resource, "the rule does not say which requests these are", "write match as they are, or copy the rules into the route that you have")
	}
	return a, nil
}

// rule takes over one rule.
func (s *sentinel) rule(kind string, f fields, place string) error {
	resource := f.text("resource")
	refuse := func(what, why, do string) {
		s.lost(nil, strings.TrimSpace(place+" "+resource), what, why, do)
	}
	switch kind {
	case "hot parameter":
		refuse("a rule for hot parameters", "a route counts by client_ip, header:NAME, cookie:NAME or jwt_subject, and not by arguments of a method", "write flow with a key")
		return nil
	case "system":
		refuse("a system rule", "Holdfast does not limit by the load of the machine", "bound each route: flow: {concurrency: ...}")
		return nil
	case "authority":
		refuse("an authority rule", "who may call is not told by the name of an application", "write allow and deny, api_keys, jwt or client_certificate")
		return nil
	}
	if strings.TrimSpace(resource) == "" {
		refuse("a rule without a resource", "it is for nothing", "write its resource")
		return nil
	}
	if why, do := s.unlike(kind, f); why != "" {
		refuse("a "+kind+" rule", why, do)
		return nil
	}
	a, err := s.route(resource, place)
	if err != nil {
		return err
	}
	switch kind {
	case "circuit breaker":
		s.breaker(a, f, place)
	case "isolation":
		s.concurrency(a, f.number("threshold", 0), place)
		f.read["metricType"] = true
	default:
		s.flow(a, f, place)
	}
	for _, name := range []string{"id", "limitApp", "gmtCreate", "gmtModified", "app", "ip", "port", "refResource", "clusterConfig", "controller", "paramItem", "resourceMode"} {
		f.read[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(f.m)) {
		if !f.read[name] && f.m[name] != nil {
			text, _ := json.Marshal(f.m[name]) // it was read from JSON, or could have been
			s.lost(a, place+" "+name, string(text), "Holdfast has nothing like it", "see what it does in Sentinel's documentation")
		}
	}
	return nil
}

// unlike says why a rule as a whole cannot be carried over; empty: it can.
func (s *sentinel) unlike(kind string, f fields) (why, do string) {
	if kind == "circuit breaker" {
		return "", ""
	}
	if app := f.text("limitApp"); app != "" && app != "default" {
		return "it is for the calls of " + shown(app) + " only", "count by what tells callers apart: flow: {qps: ..., key: header:NAME}"
	}
	relation := f.choice("relationStrategy", 0, "CurrentResource", "AssociatedResource")
	if kind == "flow" {
		relation += f.choice("strategy", 0, "direct", "relate", "chain")
	}
	if relation != 0 {
		return "it depends on another resource (" + shown(f.text("refResource")) + ")", "bound that one's route, too"
	}
	if f.choice("tokenCalculateStrategy", 0, "Direct", "WarmUp", "MemoryAdaptive") > 1 {
		return "it depends on the memory in use", "write a fixed qps"
	}
	if f.number("count", 0) == 0 && f.number("threshold", 0) == 0 {
		return "0 refuses every request", "answer them with respond: {status: 503}"
	}
	return "", ""
}

var errNoRules = errors.New("there is no rule in it: a file of Sentinel has a list of rules, each with resource and count or threshold")
