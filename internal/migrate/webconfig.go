package migrate

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// webConfig reads the parts of IIS's web.config that run a program.
type webConfig struct {
	*reader
	root *element
}

func readWebConfig(r *reader, file File) error {
	root, err := readXML(file.Data)
	if err != nil {
		return err
	}
	if !root.is("configuration") {
		return fmt.Errorf("its root is <%s>, not <configuration>; is it a web.config?", shown(root.name))
	}
	w := &webConfig{r, root}
	servers := root.all("system.webServer")
	for _, location := range root.all("location") {
		servers = append(servers, location.all("system.webServer")...)
	}
	for _, server := range servers {
		if err := w.server(server); err != nil {
			return err
		}
	}
	return nil
}

// title is the folder of the file: an IIS site has its name there as a rule.
func (w *webConfig) title(program string) string {
	folder := strings.TrimRight(strings.ReplaceAll(w.file.Folder, `\`, "/"), "/")
	name := folder[strings.LastIndexByte(folder, '/')+1:]
	if Name(name) == "" || strings.HasSuffix(name, ":") {
		name = program
	}
	return name
}

func (w *webConfig) server(server *element) error {
	var a *app
	var err error
	for _, e := range server.children {
		switch strings.ToLower(e.name) {
		case "httpplatform":
			a, err = w.module(e, "httpPlatform")
		case "aspnetcore":
			a, err = w.module(e, "aspNetCore")
		}
		if err != nil {
			return err
		}
	}
	if a == nil {
		if a, err = w.iisnode(server); err != nil {
			return err
		}
	}
	for _, e := range server.children {
		w.other(a, e)
	}
	return nil
}

// module is httpPlatformHandler or the ASP.NET Core module.
func (w *webConfig) module(e *element, kind string) (*app, error) {
	expand := func(s string) string {
		return expandPercent(s, func(name string) (string, bool) {
			switch strings.ToUpper(name) {
			case "HTTP_PLATFORM_PORT", "ASPNETCORE_PORT", "PORT":
				return placeholder("port"), true
			}
			return "", false
		})
	}
	program := expand(e.attr("processPath"))
	arguments := argv(expand(e.attr("arguments")))
	standIn := strings.Contains(e.attr("processPath"), "LAUNCHER_PATH")
	if standIn {
		program, arguments = "dotnet", nil
	}
	base := program
	if strings.EqualFold(strings.TrimSuffix(base, ".exe"), "dotnet") && len(arguments) > 0 {
		base = strings.TrimSuffix(arguments[0], ".dll")
	}
	base = base[strings.LastIndexAny(base, `\/`)+1:]
	title := w.title(strings.TrimSuffix(base, ".exe"))
	a, err := w.add(title, fmt.Sprintf("IIS %s of %s", kind, w.file.Name))
	if err != nil {
		return nil, err
	}
	if standIn {
		w.lost(a, kind+"/@processPath", e.attr("processPath"), "it is a stand-in that Visual Studio replaces when the project is published", "publish the project, and import the web.config of the result")
	}
	if strings.ContainsAny(program, `\/`) {
		program = winJoin(w.file.Folder, program)
	}
	a.command = append([]string{program}, arguments...)
	a.directory = w.file.Folder
	a.port = port{auto: true, why: "the program reads it from the environment, as it did under IIS"}
	for _, v := range append(e.child("environmentVariables").all("environmentVariable"), e.child("environmentVariables").all("add")...) {
		a.setenv(v.attr("name"), expand(v.attr("value")))
	}
	a.startup = seconds(e.attr("startupTimeLimit"), time.Second)
	a.stop.grace = seconds(e.attr("shutdownTimeLimit"), time.Second)
	a.timeout = clock(e.attr("requestTimeout"))
	if n, err := strconv.Atoi(e.attr("processesPerApplication")); err == nil {
		a.instances = n
	}
	if n, err := strconv.Atoi(e.attr("rapidFailsPerMinute")); err == nil {
		a.restart.maxRestarts, a.restart.window = &n, time.Minute
	}
	w.moduleRest(a, e, kind)
	return a, nil
}

func (w *webConfig) moduleRest(a *app, e *element, kind string) {
	if strings.EqualFold(e.attr("hostingModel"), "inprocess") {
		w.look(a, kind+"/@hostingModel", "inprocess", "inside of IIS it had no server of its own; under Holdfast it listens with Kestrel",
			"nothing as a rule; code that uses IIS itself (IISServerOptions, Windows authentication) has to change")
	}
	if path := e.attr("stdoutLogFile"); path != "" && truth(e.attr("stdoutLogEnabled")) {
		w.lost(a, kind+"/@stdoutLogFile", path, "Holdfast keeps the output of apps in its own log folder", "holdfast logs NAME shows it")
	}
	if truth(e.attr("forwardWindowsAuthToken")) {
		w.lost(a, kind+"/@forwardWindowsAuthToken", "true", "Holdfast's gateway does no Windows authentication", "let the program authenticate its users (Negotiate in Kestrel)")
	}
	if n := e.attr("startupRetryCount"); n != "" {
		w.lost(a, kind+"/@startupRetryCount", n, "Holdfast tries an app again until max_restarts within window", "write restart: {max_restarts: N, window: 5m} to change that")
	}
	for _, at := range e.attrs {
		switch strings.ToLower(at.Name.Local) {
		case "processpath", "arguments", "stdoutlogenabled", "stdoutlogfile", "startuptimelimit", "shutdowntimelimit", "requesttimeout",
			"processesperapplication", "rapidfailsperminute", "hostingmodel", "forwardwindowsauthtoken", "startupretrycount", "disablestartuperrorpage":
		default:
			w.lost(a, kind+"/@"+at.Name.Local, at.Value, "Holdfast does not know it", "see what it did in the documentation of "+kind)
		}
	}
	for _, c := range e.children {
		if !c.is("environmentVariables") {
			w.lost(a, kind+"/"+c.name, "", "it is a setting of IIS's module, not of the program", "nothing")
		}
	}
	for i, arg := range a.command {
		if i > 0 && strings.Contains(arg, `.\`) && a.directory == "" {
			w.look(a, kind+"/@arguments", arg, "it is relative to the folder of web.config, which is not known", "write directory")
		}
	}
}

// iisnode is a handler that runs a JavaScript file.
func (w *webConfig) iisnode(server *element) (*app, error) {
	for _, h := range server.child("handlers").all("add") {
		if !strings.EqualFold(h.attr("modules"), "iisnode") {
			continue
		}
		script := h.attr("path")
		a, err := w.add(w.title(strings.TrimSuffix(script, ".js")), "iisnode handler of "+w.file.Name)
		if err != nil {
			return nil, err
		}
		a.command, a.directory = []string{"node", script}, w.file.Folder
		a.port = port{auto: true, why: "under iisnode process.env.PORT was a pipe, now it is a number"}
		w.iisnodeSettings(a, server.child("iisnode"))
		return a, nil
	}
	return nil, nil //nolint:nilnil // no handler of this kind: a static site
}

func (w *webConfig) iisnodeSettings(a *app, e *element) {
	if e == nil {
		return
	}
	for _, at := range e.attrs {
		place := "iisnode/@" + at.Name.Local
		switch strings.ToLower(at.Name.Local) {
		case "node_env":
			a.setenv("NODE_ENV", expandPercent(at.Value, func(name string) (string, bool) {
				return "production", strings.EqualFold(name, "node_env")
			}))
		case "nodeprocesscommandline":
			if args := argv(expandPercent(at.Value, nobody)); len(args) > 0 {
				a.command = append(args, a.command[1:]...)
			}
		case "nodeprocesscountperapplication":
			if n, err := strconv.Atoi(at.Value); err == nil && n > 0 {
				a.instances = n
			} else if n == 0 {
				w.look(a, place, at.Value, "it means one process per processor", "write instances: N")
			}
		case "loggingenabled", "logdirectory", "maxlogfilesizeinkb", "maxtotallogfilesizeinkb", "maxlogfiles":
			w.lost(a, place, at.Value, "Holdfast keeps the output of apps in its own log folder", "holdfast logs NAME shows it; output.file bounds it")
		default:
			w.lost(a, place, at.Value, "it is a setting of iisnode itself", "nothing as a rule")
		}
	}
}

// other tells what else a server section asks for.
func (w *webConfig) other(a *app, e *element) {
	switch strings.ToLower(e.name) {
	case "httpplatform", "aspnetcore", "iisnode", "modules":
	case "handlers":
		for _, h := range e.all("add") {
			module := strings.ToLower(h.attr("modules"))
			if strings.Contains(module, "aspnetcore") || module == "httpplatformhandler" || module == "iisnode" {
				continue
			}
			w.lost(a, "handlers/add", strings.TrimSpace(h.attr("name")+" "+h.attr("path")), "IIS's other handlers are not Holdfast's", "write a route with file_server for files")
		}
	case "rewrite":
		n := 0
		for _, kind := range []string{"rules", "outboundRules"} {
			for _, rule := range e.child(kind).all("rule") {
				n++
				match := rule.child("match").attr("url")
				action := rule.child("action")
				w.lost(a, "rewrite/"+kind, fmt.Sprintf("%s: %s -> %s", rule.attr("name"), match, strings.TrimSpace(action.attr("type")+" "+action.attr("url"))),
					"routes match hosts and paths, not patterns", rewriteAdvice(action))
			}
		}
		if n == 0 {
			w.lost(a, "rewrite", "", "routes match hosts and paths, not patterns", "write routes")
		}
	case "security":
		w.lost(a, "security", names(e), "requests are not filtered by these rules", "let the program check what it accepts")
	case "httpprotocol":
		w.lost(a, "httpProtocol", names(e), "Holdfast adds no headers to an app's answers", "let the program send them")
	case "staticcontent", "defaultdocument", "directorybrowse", "urlcompression", "httpcompression", "caching":
		w.lost(a, e.name, "", "it is about files that IIS serves", "write a route with file_server for files, or let the program serve them")
	default:
		w.lost(a, e.name, names(e), "it is a setting of IIS", "see what it did; most have their counterpart in a route")
	}
}

func rewriteAdvice(action *element) string {
	switch strings.ToLower(action.attr("type")) {
	case "redirect":
		return `write a route with redirect: {to: "https://HOST${path}"}, or listeners with redirect_to for https`
	case "rewrite":
		if strings.Contains(action.attr("url"), "://") {
			return "write a route with path_prefix and urls: [...]"
		}
		return "write a route with path_prefix and strip_prefix, or let the program do it"
	default:
		return "write a route, or let the program do it"
	}
}

// names are those of an element's children.
func names(e *element) string {
	var all []string
	for _, c := range e.children {
		if len(all) < 10 {
			all = append(all, c.name)
		}
	}
	return strings.Join(all, ", ")
}

// clock reads hh:mm:ss.
func clock(s string) time.Duration {
	parts := strings.Split(s, ":")
	if len(parts) != 3 {
		return 0
	}
	return seconds(parts[0], time.Hour) + seconds(parts[1], time.Minute) + seconds(parts[2], time.Second)
}
