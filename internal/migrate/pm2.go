package migrate

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// pm2 is one entry of apps, of pm2 jlist or of dump.pm2.
type pm2 struct {
	*reader
	app   *app
	place string
	entry map[string]any
	used  map[string]bool
	dump  bool // of a running PM2, which says everything in words of its own
}

func readPM2(r *reader, file File) error {
	v, err := pm2Value(file)
	if err != nil {
		return err
	}
	if code, ok := v.(notLiteral); ok {
		return fmt.Errorf("it exports %s, which only running it would tell; write out what it gives: pm2 jlist > FILE.json, and import that", shown(code.source))
	}
	var list []any
	dump := false
	switch v := v.(type) {
	case []any:
		list, dump = v, len(v) > 0 && isDump(v[0])
	case map[string]any:
		apps, ok := v["apps"]
		if !ok {
			apps = []any{v}
		}
		list, ok = apps.([]any)
		if one, isOne := apps.(map[string]any); isOne {
			list, ok = []any{one}, true
		}
		if code, is := apps.(notLiteral); is {
			return fmt.Errorf("apps is %s, which only running it would tell; write out what it gives: pm2 jlist > FILE.json, and import that", shown(code.source))
		}
		if !ok {
			return errors.New("apps is no list")
		}
		if _, ok := v["deploy"]; ok {
			r.lost(nil, "deploy", "", "Holdfast does not copy programs to machines", "go on with what deploys now, or with a script that ends with: holdfast restart NAME")
		}
	default:
		return errors.New("it has no apps")
	}
	if dump {
		list = merged(list)
	}
	for i, one := range list {
		entry, ok := one.(map[string]any)
		place := fmt.Sprintf("apps[%d]", i)
		if !ok {
			r.lost(nil, place, asSource(one), "only running the file would tell what it is", "write it out: pm2 jlist > FILE.json")
			continue
		}
		p := &pm2{reader: r, place: place, entry: entry, used: map[string]bool{}, dump: dump}
		if err := p.read(file); err != nil {
			return err
		}
	}
	return nil
}

// get is the first of several spellings that is there.
func (p *pm2) get(names ...string) any {
	var found any
	for _, name := range names {
		p.used[name] = true
		v, ok := p.entry[name]
		if !ok || v == nil || found != nil {
			continue
		}
		if code, is := v.(notLiteral); is {
			p.lost(p.app, p.place+"."+name, code.source, "only running the file would tell what it is", "write the value")
			continue
		}
		found = v
	}
	return found
}

func (p *pm2) text(names ...string) string {
	s, _ := asText(p.get(names...))
	return s
}

func (p *pm2) number(names ...string) (float64, bool) {
	switch v := p.get(names...).(type) {
	case float64:
		return v, v > -1e9 && v < 1e9
	case string:
		f, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
		if err != nil && v != "" {
			p.lost(p.app, p.place+"."+names[0], v, "it is not a number that can be read here", "write the number")
		}
		return f, err == nil && f > -1e9 && f < 1e9
	default:
		return 0, false
	}
}

// millis reads 3000, "3s", "1h".
func (p *pm2) millis(names ...string) time.Duration {
	v := p.get(names...)
	text, _ := asText(v)
	text = strings.TrimSpace(text)
	for suffix, unit := range map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour} {
		if digits, ok := strings.CutSuffix(text, suffix); ok {
			return seconds(digits, unit)
		}
	}
	return seconds(text, time.Millisecond)
}

// strings reads a list, or a text that is split at spaces outside of quotation marks.
func (p *pm2) strings(names ...string) []string {
	switch v := p.get(names...).(type) {
	case string:
		return splitQuoted(v)
	case []any:
		var all []string
		for i, item := range v {
			if text, ok := asText(item); ok {
				all = append(all, text)
			} else if item != nil {
				p.lost(p.app, fmt.Sprintf("%s.%s[%d]", p.place, names[0], i), asSource(item), "only running the file would tell what it is", "write the value")
			}
		}
		return all
	case nil:
		return nil
	default:
		text, _ := asText(v)
		return []string{text}
	}
}

// splitQuoted splits at spaces; quotation marks group, backslashes are themselves.
func splitQuoted(s string) []string {
	var all []string
	var b strings.Builder
	var in rune
	some := false
	for _, c := range s {
		switch {
		case in != 0 && c == in:
			in = 0
		case in == 0 && (c == '"' || c == '\''):
			in, some = c, true
		case in == 0 && (c == ' ' || c == '\t' || c == '\n' || c == '\r'):
			if some {
				all = append(all, b.String())
				b.Reset()
				some = false
			}
		default:
			b.WriteRune(c)
			some = true
		}
	}
	if some {
		all = append(all, b.String())
	}
	return all
}

func (p *pm2) read(file File) error {
	program := p.text("script", "pm_exec_path", "exec", "cmd")
	name := p.text("name")
	if name == "" {
		name = strings.TrimSuffix(path.Base(strings.ReplaceAll(program, `\`, "/")), path.Ext(program))
	}
	var err error
	if p.app, err = p.add(name, fmt.Sprintf("PM2 app %q", name)); err != nil {
		return err
	}
	a := p.app
	a.directory = p.text("cwd", "pm_cwd")
	a.windows = winAbs(program) || winAbs(a.directory) || winAbs(file.Folder)
	switch {
	case a.directory == "":
		a.directory = file.Folder
	case a.windows:
		a.directory = winJoin(file.Folder, a.directory)
	case !path.IsAbs(a.directory) && file.Folder != "" && plain(a.directory):
		a.directory = path.Join(file.Folder, a.directory)
	}
	p.command(program)
	p.environment()
	p.counts()
	p.restarts()
	p.stops()
	p.limits()
	p.rest()
	return nil
}

// command puts the interpreter, its arguments, the script and its arguments into one list.
func (p *pm2) command(program string) {
	a := p.app
	if program == "" {
		p.lost(a, p.place+".script", "", "there is no script", "write the command")
		a.command = []string{"false"}
	}
	args := p.strings("args")
	var front []string
	if strings.Contains(program, " ") && len(args) == 0 && !p.dump {
		switch {
		case strings.ContainsAny(program, "|&;<>()$`*"):
			front, args, program = []string{"bash"}, []string{program}, "-c"
		default:
			parts := splitQuoted(program)
			program, args = parts[0], parts[1:]
		}
	}
	interpreter := p.text("exec_interpreter", "interpreter", "script_interpreter")
	if front == nil && interpreter == "" {
		interpreter = interpreterOf(program)
	}
	if interpreter != "" && interpreter != "none" && front == nil {
		front = append([]string{interpreter}, p.strings("interpreter_args", "node_args", "interpreterArgs")...)
	} else {
		p.get("interpreter_args", "node_args", "interpreterArgs")
	}
	if len(front) == 0 && strings.ContainsAny(program, `/\`) {
		if a.windows {
			program = winJoin(a.directory, strings.ReplaceAll(program, "/", `\`))
		} else if !path.IsAbs(program) && plain(program) && a.directory != "" {
			program = path.Join(a.directory, program)
		}
	}
	if program != "" {
		a.command = append(append(front, program), args...)
	}
}

// interpreterOf is what PM2 runs a script with, empty for programs.
func interpreterOf(script string) string {
	switch strings.ToLower(path.Ext(script)) {
	case ".js", ".cjs", ".mjs":
		return "node"
	case ".ts", ".tsx":
		return "bun"
	case ".py":
		return "python3"
	case ".rb":
		return "ruby"
	case ".php":
		return "php"
	case ".pl":
		return "perl"
	case ".sh":
		return "bash"
	case ".ps1":
		return "powershell"
	default:
		return ""
	}
}

// environment takes env and, when asked for, env_NAME over it.
func (p *pm2) environment() {
	a := p.app
	p.variables("env")
	var others []string
	for _, key := range slices.Sorted(maps.Keys(p.entry)) {
		name, ok := strings.CutPrefix(key, "env_")
		if !ok {
			continue
		}
		p.used[key] = true
		if name == p.opts.Environment {
			p.variables(key)
		} else if !p.dump {
			others = append(others, name)
		}
	}
	if len(others) > 0 {
		p.lost(a, p.place, "env_"+strings.Join(others, ", env_"), "Holdfast knows one set of variables for an app", "import with --env NAME for one of them, or write what differs into conf.d of that machine")
	}
}

func (p *pm2) variables(key string) {
	env, ok := p.get(key).(map[string]any)
	if !ok {
		return
	}
	var own []string
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if p.dump && ofShell(name, p.entry) {
			own = append(own, name)
			continue
		}
		switch v := env[name].(type) {
		case notLiteral:
			p.lost(p.app, p.place+"."+key+"."+name, v.source, "only running the file would tell what it is", "write the value into env")
		case map[string]any, []any:
			p.lost(p.app, p.place+"."+key+"."+name, asSource(v), "a variable is a text", "write it as text")
		case nil:
		default:
			text, _ := asText(v)
			p.app.setenv(name, text)
		}
	}
	if len(own) > 0 {
		p.look(p.app, p.place+"."+key, strings.Join(own, ", "), "these came from the shell in which PM2 was started, and are left out", "write those that the program needs into env")
	}
}

// ofShell tells what PM2 took over from the shell, and what it adds itself.
func ofShell(name string, entry map[string]any) bool {
	if _, again := entry[name]; again && strings.ToLower(name) == name {
		return true
	}
	switch upper := strings.ToUpper(name); upper {
	case "PATH", "HOME", "USER", "LOGNAME", "SHELL", "PWD", "OLDPWD", "TERM", "LANG", "LANGUAGE", "MAIL", "SHLVL", "_", "HOSTNAME", "DISPLAY", "EDITOR",
		"USERNAME", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "COMPUTERNAME", "COMSPEC", "HOMEDRIVE", "HOMEPATH", "PATHEXT", "SYSTEMROOT", "SYSTEMDRIVE",
		"TEMP", "TMP", "WINDIR", "PROGRAMDATA", "PROGRAMFILES", "PROGRAMFILES(X86)", "PROGRAMW6432", "OS", "PUBLIC", "PSMODULEPATH", "NUMBER_OF_PROCESSORS",
		"NODE_APP_INSTANCE", "PM_ID", "COLORTERM", "LS_COLORS", "LESSOPEN", "LESSCLOSE", "UNIQUE_ID", "WINDOWID":
		return true
	default:
		for _, prefix := range []string{"PM2_", "XDG_", "SSH_", "LC_", "NVM_", "SUDO_", "DBUS_", "PROCESSOR_", "NPM_CONFIG_", "GPG_", "VSCODE_", "AXM_"} {
			if strings.HasPrefix(upper, prefix) {
				return true
			}
		}
		return false
	}
}

func (p *pm2) counts() {
	a := p.app
	mode := p.text("exec_mode")
	p.used["instances"] = true
	cluster := strings.HasPrefix(mode, "cluster")
	v := p.entry["instances"]
	n, ok := 0.0, v == "max"
	if v != nil && !ok {
		n, ok = p.number("instances")
	}
	if ok {
		cluster = cluster || mode == ""
		a.instances = int(n)
		if n <= 0 {
			a.instances = max(p.opts.CPUs+int(n), 1)
			p.look(a, p.place+".instances", asSource(v), fmt.Sprintf("PM2 counts the processors; here it is %d", a.instances), "write another number for another machine")
		}
	}
	if cluster && a.instances > 1 {
		p.look(a, p.place+".exec_mode", "cluster", "PM2's processes share one port, Holdfast's instances have one each, and the gateway shares requests out",
			"let the program listen on process.env.PORT; sessions and caches in memory are per instance, as before")
	}
}

func (p *pm2) restarts() {
	a := p.app
	if v, ok := p.get("autorestart").(bool); ok && !v {
		a.restart.policy = "never"
	}
	if n, ok := p.number("max_restarts"); ok {
		most := int(n)
		a.restart.maxRestarts = &most
	}
	a.restart.resetAfter = p.millis("min_uptime")
	a.restart.backoff = p.millis("restart_delay")
	if d := p.millis("exp_backoff_restart_delay"); d > 0 {
		a.restart.backoff = d
	}
	codes := p.get("stop_exit_codes")
	list, isList := codes.([]any)
	if !isList && codes != nil {
		list = []any{codes}
	}
	for _, c := range list {
		n, ok := c.(float64)
		switch {
		case ok && n == 0:
			a.restart.policy = "on_failure"
		case ok && n > 0 && n < 1<<32:
			a.restart.noRestart = append(a.restart.noRestart, int64(n))
		}
	}
	if v := p.text("cron_restart", "cron"); v != "" && v != "0" {
		p.lost(a, p.place+".cron_restart", v, "Holdfast has no timetable", "let cron or the task scheduler run: holdfast restart NAME")
	}
}

func (p *pm2) stops() {
	a := p.app
	a.stop.grace = p.millis("kill_timeout")
	a.startup = p.millis("listen_timeout")
	if truthOf(p.get("shutdown_with_message")) {
		p.lost(a, p.place+".shutdown_with_message", "true", "Holdfast sends no messages to Node", "let the program end on SIGINT and SIGTERM (on Windows Ctrl-C arrives as SIGINT)")
	} else if !a.windows {
		a.stop.method = "ctrl_c" // PM2 sends SIGINT
	}
	if truthOf(p.get("wait_ready")) {
		p.look(a, p.place+".wait_ready", "true", "Holdfast does not wait for process.send('ready') but until the port accepts connections", "let the program listen when it is ready, or add a readiness_probe with http_get")
	}
}

func truthOf(v any) bool {
	b, ok := v.(bool)
	return ok && b
}

func (p *pm2) limits() {
	v := p.text("max_memory_restart")
	if v == "" {
		return
	}
	n, err := size(v)
	if err != nil {
		p.lost(p.app, p.place+".max_memory_restart", v, "it is no size", "write limits: {memory_recycle: 300MiB}")
		return
	}
	p.app.recycle = n
}

// rest tells everything that is left.
func (p *pm2) rest() {
	a := p.app
	for _, key := range []string{"out_file", "error_file", "log_file", "output", "error", "log", "pm_out_log_path", "pm_err_log_path"} {
		if v := p.text(key); v != "" && v != "NULL" && v != "/dev/null" && !p.dump {
			p.lost(a, p.place+"."+key, v, "Holdfast keeps the output of apps in its own log folder", "holdfast logs NAME shows it; point what reads the old files to the new ones")
		}
	}
	if watch := p.get("watch"); watch != nil && watch != false {
		p.lost(a, p.place+".watch", asSource(watch), "Holdfast does not restart programs when files change", "use the program's own development mode, or end what changes files with: holdfast restart NAME")
	}
	for _, key := range []string{"user", "uid", "gid", "group"} {
		if v := p.text(key); v != "" && !p.dump {
			p.lost(a, p.place+"."+key, v, "all apps run as the account of Holdfast's service", "run Holdfast as that account")
		}
	}
	for _, own := range [][2]string{
		{"increment_var", "let the program read ${instance} from its environment, and port: auto for ports"},
		{"instance_var", `write env: {INSTANCE: "${instance}"}`},
		{"post_update", "run it where the program is deployed"},
		{"filter_env", "nothing, unless a variable more does harm"},
	} {
		if v := p.get(own[0]); v != nil && v != false && !p.dump {
			p.lost(a, p.place+"."+own[0], asSource(v), "it is a thing of PM2's own", own[1])
		}
	}
	if p.dump {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(p.entry)) {
		if p.used[key] {
			continue
		}
		switch key {
		case "ignore_watch", "watch_options", "watch_delay", "log_date_format", "combine_logs", "merge_logs", "pid_file", "pid", "source_map_support",
			"vizion", "force", "treekill", "time", "namespace", "automation", "pmx", "disable_source_map_support", "log_type", "append_env_to_name", "trace", "kill_retry_time", "windowsHide":
			continue
		}
		p.lost(a, p.place+"."+key, asSource(p.entry[key]), "Holdfast does not know it", "see what it did in PM2's documentation")
	}
}
