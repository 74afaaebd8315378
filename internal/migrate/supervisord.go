package migrate

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/ini.v1"
)

// supervisord reads one file of it, and the files that it includes.
type supervisord struct {
	*reader
	common []variable // of [supervisord] environment
	files  int
}

func readSupervisord(r *reader, file File) error {
	s := &supervisord{reader: r}
	return s.read(file, 0)
}

func (s *supervisord) read(file File, depth int) error {
	if s.files++; s.files > maxFiles {
		return errTooMany("included files", maxFiles)
	}
	s.file = file
	if len(file.Data) > Supervisord.maxFile() {
		return errors.New("the file is larger than 1 MiB; is it the right one?")
	}
	// Python's ConfigParser: values go on in indented lines, comments need a space before their ;.
	f, err := ini.LoadSources(ini.LoadOptions{
		AllowPythonMultilineValues: true, SpaceBeforeInlineComment: true, PreserveSurroundedQuote: true, IgnoreContinuation: true,
		AllowBooleanKeys: true, SkipUnrecognizableLines: true, Insensitive: false, KeyValueDelimiters: "=:",
	}, []byte(strings.ReplaceAll(textOf(file.Data), "`", "\x02")))
	if err != nil {
		return fmt.Errorf("it is not an INI file: %s", shown(err.Error()))
	}
	if f.HasSection("supervisord") {
		s.daemon(f.Section("supervisord"))
	}
	for _, section := range f.Sections() {
		kind, name, _ := strings.Cut(section.Name(), ":")
		kind, name = strings.TrimSpace(kind), strings.TrimSpace(name)
		switch {
		case kind == "program" && name != "":
			err = s.programs(section, name)
		case kind == "include":
			err = s.include(section, file, depth)
		default:
			s.section(kind, name, section)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// raw is a value as it stands.
func raw(section *ini.Section, key string) string {
	if !section.HasKey(key) {
		return ""
	}
	return strings.TrimSpace(strings.ReplaceAll(section.Key(key).Value(), "\x02", "`"))
}

func (s *supervisord) include(section *ini.Section, file File, depth int) error {
	for pattern := range strings.FieldsSeq(raw(section, "files")) {
		if s.opts.Include == nil || depth > 0 {
			s.lost(nil, "[include] files", pattern, "these files were not read", "import them too: holdfast import supervisord FILE...")
			continue
		}
		files, err := s.opts.Include(file.Folder, strings.ReplaceAll(pattern, "%(here)s", file.Folder))
		if err != nil {
			return fmt.Errorf("[include] %s: %w", shown(pattern), err)
		}
		for _, included := range files {
			s.Files = append(s.Files, shown(included.Name))
			if err := s.read(included, depth+1); err != nil {
				return fmt.Errorf("%s: %w", included.Name, err)
			}
		}
		s.file = file
	}
	return nil
}

// daemon is [supervisord]: only its environment concerns programs.
func (s *supervisord) daemon(section *ini.Section) {
	e := &expansion{s: s, here: s.file.Folder}
	s.common, _ = s.environment(e.expand(raw(section, "environment")))
	for _, key := range []string{"user", "umask", "minfds", "minprocs"} {
		if v := raw(section, key); v != "" {
			s.lost(nil, "[supervisord] "+key, v, "it is of supervisord's own process", "set it for Holdfast's service if it matters (systemd: User=, UMask=, LimitNOFILE=)")
		}
	}
}

// section tells what is no program.
func (s *supervisord) section(kind, name string, section *ini.Section) {
	place := "[" + section.Name() + "]"
	switch kind {
	case "DEFAULT", "supervisord", "unix_http_server", "supervisorctl", "rpcinterface":
	case "inet_http_server":
		s.lost(nil, place, raw(section, "port"), "Holdfast has a management API of its own", "see management.address; it listens on the loopback address only")
	case "group":
		s.lost(nil, place, raw(section, "programs"), "Holdfast has no groups", "name the apps one after the other: holdfast restart A B; depends_on gives an order")
	case "fcgi-program":
		s.lost(nil, place, raw(section, "command"), "Holdfast speaks HTTP to its apps, not FastCGI", "let the program serve HTTP (php -S, FrankenPHP, a small nginx before it), then: holdfast add "+Name(name)+" -- COMMAND")
	case "eventlistener":
		s.lost(nil, place, raw(section, "command"), "Holdfast does not speak supervisord's event protocol", "use holdfast events -f -o json, the API's event stream, or on_failure")
	default:
		s.lost(nil, place, "", "Holdfast does not know it", "see what it did in supervisord's documentation")
	}
}

// programs makes one app of a section, or several when their commands differ by more than the port.
func (s *supervisord) programs(section *ini.Section, name string) error {
	count, err := strconv.Atoi(raw(section, "numprocs"))
	if err != nil || count < 1 {
		count = 1
	}
	if count > maxApps {
		return errTooMany("processes", maxApps)
	}
	start, _ := strconv.Atoi(raw(section, "numprocs_start"))
	if count == 1 || !strings.Contains(raw(section, "command")+raw(section, "environment")+raw(section, "directory"), "%(process_num)") {
		return s.program(section, name, name, start, count)
	}
	if s.onlyPort(section, name, start, count) {
		return s.program(section, name, name, start, count)
	}
	for n := start; n < start+count; n++ {
		if err := s.program(section, name, fmt.Sprintf("%s-%d", name, n), n, 1); err != nil {
			return err
		}
	}
	return nil
}

// onlyPort reports whether processes 0, 1, ... differ by ports that follow each other.
func (s *supervisord) onlyPort(section *ini.Section, name string, start, count int) bool {
	var first app
	for i := range count {
		a := app{instances: 1}
		e := &expansion{s: s, here: s.file.Folder, program: name, number: start + i}
		a.command, _ = words(e.expand(raw(section, "command")))
		a.env, _ = s.environment(e.expand(raw(section, "environment")))
		a.directory = e.expand(raw(section, "directory"))
		if a.port.number, _ = a.injectedPort(); a.port.number == 0 {
			a.port.number, _ = a.otherPort()
		}
		if n, _ := a.argumentPort(a.port.number); a.port.number == 0 {
			a.port.number = n
		}
		switch {
		case a.port.number == 0:
			return false
		case i == 0:
			first = a
		case a.port.number != first.port.number+i, !slices.Equal(a.command, first.command), !slices.Equal(a.env, first.env), a.directory != first.directory:
			return false
		}
	}
	return true
}

// program is one app.
func (s *supervisord) program(section *ini.Section, program, title string, number, instances int) error {
	a, err := s.add(title, fmt.Sprintf("supervisord [program:%s]", program))
	if err != nil {
		return err
	}
	place := "[program:" + program + "] "
	e := &expansion{s: s, app: a, place: place, here: s.file.Folder, program: program, number: number}
	line := e.expand(raw(section, "command"))
	if a.command, err = words(line); err != nil || len(a.command) == 0 {
		s.lost(a, place+"command", line, "it cannot be split into arguments", "write the command by hand")
		a.command = []string{"false"}
	}
	a.instances = instances
	a.env = slices.Clone(s.common)
	own, bad := s.environment(e.expand(raw(section, "environment")))
	for _, v := range own {
		a.setenv(v.name, v.value.Reveal())
	}
	if bad != "" {
		s.lost(a, place+"environment", bad, "it is not NAME=\"VALUE\"", "write it into env")
	}
	a.directory = e.expand(raw(section, "directory"))
	s.restarts(a, section, place)
	s.stops(a, section, place)
	s.output(a, section, place)
	s.left(a, section, place)
	return nil
}

func (s *supervisord) restarts(a *app, section *ini.Section, place string) {
	if v := raw(section, "autostart"); v != "" && !truth(v) {
		a.manual = true
	}
	switch v := strings.ToLower(raw(section, "autorestart")); v {
	case "", "unexpected":
		a.restart.policy = "on_failure"
		for code := range strings.SplitSeq(raw(section, "exitcodes"), ",") {
			if n, err := strconv.ParseInt(strings.TrimSpace(code), 10, 64); err == nil && n != 0 {
				a.restart.noRestart = append(a.restart.noRestart, n)
			}
		}
	default:
		if !truth(v) {
			a.restart.policy = "never"
		}
	}
	a.restart.resetAfter = seconds(raw(section, "startsecs"), time.Second)
	if n, err := strconv.Atoi(raw(section, "startretries")); err == nil {
		a.restart.maxRestarts = &n
		if n == 0 {
			a.restart.maxRestarts = nil
			s.lost(a, place+"startretries", "0", "for Holdfast 0 means to try for ever", "write restart: {policy: never} to try once")
		}
	}
}

func (s *supervisord) stops(a *app, section *ini.Section, place string) {
	a.stop.grace = seconds(raw(section, "stopwaitsecs"), time.Second)
	switch signal := strings.TrimPrefix(strings.ToUpper(raw(section, "stopsignal")), "SIG"); signal {
	case "", "TERM":
	case "INT":
		a.stop.method = "ctrl_c"
	default:
		s.lost(a, place+"stopsignal", signal, "Holdfast sends SIGTERM (sigterm) or SIGINT (ctrl_c)", "see whether SIGTERM ends it cleanly: it is what is sent now")
	}
}

func (s *supervisord) output(a *app, section *ini.Section, place string) {
	for _, stream := range []string{"stdout", "stderr"} {
		switch v := raw(section, stream+"_logfile"); {
		case v == "", strings.EqualFold(v, "AUTO"), strings.EqualFold(v, "NONE"), strings.HasPrefix(v, "/dev/"):
		default:
			s.lost(a, place+stream+"_logfile", v, "Holdfast keeps the output of apps in its own log folder", "holdfast logs NAME shows it; point what reads the old files to the new ones")
		}
		if v := raw(section, stream+"_logfile_maxbytes"); v != "" {
			if n, err := size(v); err == nil && n > a.maxSize {
				a.maxSize = n
			} else if err == nil && n == 0 {
				s.lost(a, place+stream+"_logfile_maxbytes", v, "Holdfast always bounds its log files", "nothing, or raise output.file.max_size")
			}
		}
		if n, err := strconv.Atoi(raw(section, stream+"_logfile_backups")); err == nil && (a.maxFiles == nil || *a.maxFiles < n) {
			a.maxFiles = &n
		}
		if truth(raw(section, stream+"_syslog")) {
			s.lost(a, place+stream+"_syslog", "true", "Holdfast writes no syslog", "let a log shipper read Holdfast's log files")
		}
		for _, key := range []string{"_events_enabled", "_capture_maxbytes"} {
			if v := raw(section, stream+key); v != "" && v != "0" && !strings.EqualFold(v, "false") {
				s.lost(a, place+stream+key, v, "it is of supervisord's event protocol", "read the lines with holdfast logs -f or the API")
			}
		}
	}
}

// left tells the remaining keys.
func (s *supervisord) left(a *app, section *ini.Section, place string) {
	for _, key := range section.KeyStrings() {
		v := raw(section, key)
		switch key {
		case "command", "process_name", "numprocs", "numprocs_start", "directory", "environment", "autostart", "autorestart", "exitcodes",
			"startsecs", "startretries", "stopwaitsecs", "stopsignal", "stopasgroup", "killasgroup", "redirect_stderr",
			"stdout_logfile", "stdout_logfile_maxbytes", "stdout_logfile_backups", "stdout_capture_maxbytes", "stdout_events_enabled", "stdout_syslog",
			"stderr_logfile", "stderr_logfile_maxbytes", "stderr_logfile_backups", "stderr_capture_maxbytes", "stderr_events_enabled", "stderr_syslog":
		case "user":
			s.lost(a, place+key, v, "all apps run as the account of Holdfast's service", "run Holdfast as that account, or begin the command with: setpriv --reuid="+v+" --init-groups")
		case "priority":
			if v != "999" {
				s.lost(a, place+key, v, "apps start at the same time", "name what has to run before it in depends_on")
			}
		case "umask":
			s.lost(a, place+key, v, "apps have the file mask of Holdfast", "set UMask= in Holdfast's unit, or let the program set it")
		case "serverurl":
			s.lost(a, place+key, v, "there is no supervisord to talk to", "use the API of Holdfast")
		default:
			s.lost(a, place+key, v, "Holdfast does not know it", "see what it did in supervisord's documentation")
		}
	}
}

// environment splits KEY="val",KEY2='val 2'. bad is the first piece that is none.
func (s *supervisord) environment(text string) (all []variable, bad string) {
	scratch := &app{}
	rest := text
	for {
		rest = strings.TrimLeft(rest, ", \t\r\n")
		if rest == "" {
			return scratch.env, bad
		}
		name, after, ok := strings.Cut(rest, "=")
		if !ok {
			return scratch.env, rest
		}
		value := strings.TrimLeft(after, " \t")
		switch {
		case value != "" && (value[0] == '"' || value[0] == '\''):
			end := closing(value)
			if end < 0 {
				return scratch.env, strings.TrimSpace(name)
			}
			rest, value = value[end+1:], unescaped(value[1:end], value[0])
		default:
			value, rest, _ = strings.Cut(value, ",")
			value = strings.TrimSpace(value)
		}
		scratch.setenv(strings.TrimSpace(name), value)
	}
}

// closing is where the quotation mark at the beginning of s is closed.
func closing(s string) int {
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && s[0] == '"':
			i++
		case s[i] == s[0]:
			return i
		}
	}
	return -1
}

// unescaped takes backslashes of double quotes away.
func unescaped(s string, quote byte) string {
	if quote == '\'' {
		return s
	}
	return strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(s)
}

// expansion replaces %(name)s and %(name)02d as Python does.
type expansion struct {
	s             *supervisord
	app           *app
	place         string
	here, program string
	number        int
}

func (e *expansion) expand(text string) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(text, "%")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		switch {
		case strings.HasPrefix(rest, "%"):
			b.WriteByte('%')
			text = rest[1:]
			continue
		case strings.HasPrefix(rest, "("):
			if name, after, ok := strings.Cut(rest[1:], ")"); ok {
				i := strings.IndexAny(after, "sdi")
				if i >= 0 && strings.Trim(after[:i], "0123456789-") == "" && i <= 4 {
					b.WriteString(e.value(name, after[:i], after[i]))
					text = after[i+1:]
					continue
				}
			}
		}
		b.WriteByte('%')
		text = rest
		if b.Len() > maxText {
			return b.String()[:maxText]
		}
	}
}

func (e *expansion) value(name, width string, verb byte) string {
	if variable, ok := strings.CutPrefix(name, "ENV_"); ok {
		return fromEnv(variable)
	}
	known := map[string]string{
		"here": e.here, "program_name": e.program, "group_name": e.program, "host_node_name": fromEnv("HOSTNAME"),
	}
	switch {
	case name == "process_num" || name == "numprocs":
		n := e.number
		if verb == 's' {
			return strconv.Itoa(n)
		}
		w, _ := strconv.Atoi(width)
		if strings.HasPrefix(width, "0") {
			return fmt.Sprintf("%0*d", min(w, 20), n)
		}
		return fmt.Sprintf("%*d", max(min(w, 20), -20), n)
	case slices.Contains(slices.Collect(maps.Keys(known)), name):
		return known[name]
	}
	if e.app != nil {
		e.s.lost(e.app, e.place, "%("+name+")"+string(verb), "Holdfast does not know this value", "write it out")
	}
	return "%(" + name + ")" + string(verb)
}
