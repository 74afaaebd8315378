//go:build conformance && linux

package conformance

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"holdfast/build/rig"
)

// lanes is how many cases are tried at once: each has a listener and a server of its own in every
// gateway, so that what a server sees belongs to one case.
const lanes = 16

// gateway is one of the programs under test.
type gateway struct {
	name  string
	lanes []lane
}

type lane struct {
	front  string // address
	server *server
}

// All have the same routes: /admin and what is below it is forbidden, /files/ is a folder (not in HAProxy, which serves
// none), everything else goes to the server. A client that is silent for a moment is let go.
const silence = "1500ms"

func startGateways(t *testing.T) []gateway {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "public")
	writeFolder(t, folder)
	return []gateway{startHoldfast(t, folder), startNginx(t, folder), startHAProxy(t), startCaddy(t, folder)}
}

// writeFolder makes what is served below /files/, and what must not be beside and in it.
func writeFolder(t *testing.T, folder string) {
	t.Helper()
	for name, text := range map[string]string{
		"index.html": "the index", "page.txt": "0123456789", "sub/inner.txt": "inner", "shop/index.html": "the shop",
		".env": "secret", ".git/config": "secret", ".well-known/security.txt": "well-known",
		"trailing.": "secret", "con.txt": "secret", "../secret.txt": "secret", "a b.txt": "spaced",
	} {
		file := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../secret.txt", filepath.Join(folder, "link.txt")); err != nil {
		t.Fatal(err)
	}
}

func newLanes(t *testing.T, name string) gateway {
	t.Helper()
	g := gateway{name: name}
	for range lanes {
		g.lanes = append(g.lanes, lane{freeAddress(t), newServer(t)})
	}
	return g
}

// given are the ports that freeAddress has given away.
var given sync.Map

// freeAddress is one on which nobody listens, and which nobody gets by chance before a gateway listens
// there: systems give away ports above these when none is asked for.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 1000 {
		address := fmt.Sprintf("127.0.0.1:%d", 10000+rand.IntN(9000))
		if _, taken := given.LoadOrStore(address, true); taken {
			continue
		}
		if ln, err := net.Listen("tcp4", address); err == nil {
			_ = ln.Close()
			return address
		}
	}
	t.Fatal("no free port")
	return ""
}

func startHoldfast(t *testing.T, folder string) gateway {
	t.Helper()
	g := newLanes(t, "holdfast")
	var listeners, routes strings.Builder
	for i, l := range g.lanes {
		fmt.Fprintf(&listeners, "  l%d: {address: %q, read_header_timeout: %s, read_timeout: %s, idle_timeout: %s}\n", i, l.front, silence, silence, silence)
		fmt.Fprintf(&routes, "  r%d: {listeners: [l%d], urls: [\"http://%s\"]}\n", i, i, l.server.address())
	}
	h := rig.NewHome(t, binary, "version: 1\nmanagement: {address: \"{api}\"}\nlisteners:\n"+listeners.String()+
		"apps:\n  demo: {command: [\"{holdfast}\", demo-app]}\nroutes:\n"+routes.String()+
		"  app: {match: {path_prefix: /app}, strip_prefix: /app, app: demo}\n"+
		"  admin: {match: {path_prefix: /admin}, respond: {status: 403}}\n"+
		"  files: {match: {path_prefix: /files}, strip_prefix: /files, file_server: {root: "+folder+"}}\n")
	h.StartReady().WaitHealthy("demo")
	return g
}

func startNginx(t *testing.T, folder string) gateway {
	t.Helper()
	g := newLanes(t, "nginx")
	dir := t.TempDir()
	var conf strings.Builder
	fmt.Fprintf(&conf, `user root; daemon off; worker_processes 1; pid %[1]s/pid; error_log %[1]s/error.log;
events {}
http {
 access_log off; client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
 client_header_timeout %[2]s; client_body_timeout %[2]s; keepalive_timeout %[2]s; lingering_timeout 100ms; lingering_time 500ms;
 map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
`, dir, silence)
	for i, l := range g.lanes {
		fmt.Fprintf(&conf, ` upstream u%[1]d { server %[2]s; keepalive 8; }
 server { listen %[3]s;
  location = /admin { return 403; }
  location /admin/ { return 403; }
  location /files/ { alias %[4]s/; }
  location / { proxy_pass http://u%[1]d; proxy_http_version 1.1; proxy_read_timeout 5s; proxy_set_header Host $host; proxy_set_header Upgrade $http_upgrade;
   proxy_set_header Connection $connection_upgrade; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme; }
 }
`, i, l.server.address(), l.front, folder)
	}
	conf.WriteString("}\n")
	run(t, dir, conf.String(), "nginx", "-p", dir, "-c")
	g.wait(t)
	return g
}

func startHAProxy(t *testing.T) gateway {
	t.Helper()
	g := newLanes(t, "haproxy")
	var conf strings.Builder
	fmt.Fprintf(&conf, "global\n nbthread 1\ndefaults\n mode http\n option forwardfor\n timeout connect 5s\n timeout server 10s\n timeout client %[1]s\n timeout http-request %[1]s\n timeout http-keep-alive %[1]s\n timeout tunnel 5s\n", silence)
	for i, l := range g.lanes {
		fmt.Fprintf(&conf, "frontend f%[1]d\n bind %[2]s\n http-request deny deny_status 403 if { path /admin } || { path_beg /admin/ }\n default_backend b%[1]d\nbackend b%[1]d\n server s %[3]s\n",
			i, l.front, l.server.address())
	}
	run(t, t.TempDir(), conf.String(), "haproxy", "-db", "-f")
	g.wait(t)
	return g
}

func startCaddy(t *testing.T, folder string) gateway {
	t.Helper()
	g := newLanes(t, "caddy")
	var conf strings.Builder
	fmt.Fprintf(&conf, "{\n admin off\n auto_https off\n servers {\n  timeouts {\n   read_header %[1]s\n   read_body %[1]s\n   idle %[1]s\n  }\n }\n}\n", silence)
	for _, l := range g.lanes {
		_, port, err := net.SplitHostPort(l.front)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&conf, "http://:%s {\n bind 127.0.0.1\n @admin path /admin /admin/*\n handle @admin {\n  respond 403\n }\n handle_path /files/* {\n  root * %s\n  file_server\n }\n handle {\n  reverse_proxy %s\n }\n}\n",
			port, folder, l.server.address())
	}
	run(t, t.TempDir(), conf.String(), "caddy", "run", "--adapter", "caddyfile", "--config")
	g.wait(t)
	return g
}

// run starts a program with its configuration's file as the last argument, and ends it with the test.
func run(t *testing.T, dir, conf string, program string, args ...string) {
	t.Helper()
	file := filepath.Join(dir, "conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	output := &rig.Tail{}
	cmd := exec.Command(program, append(args, file)...)
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // the group is ours
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s's console:\n%s", program, output)
		}
	})
}

func (g gateway) wait(t *testing.T) {
	t.Helper()
	for _, l := range g.lanes {
		rig.WaitFor(t, g.name+" to listen on "+l.front, func() bool {
			conn, err := net.Dial("tcp4", l.front)
			if err != nil {
				return false
			}
			_ = conn.Close()
			return true
		})
	}
}
