package migrate

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// winsw reads one <service> of WinSW 2 or 3.
type winsw struct {
	*reader
	app  *app
	root *element
	vars map[string]string // what WinSW sets in its own environment
}

func readWinSW(r *reader, file File) error {
	root, err := readXML(file.Data)
	if err != nil {
		return err
	}
	if !root.is("service") {
		return fmt.Errorf("its root is <%s>, not <service>; is it a file of WinSW?", shown(root.name))
	}
	w := &winsw{reader: r, root: root, vars: map[string]string{"BASE": file.Folder}}
	if root.value("executable") == "" {
		return errors.New("it has no <executable>")
	}
	id := root.value("id")
	title := root.value("name")
	if title == "" || Name(title) == "" {
		title = id
	}
	if id == "" {
		id = title
	}
	w.vars["WINSW_SERVICE_ID"], w.vars["SERVICE_ID"] = id, id
	if w.app, err = r.add(id, fmt.Sprintf("WinSW service %q (%s)", id, title)); err != nil {
		return err
	}
	w.environment()
	w.command()
	w.app.directory = w.app.file.Folder
	if dir := w.expand(root.value("workingdirectory")); dir != "" {
		w.app.directory = winJoin(file.Folder, dir)
	}
	w.lifecycle()
	w.failures()
	w.logs()
	w.rest()
	return nil
}

func (w *winsw) expand(s string) string {
	return expandPercent(s, func(name string) (string, bool) {
		v, ok := w.vars[strings.ToUpper(name)]
		if ok && v == "" && strings.EqualFold(name, "BASE") {
			return ".", true
		}
		return v, ok
	})
}

func (w *winsw) environment() {
	for _, e := range w.root.all("env") {
		name, value := e.attr("name"), w.expand(e.attr("value"))
		w.vars[strings.ToUpper(name)] = value
		w.app.setenv(name, value)
	}
}

func (w *winsw) command() {
	program := w.expand(w.root.value("executable"))
	if strings.ContainsAny(program, `\/`) {
		program = winJoin(w.app.file.Folder, program)
	}
	w.app.command = []string{program}
	// startarguments are those of a service that has stop arguments, too.
	for _, name := range []string{"arguments", "startarguments"} {
		if line := w.root.value(name); line != "" {
			w.app.command = append(w.app.command, argv(w.expand(line))...)
		}
	}
	for _, name := range []string{"argument", "startargument"} {
		for _, e := range w.root.all(name) {
			w.app.command = append(w.app.command, w.expand(e.trimmed()))
		}
	}
}

func (w *winsw) lifecycle() {
	a := w.app
	switch mode := strings.ToLower(w.root.value("startmode")); mode {
	case "", "automatic":
	case "manual", "disabled":
		a.manual = true
	default:
		w.lost(a, "startmode", mode, "apps start with Holdfast, which starts as a service", "nothing, for an ordinary program")
	}
	if e := w.root.child("delayedautostart"); e != nil && !strings.EqualFold(e.trimmed(), "false") {
		w.lost(a, "delayedAutoStart", "", "apps start with Holdfast", "sc config Holdfast start= delayed-auto delays Holdfast with all its apps")
	}
	if t := w.root.value("stoptimeout"); t != "" {
		a.stop.grace = winswSpan(t)
		if a.stop.grace == 0 {
			w.lost(a, "stoptimeout", t, "it is not a time that WinSW knows", "write stop: {grace: 15s}")
		}
	}
	for _, name := range []string{"stopexecutable", "stoparguments", "stopargument"} {
		if v := w.root.value(name); v != "" {
			w.lost(a, name, v, "Holdfast asks a program to end by Ctrl-C, by closing its standard input or by an HTTP request, not by another program",
				"see whether Ctrl-C ends it cleanly (it is what is sent now); else write stop: {method: http, http: {path: ...}}")
			break
		}
	}
	for _, e := range w.root.all("depend") {
		a.needs = append(a.needs, needed{"depend", e.trimmed()})
	}
}

func (w *winsw) failures() {
	a := w.app
	all := w.root.all("onfailure")
	a.restart.policy = "on_failure"
	if len(all) == 0 {
		w.look(a, "onfailure", "none", "WinSW leaves a failed service down then, Holdfast starts it again",
			"write restart: {policy: never} to leave it down, or {policy: always} for a server, which has no reason to end")
		return
	}
	restarts := 0
	for i, e := range all {
		delay := winswSpan(e.attr("delay"))
		switch action := strings.ToLower(e.attr("action")); action {
		case "restart":
			restarts++
			if a.restart.backoff == 0 {
				a.restart.backoff = delay
			}
			a.restart.maxBackoff = max(a.restart.maxBackoff, delay)
		case "none":
			switch {
			case restarts == 0:
				a.restart.policy = "never"
			case i == len(all)-1:
				a.restart.maxRestarts = &restarts
				w.look(a, "onfailure", "none", "after that many failures WinSW leaves it down, Holdfast still tries it once per window",
					"nothing, or stop it by hand: holdfast stop NAME")
			}
		case "reboot":
			w.lost(a, "onfailure", "reboot", "Holdfast never restarts the machine", "write on_failure: {command: [...]} for a program to run when the app fails for good")
		default:
			w.lost(a, "onfailure", action, "it is not an action that WinSW knows", "nothing")
		}
	}
	if restarts == 0 && a.restart.policy != "never" {
		a.restart.policy = "never"
	}
	if a.restart.maxBackoff <= a.restart.backoff {
		a.restart.maxBackoff = 0
	}
	if t := w.root.value("resetfailure"); t != "" {
		a.restart.resetAfter = winswSpan(t)
	}
}

func (w *winsw) logs() {
	a := w.app
	log := w.root.child("log")
	mode := log.attr("mode")
	if mode == "" {
		mode = w.root.value("logmode")
	}
	if path := w.root.value("logpath"); path != "" {
		w.lost(a, "logpath", path, "Holdfast keeps the output of apps in its own log folder", "holdfast logs NAME shows it; point what reads the old files to the new ones")
	}
	switch strings.ToLower(mode) {
	case "", "append", "rotate", "roll":
	case "none", "ignore":
		w.lost(a, "log", "mode "+mode, "Holdfast always keeps an app's output, within bounds", "nothing, or lower output.file.max_size and max_files")
	case "reset":
		w.lost(a, "log", "mode reset", "Holdfast keeps what was written before a restart", "nothing")
	case "roll-by-time":
		w.lost(a, "log", "mode "+mode, "Holdfast rotates by size only", "nothing, or change output.file.max_size")
	case "roll-by-size", "roll-by-size-time":
		a.maxSize = 10 << 20
		if kb, err := strconv.ParseInt(log.value("sizethreshold"), 10, 32); err == nil && kb > 0 {
			a.maxSize = kb << 10
		}
		if mode != "roll-by-size" {
			w.lost(a, "log", "mode "+mode, "Holdfast rotates by size only", "nothing")
		}
	default:
		w.lost(a, "log", "mode "+mode, "it is not a mode that WinSW knows", "nothing")
	}
	if n, err := strconv.Atoi(log.value("keepfiles")); err == nil {
		a.maxFiles = &n
	}
	for _, name := range []string{"ziplogs", "zipolderthannumdays", "outfilepattern", "errfilepattern", "outfiledisabled", "errfiledisabled"} {
		if e := log.child(name); e != nil {
			w.lost(a, "log/"+e.name, e.trimmed(), "Holdfast names and keeps its log files in its own way", "nothing")
		}
	}
}

// rest tells everything that is left.
func (w *winsw) rest() {
	for _, e := range w.root.children {
		w.other(strings.ToLower(e.name), e)
	}
}

func (w *winsw) other(name string, e *element) {
	a := w.app
	switch name {
	case "id", "name", "description", "executable", "arguments", "startarguments", "argument", "startargument", "env", "workingdirectory",
		"startmode", "delayedautostart", "stoptimeout", "stopexecutable", "stoparguments", "stopargument", "depend", "onfailure",
		"resetfailure", "log", "logmode", "logpath", "hidewindow", "waithint", "sleeptime", "stopparentprocessfirst", "interactive", "beeponshutdown":
		// Read above, or of no use without WinSW's own process.
	case "download":
		w.lost(a, "download", e.attr("from")+" to "+e.attr("to"), "Holdfast fetches nothing before a start",
			`let an app with port: none and restart: {policy: on_failure} fetch it (curl -fo FILE URL), and name it in depends_on`)
		if e.attr("password") != "" {
			w.look(a, "download", "password", "it is a secret that stays in the old file only", "change it when the old file is not needed any more")
		}
	case "prestart", "poststart", "prestop", "poststop":
		what := strings.TrimSpace(e.value("executable") + " " + e.value("arguments"))
		do := "make it an app of its own with port: none and restart: {policy: on_failure}, and name it in depends_on"
		if name != "prestart" {
			do = "let the program do it itself, or run it from outside with the events of Holdfast (holdfast events -f)"
		}
		w.lost(a, e.name, what, "Holdfast runs no programs around a start or a stop", do)
	case "serviceaccount":
		user := e.value("username")
		if user == "" {
			user = strings.Trim(e.value("domain")+`\`+e.value("user"), `\`)
		}
		w.account(a, "serviceaccount", user)
	case "priority":
		if v := strings.ToLower(e.trimmed()); v != "normal" {
			w.priority(a, "priority", v)
		}
	case "extensions":
		for _, x := range e.children {
			id := x.attr("id")
			if strings.Contains(strings.ToLower(x.attr("classname")), "runawayprocesskiller") {
				continue // Holdfast always ends the whole tree
			}
			w.lost(a, "extensions/"+x.name, strings.TrimSpace(id+" "+x.attr("className")), "extensions are programs of WinSW", "do by hand what it did")
		}
	case "shareddirectorymapping":
		w.lost(a, e.name, "", "Holdfast maps no network drives", `write the path of the share itself (\\server\share)`)
	case "preshutdown", "preshutdowntimeout", "autorefresh", "securitydescriptor", "securtitydescriptor", "updateauto":
		w.lost(a, e.name, e.trimmed(), "it is of the Windows service, and there is one for all apps now: Holdfast's", "nothing, or set it for Holdfast's service")
	default:
		w.lost(a, e.name, e.trimmed(), "Holdfast does not know it", "see what it did in WinSW's documentation")
	}
}

// account notes the account that a Windows service ran as.
func (r *reader) account(a *app, place, user string) {
	switch strings.ToLower(user) {
	case "", "localsystem", `nt authority\system`, `.\localsystem`:
		return
	}
	r.lost(a, place, user, "all apps run as the account of Holdfast's service",
		"give Holdfast's account the rights that this program needs, or set the account of Holdfast's service to it")
}

func (r *reader) priority(a *app, place, what string) {
	r.lost(a, place, what, "Holdfast sets no priorities", "write limits: {cpu: 0.5} to keep a program from taking all, or let the program lower its own priority")
}

// winswSpan reads 10, 10 sec, 5min, 1 hour, 2 days and PT10S-like forms do not occur.
func winswSpan(s string) time.Duration {
	s = strings.ToLower(strings.TrimSpace(s))
	digits := strings.TrimRight(s, " abcdefghijklmnopqrstuvwxyz")
	unit, ok := map[string]time.Duration{
		"": time.Millisecond, "ms": time.Millisecond, "sec": time.Second, "secs": time.Second, "min": time.Minute, "mins": time.Minute,
		"hr": time.Hour, "hrs": time.Hour, "hour": time.Hour, "hours": time.Hour, "day": 24 * time.Hour, "days": 24 * time.Hour,
	}[strings.TrimSpace(s[len(digits):])]
	if !ok {
		return 0
	}
	return seconds(digits, unit)
}
