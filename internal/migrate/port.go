package migrate

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"holdfast/internal/secret"
)

// gatewayPort is where the gateway listens when no listener is configured.
const gatewayPort = 8080

// findPort looks for the port in the environment and in the arguments, and lets Holdfast give it from
// there on. taken has the ports of others.
func (r *reader) findPort(a *app, taken map[int]string) {
	if a.port.auto {
		a.unsetInjected()
		return
	}
	number, from := a.injectedPort()
	if number == 0 {
		number, from = a.otherPort()
	}
	if argument, place := a.argumentPort(number); number == 0 {
		number, from = argument, place
	}
	if number == 0 {
		if a.instances > 1 {
			r.look(a, "", fmt.Sprintf("%d instances", a.instances), "no port is known, and two processes cannot listen on the same one",
				`if it serves HTTP, let it read PORT or write "${port}" into its command, then: port: auto`)
		}
		return
	}
	a.port.number, a.port.why = number, "auto would do as well, as it gets the port from here"
	for n := number; n < number+a.instances; n++ {
		owner, clash := taken[n]
		if !clash && n <= 65535 {
			continue
		}
		if owner == "" {
			owner = "no port"
		}
		a.port = port{auto: true}
		r.look(a, from, fmt.Sprintf("port %d", number), fmt.Sprintf("%d is %s's", n, owner), fmt.Sprintf("nothing, when it is reached through the gateway only; else write port: NUMBER instead of auto (it was %d)", number))
		return
	}
	for n := number; n < number+a.instances; n++ {
		taken[n] = a.name
	}
}

// injected are the variables that Holdfast sets to the instance's port.
func injected() []string {
	return []string{"PORT", "SERVER_PORT", "HTTP_PLATFORM_PORT", "ASPNETCORE_URLS"}
}

// injectedPort takes the port out of a variable that Holdfast itself sets.
func (a *app) injectedPort() (number int, from string) {
	for _, name := range injected() {
		value, ok := a.getenv(name)
		if !ok {
			continue
		}
		n := portOf(value)
		if n == 0 {
			continue
		}
		a.unsetInjected()
		return n, "environment " + name
	}
	return 0, ""
}

func (a *app) unsetInjected() {
	for _, name := range injected() {
		if value, ok := a.getenv(name); ok && (portOf(value) > 0 || value == placeholder("port")) {
			a.unsetenv(name)
		}
	}
}

// otherPort finds a variable such as HTTP_PORT and lets it hold ${port}.
func (a *app) otherPort() (number int, from string) {
	for i, v := range a.env {
		name := strings.ToUpper(v.name)
		if !slices.Contains([]string{"HTTP_PORT", "APP_PORT", "WEB_PORT", "LISTEN_PORT", "NODE_PORT", "FLASK_RUN_PORT", "UVICORN_PORT", "QUARKUS_HTTP_PORT", "MICRONAUT_SERVER_PORT", "KESTREL__ENDPOINTS__HTTP__URL", "ASPNETCORE_HTTP_PORTS"}, name) {
			continue
		}
		if text, n := withPort(v.value.Reveal()); n > 0 {
			a.env[i].value = secret.New(text)
			return n, "environment " + v.name
		}
	}
	return 0, ""
}

// argumentPort finds a port among the arguments and puts ${port} there. It is the known one, or any if
// that is 0.
func (a *app) argumentPort(known int) (number int, from string) {
	args := a.command
	withPort := func(text string) (string, int) {
		if replaced, n := withPort(text); known == 0 || n == known {
			return replaced, n
		}
		return text, 0
	}
	if len(args) == 0 || strings.Contains(args[0], "docker") || strings.Contains(args[0], "podman") {
		return 0, ""
	}
	for i := 1; i < len(args); i++ {
		flag, value, joined := strings.Cut(args[i], "=")
		if !portFlag(flag) {
			if n := a.positional(i, withPort); n > 0 {
				return n, "command"
			}
			continue
		}
		if joined {
			if text, n := withPort(value); n > 0 {
				args[i] = flag + "=" + text
				return n, "command"
			}
			continue
		}
		if i+1 == len(args) {
			continue
		}
		if text, n := withPort(args[i+1]); n > 0 {
			args[i+1] = text
			return n, "command"
		}
	}
	return 0, ""
}

// positional knows programs whose port is no flag's: python -m http.server 8000.
func (a *app) positional(i int, withPort func(string) (string, int)) int {
	before := a.command[i-1]
	if before != "http.server" && before != "runserver" {
		return 0
	}
	text, n := withPort(a.command[i])
	if n > 0 {
		a.command[i] = text
	}
	return n
}

// portFlag knows the flags of servers that give a port or an address to listen on.
func portFlag(flag string) bool {
	name, ok := strings.CutPrefix(flag, "-")
	if !ok {
		return false
	}
	switch name {
	case "p", "b", "l", "S":
		return true
	}
	name = strings.ToLower(strings.TrimPrefix(name, "-"))
	if property, ok := strings.CutPrefix(name, "d"); ok && strings.Contains(property, ".") {
		name = property // java -Dserver.port
	}
	name = strings.NewReplacer("-", "", "_", "", ".", "").Replace(name)
	return slices.Contains([]string{
		"port", "httpport", "serverport", "webport", "quarkushttpport", "micronautserverport", "listenport", "appport",
		"listen", "listenaddr", "listenaddress", "addr", "address", "bind", "urls", "url", "httpaddr", "httpaddress", "httplistenaddress",
	}, name)
}

// portOf is the port in a text such as 8080, :8080, 0.0.0.0:8080 or http://*:8080, 0 if there is none.
func portOf(text string) int {
	_, n := withPort(text)
	return n
}

// withPort replaces the port in such a text by ${port}.
func withPort(text string) (replaced string, number int) {
	text = strings.TrimSpace(text)
	first, _, _ := strings.Cut(text, ";")
	first, _, _ = strings.Cut(first, ",")
	first = strings.TrimSuffix(first, "/")
	head, digits := "", first
	if i := strings.LastIndexByte(first, ':'); i >= 0 {
		head, digits = first[:i+1], first[i+1:]
		if !goodHead(head) {
			return text, 0
		}
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 || n > 65535 || digits[0] == '+' {
		return text, 0
	}
	return head + placeholder("port"), n
}

// goodHead is what may stand before a port: an address of this machine, with http:// or without.
func goodHead(head string) bool {
	host := strings.TrimSuffix(head, ":")
	if rest, ok := strings.CutPrefix(strings.TrimPrefix(host, "tcp://"), "http://"); ok || rest != host {
		host = rest
	} else if strings.Contains(host, "/") {
		return false
	}
	host = strings.Trim(host, "[]")
	switch host {
	case "", "*", "+", "localhost", "0", "[::]":
		return true
	}
	return net.ParseIP(host) != nil
}

// hostOf is the host of a URL, empty when it is none.
func hostOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
