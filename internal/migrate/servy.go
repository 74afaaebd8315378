package migrate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// servy is one exported service: its properties by name.
type servy struct {
	*reader
	app  *app
	prop map[string]string
	used map[string]bool
}

func readServy(r *reader, file File) error {
	var all []map[string]string
	var err error
	if text := strings.TrimSpace(textOf(file.Data)); strings.HasPrefix(text, "<") {
		all, err = servyXML(file.Data)
	} else {
		all, err = servyJSON(text)
	}
	if err != nil {
		return err
	}
	for _, prop := range all {
		if prop["Name"] == "" || prop["ExecutablePath"] == "" {
			return errors.New("it has no Name and ExecutablePath; is it an export of Servy?")
		}
		s := &servy{reader: r, prop: prop, used: map[string]bool{}}
		if s.app, err = r.add(prop["Name"], fmt.Sprintf("Servy service %q", prop["Name"])); err != nil {
			return err
		}
		s.read()
	}
	return nil
}

// servyXML reads <ServiceDto>, or a list of them.
func servyXML(data []byte) ([]map[string]string, error) {
	root, err := readXML(data)
	if err != nil {
		return nil, err
	}
	services := []*element{root}
	if root.child("ServiceDto") != nil {
		services = root.all("ServiceDto")
	}
	var all []map[string]string
	for _, e := range services {
		prop := map[string]string{}
		for _, c := range e.children {
			if c.attr("nil") != "true" {
				prop[c.name] = c.trimmed()
			}
		}
		all = append(all, prop)
	}
	return all, nil
}

func servyJSON(text string) ([]map[string]string, error) {
	var list []map[string]any
	if strings.HasPrefix(text, "{") {
		text = "[" + text + "]"
	}
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	if err := d.Decode(&list); err != nil {
		return nil, fmt.Errorf("it is not JSON with the properties of services: %s", shown(err.Error()))
	}
	var all []map[string]string
	for _, one := range list {
		prop := map[string]string{}
		for name, v := range one {
			switch v := v.(type) {
			case string:
				prop[name] = unmarked(v)
			case json.Number:
				prop[name] = v.String()
			case bool:
				prop[name] = strconv.FormatBool(v)
			}
		}
		all = append(all, prop)
	}
	return all, nil
}

// get is a property; what was never got is told at the end.
func (s *servy) get(name string) string {
	s.used[name] = true
	return s.prop[name]
}

func (s *servy) read() {
	a := s.app
	s.ignore("Name", "DisplayName", "Description", "Id", "Pid", "EnableDebugLogs", "EnableConsoleUI", "PreviousStopTimeout",
		"ActiveStdoutPath", "ActiveStderrPath", "RunAsLocalSystem", "UseLocalTimeForRotation")
	s.environment()
	a.command = append([]string{s.expand(s.get("ExecutablePath"))}, argv(s.expand(s.get("Parameters")))...)
	a.directory = s.expand(s.get("StartupDirectory"))
	if a.directory == "" {
		a.directory = winDir(a.command[0])
	}
	switch s.get("StartupType") {
	case "3", "Manual":
		a.manual = true
	case "4", "Disabled":
		a.manual = true
		s.look(a, "StartupType", "disabled", "it is not started with Holdfast, but anybody may start it by hand", "leave it out of the configuration if it is not needed")
	case "5", "AutomaticDelayedStart":
		s.lost(a, "StartupType", "automatic, delayed", "apps start with Holdfast", "sc config Holdfast start= delayed-auto delays Holdfast with all its apps")
	}
	a.startup = seconds(s.get("StartTimeout"), time.Second)
	a.stop.grace = seconds(s.get("StopTimeout"), time.Second)
	s.recovery()
	s.logs()
	s.hooks()
	for _, name := range splitServy(s.get("ServiceDependencies")) {
		a.needs = append(a.needs, needed{"ServiceDependencies", name})
	}
	if p, ok := map[string]string{"0": "idle", "1": "below normal", "3": "above normal", "4": "high", "5": "real time"}[s.get("Priority")]; ok {
		s.priority(a, "Priority", p)
	}
	if v := s.get("CpuAffinity"); v != "" {
		s.affinity(a, "CpuAffinity", v)
	}
	s.account(a, "UserAccount", s.get("UserAccount"))
	if s.get("Password") != "" {
		s.look(a, "Password", "a password", "it is a secret that stays in the old file only", "delete the old file when it is not needed any more")
	}
	for _, name := range slices.Sorted(maps.Keys(s.prop)) {
		if !s.used[name] && s.prop[name] != "" {
			s.lost(a, name, s.prop[name], "Holdfast does not know it", "see what it did in Servy's documentation")
		}
	}
}

func (s *servy) ignore(names ...string) {
	for _, name := range names {
		s.used[name] = true
	}
}

// expand replaces %NAME% by the service's own variable, else by the machine's.
func (s *servy) expand(text string) string {
	return expandPercent(text, s.app.getenv)
}

func (s *servy) environment() {
	for _, one := range splitServy(s.get("EnvironmentVariables")) {
		name, value, ok := strings.Cut(one, "=")
		if !ok {
			s.lost(s.app, "EnvironmentVariables", name, "it is not NAME=VALUE", "write it into env")
			continue
		}
		s.app.setenv(strings.TrimSpace(name), s.expand(strings.TrimSpace(value)))
	}
}

// splitServy splits at semicolons and line ends; a backslash before ;, = or itself takes it as it is.
func splitServy(text string) []string {
	var all []string
	var b strings.Builder
	end := func() {
		if s := strings.TrimSpace(b.String()); s != "" {
			all = append(all, s)
		}
		b.Reset()
	}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text) && strings.IndexByte(`;="`, text[i+1]) >= 0:
			i++
			b.WriteByte(text[i])
		case c == ';' || c == '\n' || c == '\r':
			end()
		default:
			b.WriteByte(c)
		}
	}
	end()
	return all
}

func (s *servy) recovery() {
	a := s.app
	watched := truth(s.get("EnableHealthMonitoring"))
	action, clean := s.get("RecoveryAction"), truth(s.get("RecoveryOnCleanExit"))
	attempts := s.get("MaxRestartAttempts")
	s.ignore("HeartbeatInterval", "MaxFailedChecks")
	a.restart.policy = "on_failure"
	if clean {
		a.restart.policy = "always"
	}
	switch {
	case !watched || action == "" || action == "0" || action == "None":
		a.restart.policy = "never"
		s.look(a, "RecoveryAction", "none", "Servy leaves a program that ended down, and so does restart: {policy: never}",
			"remove that line to let Holdfast keep it alive")
	case action == "3" || action == "RestartComputer":
		s.lost(a, "RecoveryAction", "restart the computer", "Holdfast never restarts the machine, it starts the program again",
			"write on_failure: {command: [...]} for a program to run when the app fails for good")
	default:
		if n, err := strconv.Atoi(attempts); err == nil {
			a.restart.maxRestarts = &n
		}
	}
	if program := s.get("FailureProgramPath"); program != "" {
		a.onFailure = append([]string{s.expand(program)}, argv(s.expand(s.get("FailureProgramParameters")))...)
		if dir := s.get("FailureProgramStartupDirectory"); dir != "" && !strings.EqualFold(strings.TrimRight(dir, `\`), strings.TrimRight(a.directory, `\`)) {
			s.lost(a, "FailureProgramStartupDirectory", dir, "on_failure runs in the app's own directory", "write whole paths into its arguments")
		}
	}
	s.ignore("FailureProgramParameters", "FailureProgramStartupDirectory", "HeartbeatUrlTimeoutSeconds", "EnableHeartbeatUrlFlags")
	if u := s.get("HeartbeatUrl"); u != "" {
		s.lost(a, "HeartbeatUrl", "a URL of "+hostOf(u), "Holdfast reports to nobody by itself", "let what watches your services read /metrics or the API of Holdfast")
	}
}

func (s *servy) logs() {
	a := s.app
	for _, name := range []string{"StdoutPath", "StderrPath"} {
		if path := s.get(name); path != "" {
			s.lost(a, name, path, "Holdfast keeps the output of apps in its own log folder", "holdfast logs NAME shows it; point what reads the old files to the new ones")
		}
	}
	n, err := strconv.ParseInt(s.get("RotationSize"), 10, 64)
	s.ignore("DateRotationType")
	if err == nil && n > 0 && (truth(s.get("EnableRotation")) || truth(s.get("EnableSizeRotation"))) {
		a.maxSize = n
		if n < 1<<20 {
			a.maxSize = n << 20 // in MB; older versions wrote bytes, and never fewer than 1 MB
		}
	}
	if most, err := strconv.Atoi(s.get("MaxRotations")); err == nil && most > 0 {
		a.maxFiles = &most
	}
	if truth(s.get("EnableDateRotation")) {
		s.lost(a, "EnableDateRotation", "true", "Holdfast rotates by size only", "nothing, or change output.file.max_size")
	}
}

func (s *servy) hooks() {
	for _, hook := range []string{"PreLaunch", "PostLaunch", "PreStop", "PostStop"} {
		program := s.get(hook + "ExecutablePath")
		arguments := s.get(hook + "Parameters")
		s.ignore(hook+"StartupDirectory", hook+"EnvironmentVariables", hook+"StdoutPath", hook+"StderrPath", hook+"TimeoutSeconds",
			hook+"RetryAttempts", hook+"IgnoreFailure", hook+"LogAsError")
		if program == "" {
			continue
		}
		do := "let the program do it itself, or run it from outside with the events of Holdfast (holdfast events -f)"
		if hook == "PreLaunch" {
			do = "make it an app of its own with port: none and restart: {policy: on_failure}, and name it in depends_on"
		}
		s.lost(s.app, hook+"ExecutablePath", strings.TrimSpace(program+" "+arguments), "Holdfast runs no programs around a start or a stop", do)
	}
}

func (r *reader) affinity(a *app, place, what string) {
	r.lost(a, place, what, "Holdfast ties no program to processors", "write limits: {cpu: N} to bound how much it may use")
}
