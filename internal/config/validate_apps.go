package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
)

func (v *validator) apps() {
	names := slices.Sorted(maps.Keys(v.cfg.Apps))
	for _, name := range names {
		at, app := path("apps").key(name), v.cfg.Apps[name]
		v.command(at.key("command"), app.Command)
		if v.written(at.key("directory")) {
			v.present(at.key("directory"), app.Directory, true)
		}
		v.environ(at.key("env"), app)
		v.injected(at.key("env"), app)
		if app.Restart.MaxBackoff < app.Restart.Backoff {
			v.report(codeOrder, v.value(at.key("restart").key("max_backoff")), at.key("restart").key("max_backoff"),
				fmt.Sprintf("max_backoff %s is less than backoff %s", app.Restart.MaxBackoff, app.Restart.Backoff), "raise max_backoff or lower backoff")
		}
		v.stop(at.key("stop"), app)
		v.number(at, app)
		v.limits(at.key("limits"), app.Limits)
		if app.OnFailure != nil {
			v.command(at.key("on_failure").key("command"), app.OnFailure.Command)
		}
		v.probe(at.key("startup_probe"), app.StartupProbe, app.Port)
		v.probe(at.key("liveness_probe"), app.LivenessProbe, app.Port)
		v.probe(at.key("readiness_probe"), app.ReadinessProbe, app.Port)
		for i, other := range app.DependsOn {
			reference(v, at.key("depends_on").index(i), "app", other, v.cfg.Apps)
		}
	}
	v.cycles(names)
}

// command checks that the program can be found, and that nobody relies on a shell.
func (v *validator) command(at path, command []string) {
	if len(command) == 0 || command[0] == "" || v.rejected[at] {
		return
	}
	program, first := command[0], at.index(0)
	switch {
	case strings.Contains(program, "${"):
	case v.machine.isAbs(program):
		if file := v.program(program); v.present(first, file, false) {
			v.startable(at, file, command[1:])
		}
	default:
		file, found := v.find(program) // no file: nobody knows here
		switch {
		case found && file != "":
			v.startable(at, file, command[1:])
		case found:
		case strings.ContainsRune(program, ' '):
			v.report(codeAbsent, v.value(first), first, fmt.Sprintf("command: there is no program %q in PATH", program), "every argument is an entry of its own: ["+strings.Join(strings.Fields(program), ", ")+"]")
		default:
			v.report(codeAbsent, v.value(first), first, fmt.Sprintf("command: there is no program %q in PATH", program), "install it, or write its whole path")
		}
	}
	if isShell(v.machine.base(program)) {
		return
	}
	for i, arg := range command[1:] {
		sub := at.index(i + 1)
		switch {
		case slices.Contains([]string{"&&", "||", "|", ";", "&", ">", ">>", "<", "2>&1"}, arg):
			v.report(codeNoEffect, v.value(sub), sub, fmt.Sprintf("%s is passed to the program as it is: no shell reads command", arg), `write [sh, -c, "..."] if you need a shell`)
		case strings.Contains(arg, "$PORT") || strings.Contains(arg, "%PORT%"):
			v.report(codeNoEffect, v.value(sub), sub, "no shell replaces PORT here", "write ${port}")
		}
	}
}

// program is the file that Windows starts for a path without an extension.
func (v *validator) program(path string) string {
	if !v.machine.here || runtime.GOOS != "windows" {
		return path
	}
	for _, extension := range []string{".com", ".exe", ".bat", ".cmd"} {
		if info, err := os.Stat(path + extension); err == nil && !info.IsDir() {
			return path + extension
		}
	}
	return path
}

// startable warns of a file that is there and is no program of this machine.
func (v *validator) startable(at path, file string, args []string) {
	if !v.machine.here {
		return
	}
	first := at.index(0)
	warn := func(message, hint string) { v.report(codeProgram, v.value(first), first, "command: "+message, hint) }
	p, readable := look(file)
	message, hint := "", ""
	if readable {
		message, hint = p.fault()
	}
	info, err := os.Stat(file)
	switch {
	case err != nil || !info.Mode().IsRegular():
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o111 == 0:
		cure := "chmod +x " + quotedPath(file)
		if words := p.interpreter(); readable && words != "" {
			cure += ", or put its interpreter before it: [" + words + "]"
		}
		warn(file+" is not executable", cure)
	case !allowed(file):
		warn(file+" may not be executed by this account", "let Holdfast's account execute it")
	case message != "":
		warn(file+" "+message, hint)
	case runtime.GOOS == "windows" && isBatch(file):
		if n, bad := batchArgument(args); bad { // the argument itself may be a secret
			warn(fmt.Sprintf("%s is a batch file, and cmd.exe would interpret its argument %d", file, n), "name the program that it starts, or hand the value over in env")
		}
	}
}

func isShell(program string) bool {
	base := strings.TrimSuffix(strings.ToLower(program), ".exe")
	return slices.Contains([]string{"sh", "bash", "dash", "zsh", "ash", "ksh", "busybox", "cmd", "powershell", "pwsh"}, base)
}

// allowed asks the system whether this account may execute a file.
func allowed(file string) bool {
	_, err := exec.LookPath(file)
	return !errors.Is(err, fs.ErrPermission)
}

// environ refuses values that no program can be given, and warns of those that are too long for this
// system. It never tells a value.
func (v *validator) environ(at path, app App) {
	most := 128 << 10 // MAX_ARG_STRLEN: execve(2)
	if v.machine.windows {
		most = 32767 // learn.microsoft.com/windows/win32/api/processenv/nf-processenv-setenvironmentvariablew
	}
	for _, name := range slices.Sorted(maps.Keys(app.Env)) {
		value, key := app.Env[name].Reveal(), at.key(name)
		switch {
		case strings.ContainsRune(value, 0):
			v.report(codeValue, v.value(key), key, "env: the value of "+name+" holds a NUL character, which no program can be given", "write it without, or have the program read it from a file")
		case len(name)+len(value)+2 > most:
			v.report(codeProgram, v.value(key), key, fmt.Sprintf("env: %s has %d characters, and the system allows %d", name, len(value), most), "have the program read it from a file")
		}
	}
}

// injected warns of variables that tell the program another port than its own.
func (v *validator) injected(at path, app App) {
	if app.Port == PortNone {
		return
	}
	for _, name := range []string{"PORT", "HTTP_PLATFORM_PORT", "ASPNETCORE_URLS", "SERVER_PORT"} {
		value, ok := app.Env[name]
		if !ok || strings.Contains(value.Reveal(), "${port}") {
			continue
		}
		hint := "remove it"
		if name == "PORT" || name == "SERVER_PORT" {
			hint = "remove it, and write port: NUMBER if the program needs a certain one"
		}
		v.report(codeNoEffect, v.key(at.key(name)), at.key(name), fmt.Sprintf("Holdfast itself sets %s, to the instance's port", name), hint)
	}
}

func (v *validator) stop(at path, app App) {
	http := at.key("http")
	switch {
	case app.Stop.Method == StopHTTPCall && app.Stop.HTTP == nil && !v.rejected[http]:
		v.report(codeTogether, v.value(at.key("method")), http, "the stop method http needs the path of its request", "add http: {path: /shutdown}")
	case app.Stop.Method == StopHTTPCall && app.Port == PortNone:
		v.report(codeProbePort, v.value(at.key("method")), at.key("method"), "the stop method http needs an app with a port", "choose another method, or give the app a port")
	case app.Stop.Method != StopHTTPCall && app.Stop.HTTP != nil && !v.rejected[at.key("method")]:
		v.report(codeNoEffect, v.key(http), http, fmt.Sprintf("stop.http is not used with method %s", app.Stop.Method), "write method: http, or remove it")
	}
	if app.Stop.HTTP != nil {
		v.slash(http.key("path"), app.Stop.HTTP.Path)
	}
}

// slash reports a request path that does not begin with one.
func (v *validator) slash(at path, text string) {
	if text != "" && !strings.HasPrefix(text, "/") && !v.rejected[at] {
		v.report(codeMatch, v.value(at), at, fmt.Sprintf("%s: %q does not begin with a slash", last(at), text), fmt.Sprintf("write /%s", text))
	}
}

func (v *validator) probe(at path, p *Probe, port Port) {
	if p == nil || v.rejected[at] {
		return
	}
	own, kind := 0, at
	switch {
	case p.HTTPGet != nil && p.TCPSocket != nil:
		v.report(codeProbeKind, v.key(at), at, fmt.Sprintf("%s has both http_get and tcp_socket", last(at)), "keep one of the two")
		return
	case p.HTTPGet != nil:
		own, kind = p.HTTPGet.Port, at.key("http_get")
		v.slash(kind.key("path"), p.HTTPGet.Path)
		v.headers(kind.key("headers"), p.HTTPGet.Headers)
	case p.TCPSocket != nil:
		own, kind = p.TCPSocket.Port, at.key("tcp_socket")
	case v.rejected[at.key("http_get")] || v.rejected[at.key("tcp_socket")]:
		return
	default:
		v.report(codeProbeKind, v.key(at), at, fmt.Sprintf("%s has neither http_get nor tcp_socket", last(at)), "add http_get: {path: /healthz} or tcp_socket: {}")
		return
	}
	if port == PortNone && own == 0 {
		v.report(codeProbePort, v.key(kind), kind, fmt.Sprintf("%s has no port to ask: the app has port: none", last(at)), "add the port to "+last(kind)+", or give the app a port")
	}
	// A startup probe's own defaults are an HTTP timeout above the period.
	slow := at.key("timeout")
	if !v.written(slow) && last(at) != "startup_probe" {
		slow = at.key("period")
	}
	if p.Timeout > p.Period && v.written(slow) && !v.anyRejected(at) {
		v.report(codeSlow, v.value(slow), slow, fmt.Sprintf("the timeout %s is longer than the period %s", p.Timeout, p.Period), "raise period or lower timeout")
	}
}

// cycles reports each ring of apps that wait for each other, once.
func (v *validator) cycles(names []string) {
	const visiting, done = 1, 2
	state := map[string]int{}
	var chain []string
	var visit func(name string)
	visit = func(name string) {
		state[name] = visiting
		chain = append(chain, name)
		for i, next := range v.cfg.Apps[name].DependsOn {
			switch state[next] {
			case visiting:
				ring := append(slices.Clone(chain[slices.Index(chain, next):]), next)
				at := path("apps").key(name).key("depends_on").index(i)
				message, hint := "apps wait for each other: "+strings.Join(ring, " -> "), "remove one of these depends_on"
				if next == name {
					message, hint = fmt.Sprintf("app %q waits for itself", name), "remove it"
				}
				v.report(codeCycle, v.value(at), at, message, hint)
			case done:
			default:
				if _, ok := v.cfg.Apps[next]; ok {
					visit(next)
				}
			}
		}
		chain = chain[:len(chain)-1]
		state[name] = done
	}
	for _, name := range names {
		if state[name] == 0 {
			visit(name)
		}
	}
}

// claim is a range of ports that something listens on.
type claim struct {
	what        string
	at          path
	host        string
	first, last int
}

// ports reports things that would listen on the same port.
func (v *validator) ports() {
	var claims []claim
	if host, port, ok := silently(v).address("", v.cfg.Management.Address); ok && port != 0 {
		claims = append(claims, claim{"the management API", path("management").key("address"), host, port, port})
	}
	for _, name := range slices.Sorted(maps.Keys(v.cfg.Listeners)) {
		if host, port, ok := silently(v).address("", v.cfg.Listeners[name].Address); ok && port != 0 {
			claims = append(claims, claim{fmt.Sprintf("listener %q", name), path("listeners").key(name).key("address"), host, port, port})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v.cfg.Apps)) {
		app, at := v.cfg.Apps[name], path("apps").key(name).key("port")
		if app.Port <= 0 || app.Instances == 0 {
			continue
		}
		c := claim{fmt.Sprintf("app %q", name), at, "127.0.0.1", int(app.Port), int(app.Port) + app.Instances - 1}
		if c.last > 65535 {
			v.report(codeRange, v.value(at), at, fmt.Sprintf("port %d leaves no ports for %d instances", app.Port, app.Instances), "lower the port, or write auto")
			continue
		}
		claims = append(claims, c)
	}
	slices.SortStableFunc(claims, func(a, b claim) int { return cmp.Compare(a.first, b.first) })
	for i, c := range claims {
		for _, earlier := range claims[:i] {
			if c.first <= earlier.last && overlap(c.host, earlier.host) {
				v.clash(earlier, c)
				break
			}
		}
	}
}

// clash reports two claims at the one that is easier to change: an app's port, else the later one.
func (v *validator) clash(a, b claim) {
	if !v.written(b.at) || strings.HasPrefix(a.what, "app") && !strings.HasPrefix(b.what, "app") {
		a, b = b, a
	}
	code, hint := codeAddress, "choose another port"
	if strings.HasPrefix(b.what, "app") {
		code, hint = codePorts, "choose another port, or write auto"
	}
	ports := fmt.Sprintf("port %d", b.first)
	if b.last > b.first {
		ports = fmt.Sprintf("the ports %d to %d (one for each instance)", b.first, b.last)
	}
	taken := ""
	if a.last > a.first {
		taken = fmt.Sprintf(", which uses %d to %d", a.first, a.last)
	}
	v.report(code, v.value(b.at), b.at, fmt.Sprintf("%s of %s: taken by %s%s", ports, b.what, a.what, taken), hint)
}

// silently is a validator that reports nothing, for values that were checked before.
func silently(v *validator) *validator {
	return &validator{collector: &collector{}, cfg: v.cfg, layers: v.layers}
}
