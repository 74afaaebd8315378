package config

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// maxWord is how long a word may be, in bytes, to be a mistyped key or name.
const maxWord = 64

// closest is the candidate that was most likely meant by word: the same in another spelling
// (periodSeconds, max-size), or at most a third of it mistyped. "" when none is near.
func closest(word string, candidates []string) string {
	if len(word) > maxWord {
		return ""
	}
	spelled := snake(word)
	best, bestDistance := "", len(spelled)/3+1
	for _, c := range candidates {
		if snake(c) == spelled {
			return c
		}
		if d := distance(spelled, snake(c)); d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return best
}

// snake turns camelCase, kebab-case and spaces into snake_case.
func snake(word string) string {
	var b strings.Builder
	runes := []rune(word)
	for i, r := range runes {
		switch {
		case r == '-' || r == ' ' || r == '.':
			b.WriteByte('_')
		case unicode.IsUpper(r):
			if i > 0 && (unicode.IsLower(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1]) && unicode.IsUpper(runes[i-1])) {
				b.WriteByte('_')
			}
			b.WriteRune(unicode.ToLower(r))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// distance counts the insertions, deletions, replacements and swaps of neighbours between a and b
// (optimal string alignment).
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	rows := make([][]int, len(s)+1)
	for i := range rows {
		rows[i] = make([]int, len(t)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(s); i++ {
		for j := 1; j <= len(t); j++ {
			cost := 1
			if s[i-1] == t[j-1] {
				cost = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(s)][len(t)]
}

// meant is the key of section s that was most likely meant by an unknown one.
func meant(s *shape, key string) string {
	if len(key) > maxWord {
		return ""
	}
	keys := s.keys()
	spelled := snake(key)
	if name := foreign(s.typ)[spelled]; name != "" {
		return name
	}
	// Kubernetes and others put the unit into the key.
	for _, unit := range []string{"_seconds", "_secs", "_sec", "_ms", "_millis", "_bytes", "_mb"} {
		if base, ok := strings.CutSuffix(spelled, unit); ok {
			if slices.Contains(keys, base) {
				return base
			}
			if name := foreign(s.typ)[base]; name != "" {
				return name
			}
		}
	}
	if name := closest(key, keys); name != "" {
		return name
	}
	words := foreign(s.typ)
	return words[closest(key, slices.Sorted(maps.Keys(words)))]
}

// foreign maps the words that other programs use for the keys of a section (Kubernetes, Docker
// Compose, systemd, PM2, supervisord, nginx, Caddy, NSSM) to ours.
func foreign(t reflect.Type) map[string]string {
	switch t {
	case reflect.TypeFor[Config]():
		return map[string]string{
			"services": "apps", "programs": "apps", "processes": "apps", "app": "apps", "applications": "apps",
			"servers": "listeners", "listen": "listeners", "entrypoints": "listeners", "ports": "listeners", "bind": "listeners",
			"sites": "routes", "routers": "routes", "rules": "routes", "locations": "routes", "ingress": "routes",
			"log": "logging", "logs": "logging", "admin": "management", "api": "management", "dashboard": "management",
			"tls": "certificates", "certs": "certificates", "ssl": "certificates",
		}
	case reflect.TypeFor[Management]():
		return map[string]string{"listen": "address", "bind": "address", "addr": "address", "port": "address", "hosts": "allowed_hosts"}
	case reflect.TypeFor[Listener]():
		return map[string]string{
			"listen": "address", "bind": "address", "addr": "address", "port": "address", "host": "address",
			"tls": "certificate", "cert": "certificate", "certificates": "certificate", "ssl": "certificate",
			"redirect": "redirect_to", "h2": "http2", "proxies": "trusted_proxies", "keepalive_timeout": "idle_timeout",
		}
	case reflect.TypeFor[Certificate]():
		return map[string]string{
			"cert": "cert_file", "certificate": "cert_file", "certificate_file": "cert_file", "crt": "cert_file", "ssl_certificate": "cert_file",
			"key": "key_file", "private_key": "key_file", "ssl_certificate_key": "key_file",
		}
	case reflect.TypeFor[Logging]():
		return map[string]string{"encoding": "format", "severity": "level", "access_log": "access"}
	case reflect.TypeFor[RotatedFile]():
		return map[string]string{"size": "max_size", "maxsize": "max_size", "files": "max_files", "max_backups": "max_files", "backups": "max_files", "keep": "max_files", "rotate": "max_files"}
	case reflect.TypeFor[App]():
		return map[string]string{
			"cmd": "command", "exec": "command", "exec_start": "command", "program": "command", "executable": "command",
			"script": "command", "run": "command", "args": "command", "arguments": "command", "entrypoint": "command",
			"cwd": "directory", "dir": "directory", "workdir": "directory", "working_dir": "directory", "working_directory": "directory",
			"environment": "env", "env_vars": "env", "envs": "env",
			"replicas": "instances", "count": "instances", "processes": "instances", "numprocs": "instances", "scale": "instances", "workers": "instances",
			"ports": "port", "listen": "port", "requires": "depends_on", "after": "depends_on", "needs": "depends_on",
			"enabled": "autostart", "auto_start": "autostart", "autorestart": "restart", "restart_policy": "restart",
			"kill_signal": "stop", "stop_signal": "stop", "stopsignal": "stop", "kill_timeout": "stop", "stop_grace_period": "stop",
			"health_check": "liveness_probe", "healthcheck": "liveness_probe", "liveness": "liveness_probe", "probe": "liveness_probe",
			"resources": "limits", "mem_limit": "limits", "memory": "limits", "cpus": "limits", "cpu": "limits", "max_memory_restart": "limits",
			"failure_program": "on_failure", "hooks": "on_failure",
			"readiness": "readiness_probe", "startup": "startup_probe", "log": "output", "logs": "output", "logging": "output", "stdout": "output",
		}
	case reflect.TypeFor[Restart]():
		return map[string]string{
			"delay": "backoff", "restart_sec": "backoff", "restart_delay": "backoff", "initial_backoff": "backoff", "min_backoff": "backoff",
			"max_delay": "max_backoff", "retries": "max_restarts", "max_retries": "max_restarts", "start_retries": "max_restarts", "limit": "max_restarts",
			"condition": "policy", "interval": "window", "min_uptime": "reset_after", "exit_codes": "no_restart_codes",
		}
	case reflect.TypeFor[Limits]():
		return map[string]string{
			"mem": "memory", "memory_limit": "memory", "memory_max": "memory", "max_memory": "memory", "cpus": "cpu", "cpu_quota": "cpu",
			"memory_high": "memory_recycle", "max_memory_restart": "memory_recycle", "recycle": "memory_recycle", "soft_memory": "memory_recycle",
		}
	case reflect.TypeFor[Output]():
		return map[string]string{"charset": "encoding", "codepage": "encoding", "code_page": "encoding"}
	case reflect.TypeFor[Parking]():
		return map[string]string{"queue": "max_requests", "max": "max_requests", "requests": "max_requests", "wait": "timeout", "max_wait": "timeout"}
	case reflect.TypeFor[Stop]():
		return map[string]string{"drain_timeout": "drain", "signal": "method", "timeout": "grace", "grace_period": "grace", "wait": "grace", "kill_timeout": "grace"}
	case reflect.TypeFor[Probe]():
		return map[string]string{
			"interval": "period", "every": "period", "http": "http_get", "httpget": "http_get", "tcp": "tcp_socket", "tcpsocket": "tcp_socket",
			"delay": "initial_delay", "start_period": "initial_delay", "retries": "failure_threshold", "path": "http_get", "threshold": "failure_threshold",
		}
	case reflect.TypeFor[HTTPGet](), reflect.TypeFor[StopHTTP]():
		return map[string]string{"url": "path", "uri": "path", "http_headers": "headers", "header": "headers"}
	case reflect.TypeFor[Route]():
		return map[string]string{
			"backend": "app", "service": "app", "upstream": "urls", "upstreams": "urls", "proxy_pass": "urls", "url": "urls", "target": "urls", "reverse_proxy": "urls", "proxy": "urls",
			"static": "file_server", "root": "file_server", "files": "file_server", "listener": "listeners", "listen": "listeners",
			"host": "match", "hosts": "match", "domain": "match", "path": "match", "path_prefix": "match", "prefix": "match", "server_name": "match", "method": "match", "header": "match",
			"lb_policy": "balance", "load_balancing": "balance", "strip": "strip_prefix", "return": "respond", "response": "respond", "rewrite": "strip_prefix", "order": "priority", "weight": "priority",
		}
	case reflect.TypeFor[Match]():
		return map[string]string{
			"hosts": "host", "domain": "host", "domains": "host", "server_name": "host", "hostname": "host", "methods": "method", "headers": "header",
			"prefix": "path_prefix", "location": "path_prefix", "paths": "path", "uri": "path",
		}
	case reflect.TypeFor[FileServer]():
		return map[string]string{"path": "root", "directory": "root", "dir": "root", "folder": "root", "indexes": "index", "cache": "cache_control"}
	case reflect.TypeFor[Redirect]():
		return map[string]string{"url": "to", "target": "to", "location": "to", "code": "status", "status_code": "status"}
	case reflect.TypeFor[Respond]():
		return map[string]string{"code": "status", "status_code": "status", "text": "body", "content": "body", "header": "headers"}
	case reflect.TypeFor[Flow]():
		return map[string]string{"rate": "qps", "rps": "qps", "limit": "qps", "count": "qps", "threshold": "qps", "threads": "concurrency", "max_requests": "concurrency", "by": "key", "behavior": "control", "warm_up_period": "warm_up", "max_queueing_time": "max_wait"}
	case reflect.TypeFor[CircuitBreaker]():
		return map[string]string{"grade": "strategy", "ratio": "threshold", "count": "threshold", "max_allowed_rt": "slow_after", "stat_interval": "window", "interval": "window", "min_request_amount": "min_requests", "retry_timeout": "open_for", "time_window": "open_for"}
	case reflect.TypeFor[Retry]():
		return map[string]string{"retries": "attempts", "count": "attempts", "max_attempts": "attempts", "retry_on": "on", "delay": "backoff"}
	case reflect.TypeFor[JWT]():
		return map[string]string{"iss": "issuer", "aud": "audience", "jwks": "jwks_url", "jwks_uri": "jwks_url", "keys": "jwks_file", "alg": "algorithms", "scope": "scopes", "skew": "leeway", "clock_skew": "leeway"}
	case reflect.TypeFor[ClientCertificate]():
		return map[string]string{"ca": "ca_file", "crl": "crl_file", "san": "names", "sans": "names", "ou": "organizational_units"}
	case reflect.TypeFor[CORS]():
		return map[string]string{"allow_origins": "origins", "allowed_origins": "origins", "origin": "origins", "allow_methods": "methods", "allowed_methods": "methods", "allow_headers": "headers", "allowed_headers": "headers", "allow_credentials": "credentials", "exposed_headers": "expose_headers"}
	case reflect.TypeFor[ACME]():
		return map[string]string{"domains": "names", "domain": "names", "hosts": "names", "directory_url": "directory", "ca": "directory", "mail": "email", "accept_tos": "agree_to_terms", "terms_agreed": "agree_to_terms"}
	case reflect.TypeFor[Headers]():
		return map[string]string{"add": "set", "del": "remove", "delete": "remove", "unset": "remove"}
	default:
		return nil
	}
}

// laterKeys are keys of the format that this version does not serve, by section.
func laterKeys(t reflect.Type) []string {
	switch t {
	case reflect.TypeFor[Config]():
		return []string{"telemetry", "discovery", "alerts"}
	case reflect.TypeFor[App]():
		return []string{"rollout"}
	default:
		return nil
	}
}

// shorthand is the key that a single value given for a section was most likely meant for.
func shorthand(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[Management](), reflect.TypeFor[Listener]():
		return "address"
	case reflect.TypeFor[Certificate]():
		return "cert_file"
	case reflect.TypeFor[Logging]():
		return "level"
	case reflect.TypeFor[AccessLog]():
		return "enabled"
	case reflect.TypeFor[RotatedFile]():
		return "max_size"
	case reflect.TypeFor[App]():
		return "command"
	case reflect.TypeFor[Restart]():
		return "policy"
	case reflect.TypeFor[Stop]():
		return "method"
	case reflect.TypeFor[HTTPGet](), reflect.TypeFor[StopHTTP]():
		return "path"
	case reflect.TypeFor[TCPSocket]():
		return "port"
	case reflect.TypeFor[Limits]():
		return "memory"
	case reflect.TypeFor[OnFailure]():
		return "command"
	case reflect.TypeFor[Output]():
		return "encoding"
	case reflect.TypeFor[Route]():
		return "app"
	case reflect.TypeFor[Match]():
		return "host"
	case reflect.TypeFor[FileServer]():
		return "root"
	case reflect.TypeFor[Redirect]():
		return "to"
	case reflect.TypeFor[Respond]():
		return "body"
	case reflect.TypeFor[Flow]():
		return "qps"
	case reflect.TypeFor[CircuitBreaker]():
		return "strategy"
	case reflect.TypeFor[Retry]():
		return "attempts"
	case reflect.TypeFor[ClientCertificate]():
		return "ca_file"
	case reflect.TypeFor[CORS]():
		return "origins"
	case reflect.TypeFor[ACME](), reflect.TypeFor[InternalCA](), reflect.TypeFor[SelfSigned]():
		return "names"
	case reflect.TypeFor[WindowsStore]():
		return "subject"
	default:
		return ""
	}
}

// meantValue is the value of an enumeration that was most likely meant.
func meantValue(allowed []string, text string) string {
	other := map[string]string{
		"warning": "warn", "err": "error", "fatal": "error", "critical": "error", "trace": "debug", "verbose": "debug", "notice": "info",
		"text": "console", "plain": "console", "logfmt": "console", "ecs": "json",
		"unless_stopped": "always", "yes": "always", "true": "always", "no": "never", "false": "never", "none": "never", "on_error": "on_failure", "onfailure": "on_failure", "unexpected": "on_failure",
		"term": "sigterm", "sigint": "ctrl_c", "int": "ctrl_c", "interrupt": "ctrl_c", "ctrlc": "ctrl_c", "stdin": "stdin_close", "http_post": "http",
		"utf8": "utf-8", "utf16": "utf-16le", "unicode": "utf-16le", "936": "gbk", "cp936": "gbk", "gb2312": "gbk", "sjis": "shift_jis", "cp932": "shift_jis", "latin1": "windows-1252",
		"random": "random_two", "two_random_choices": "random_two", "p2c": "random_two", "ip_hash": "hash", "source": "hash", "uri_hash": "hash", "consistent_hash": "hash",
		"http/1.1": "http1", "http2": "h2", "h2_prior_knowledge": "h2c", "grpc": "h2c", "queue": "throttle", "leaky_bucket": "throttle", "warmup": "warm_up",
		"required": "require", "optional": "request", "roundrobin": "round_robin", "rr": "round_robin", "least_connections": "least_conn", "leastconn": "least_conn",
	}
	if value := other[snake(text)]; slices.Contains(allowed, value) {
		return value
	}
	if value := other[strings.ToLower(text)]; slices.Contains(allowed, value) {
		return value
	}
	return closest(text, allowed)
}
