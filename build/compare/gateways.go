//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A gateway passes requests on to the upstream, which serves the folder too.
type gateway struct {
	name string
	// command writes what is needed into dir and returns what runs in the foreground.
	command func(dir string, port int, upstream string) ([]string, error)
	files   bool // serves the folder files below /files/ by itself
}

// folder is what is served, below the bench's own folder.
const folder = "site"

// gateways lists those that take part, Holdfast first. Holdfast has its policies by default: metrics,
// access log to a file, identifiers. The others have none, and no log.
func gateways(b *bench, o options) []gateway {
	site := filepath.Join(b.dir, folder)
	all := []gateway{
		{"Holdfast", func(dir string, port int, upstream string) ([]string, error) {
			free, err := freePorts(1)
			if err != nil {
				return nil, err
			}
			return []string{b.holdfast, "--data", dir, "run"}, write(dir, "holdfast.yaml", `version: 1
management: {address: "127.0.0.1:%d"}
listeners: {web: {address: "127.0.0.1:%d"}}
routes:
  upstream: {urls: ["http://%s"]}
  files: {match: {path_prefix: /files}, strip_prefix: /files, file_server: {root: %q}}
`, free[0], port, upstream, site)
		}, true},
		{"ReverseProxy", func(_ string, port int, upstream string) ([]string, error) {
			return []string{b.reverse, fmt.Sprintf("127.0.0.1:%d", port), "http://" + upstream}, nil
		}, false},
		{"nginx", func(dir string, port int, upstream string) ([]string, error) {
			return nginx(dir), write(dir, "nginx.conf", nginxHead+`
    upstream back { server %s; keepalive 256; keepalive_requests 1000000000; }
    server {
        listen 127.0.0.1:%d;
        location / { proxy_pass http://back; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; }
        location /files/ { alias %s/; }
    }
}
`, upstream, port, site)
		}, true},
		{"haproxy", func(dir string, port int, upstream string) ([]string, error) {
			return []string{"haproxy", "-db", "-f", filepath.Join(dir, "haproxy.cfg")}, write(dir, "haproxy.cfg", `
global
    maxconn 4096
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    http-reuse always
    option forwardfor
listen web
    bind 127.0.0.1:%d
    server back %s
`, port, upstream)
		}, false},
	}
	if o.caddy != "" {
		all = append(all, gateway{"Caddy", func(dir string, port int, upstream string) ([]string, error) {
			return []string{o.caddy, "run", "--adapter", "caddyfile", "--config", filepath.Join(dir, "Caddyfile")}, write(dir, "Caddyfile", `{
	admin off
	persist_config off
	auto_https off
	log {
		level ERROR
	}
	storage file_system %s
}
http://127.0.0.1:%d {
	handle_path /files/* {
		root %s
		file_server
	}
	handle {
		reverse_proxy %s
	}
}
`, dir, port, site, upstream)
		}, true})
	}
	return all
}

const nginxHead = `
daemon off;
worker_processes auto;
pid nginx.pid;
error_log stderr crit;
worker_rlimit_nofile 8192;
events { worker_connections 4096; }
http {
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    keepalive_timeout 300s;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
`

func nginx(dir string) []string {
	return []string{"nginx", "-p", dir, "-c", filepath.Join(dir, "nginx.conf"), "-e", "stderr"}
}

// origin is what all of them pass requests on to: the cheapest server there is.
func origin(b *bench) gateway {
	return gateway{name: "direct", command: func(dir string, port int, _ string) ([]string, error) {
		return nginx(dir), write(dir, "nginx.conf", nginxHead+`
    open_file_cache max=100;
    server { listen 127.0.0.1:%d; root %s; }
}
`, port, filepath.Join(b.dir, folder))
	}}
}

func write(dir, name, text string, args ...any) error {
	return os.WriteFile(filepath.Join(dir, name), fmt.Appendf(nil, text, args...), 0o600)
}

// makeSite writes the files that are asked for. Nginx' workers are another user: all may read them.
func makeSite(b *bench) error {
	site := filepath.Join(b.dir, folder)
	if err := os.MkdirAll(site, 0o755); err != nil { //nolint:gosec // see above
		return err
	}
	if err := os.Chmod(b.dir, 0o755); err != nil { //nolint:gosec // see above
		return err
	}
	for name, size := range map[string]int{"1k": 1 << 10, "16k": 16 << 10, "64k": 64 << 10} {
		if err := os.WriteFile(filepath.Join(site, name), []byte(strings.Repeat("holdfast", size/8)), 0o644); err != nil { //nolint:gosec // see above
			return err
		}
	}
	return nil
}
