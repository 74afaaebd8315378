package migrate

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// nssm is one service: its key, and the keys below its Parameters by lower-case path.
type nssm struct {
	*reader
	app     *app
	service *regKey
	keys    map[string]*regKey
	used    map[string]bool // values of Parameters that were read
}

// readNSSM reads the services below HKLM\SYSTEM\...\Services of a registry export that NSSM runs.
func readNSSM(r *reader, file File) error {
	keys, err := readReg(file.Data)
	if err != nil {
		return err
	}
	var order []string
	services := map[string]*nssm{}
	for _, k := range keys {
		name, below, ok := serviceKey(k.path)
		if !ok {
			continue
		}
		id := strings.ToLower(name)
		s := services[id]
		if s == nil {
			s = &nssm{reader: r, service: &regKey{path: name}, keys: map[string]*regKey{}, used: map[string]bool{}}
			services[id] = s
			order = append(order, id)
		}
		if below == "" {
			s.service = &regKey{path: name, values: k.values, order: k.order}
		} else {
			s.keys[strings.ToLower(below)] = k
		}
	}
	if len(order) == 0 {
		return errors.New(`there is no service in it: export HKLM\SYSTEM\CurrentControlSet\Services\NAME`)
	}
	for _, id := range order {
		s := services[id]
		parameters := s.keys["parameters"]
		if parameters == nil || parameters.values["application"].text == "" {
			s.lost(nil, s.service.path, s.service.values["imagepath"].String(), "it is not a service of NSSM: its Parameters have no Application", "nothing; or add it by hand: holdfast add NAME -- COMMAND")
			continue
		}
		if s.app, err = r.add(s.service.path, fmt.Sprintf("NSSM service %q", s.service.path)); err != nil {
			return err
		}
		s.read(parameters)
	}
	return nil
}

// serviceKey splits HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\NAME\Parameters.
func serviceKey(path string) (name, below string, ok bool) {
	parts := strings.Split(path, `\`)
	if len(parts) < 5 || !strings.EqualFold(parts[0], "HKEY_LOCAL_MACHINE") && !strings.EqualFold(parts[0], "HKLM") ||
		!strings.EqualFold(parts[1], "SYSTEM") || !strings.Contains(strings.ToLower(parts[2]), "controlset") || !strings.EqualFold(parts[3], "Services") {
		return "", "", false
	}
	return parts[4], strings.Join(parts[5:], `\`), true
}

// take is a value of Parameters; what was never taken is told at the end.
func (s *nssm) take(name string) (regValue, bool) {
	s.used[strings.ToLower(name)] = true
	v, ok := s.keys["parameters"].values[strings.ToLower(name)]
	return v, ok
}

func (s *nssm) text(name string) string {
	v, _ := s.take(name)
	return s.expand(v)
}

// expand replaces %NAME% where the registry says so.
func (s *nssm) expand(v regValue) string {
	if v.kind == regExpand {
		return expandPercent(v.text, nobody)
	}
	return v.text
}

func (s *nssm) place(name string) string { return s.service.path + `\Parameters\` + name }

func (s *nssm) read(parameters *regKey) {
	a := s.app
	program := s.text("Application")
	a.command = append([]string{program}, argv(s.text("AppParameters"))...)
	if a.directory = s.text("AppDirectory"); a.directory == "" {
		a.directory = winDir(program)
	}
	s.environment()
	s.start()
	s.exits()
	s.throttle()
	s.stops()
	s.logs()
	s.process()
	for _, path := range slices.Sorted(maps.Keys(s.keys)) {
		s.hooks(s.keys[path])
	}
	for _, name := range parameters.order {
		if !s.used[name] {
			v := parameters.values[name]
			s.lost(a, s.place(v.name), v.String(), "Holdfast does not know it", "see what it did in NSSM's documentation")
		}
	}
}

func (s *nssm) environment() {
	a := s.app
	for _, name := range []string{"AppEnvironment", "AppEnvironmentExtra"} {
		v, ok := s.take(name)
		if !ok {
			continue
		}
		if name == "AppEnvironment" {
			s.look(a, s.place(name), fmt.Sprintf("%d variables", len(v.list)), "they were the whole environment, now they are added to that of Holdfast", "nothing, unless a variable more does harm")
		}
		for _, one := range v.list {
			key, value, ok := strings.Cut(one, "=")
			if !ok {
				s.lost(a, s.place(name), one, "it is not NAME=VALUE", "write it into env")
				continue
			}
			a.setenv(key, expandPercent(value, a.getenv))
		}
	}
}

// start reads the service's own key.
func (s *nssm) start() {
	a, v := s.app, s.service.values
	place := s.service.path + `\`
	if n, ok := v["start"]; ok && n.kind == regNumber {
		switch n.number {
		case 3:
			a.manual = true
		case 4:
			a.manual = true
			s.look(a, place+"Start", "disabled", "it is not started with Holdfast, but anybody may start it by hand", "leave it out of the configuration if it is not needed")
		}
	}
	if v["delayedautostart"].number == 1 {
		s.lost(a, place+"DelayedAutostart", "1", "apps start with Holdfast", "sc config Holdfast start= delayed-auto delays Holdfast with all its apps")
	}
	s.account(a, place+"ObjectName", v["objectname"].text)
	for _, name := range append(v["dependonservice"].list, v["dependongroup"].list...) {
		a.needs = append(a.needs, needed{place + "DependOnService", name})
	}
	if _, ok := v["failureactions"]; ok {
		s.lost(a, place+"FailureActions", "recovery of the service", "Holdfast restarts apps itself", "nothing; holdfast service install sets the recovery of Holdfast's own service")
	}
}

// exits reads Parameters\AppExit: what follows on which exit code.
func (s *nssm) exits() {
	a := s.app
	k := s.keys[`parameters\appexit`]
	if k == nil {
		return
	}
	ends := func(action string) bool { return !strings.EqualFold(action, "Restart") }
	otherwise := k.values[""].text
	if otherwise == "" {
		otherwise = "Restart"
	}
	if ends(otherwise) {
		a.restart.policy = "never"
	}
	for _, name := range k.order {
		if name == "" {
			continue
		}
		code, err := strconv.ParseInt(name, 0, 64)
		action := k.values[name].text
		switch {
		case err != nil:
			s.lost(a, s.place(`AppExit\`+name), action, "it is not an exit code", "nothing")
		case ends(otherwise) && !ends(action):
			s.lost(a, s.place(`AppExit\`+name), action, "Holdfast cannot restart after one exit code only", "write restart: {policy: on_failure, no_restart_codes: [...]} with the codes that shall not")
		case !ends(otherwise) && ends(action) && code == 0:
			a.restart.policy = "on_failure"
		case !ends(otherwise) && ends(action):
			a.restart.noRestart = append(a.restart.noRestart, code)
		}
	}
	if strings.EqualFold(otherwise, "Ignore") {
		s.look(a, s.place("AppExit"), "Ignore", "the service stayed up without its program, now the app shows as ended", "nothing")
	}
}

func (s *nssm) throttle() {
	a := s.app
	if v, ok := s.take("AppThrottle"); ok {
		a.restart.resetAfter = millis(v)
	}
	if v, ok := s.take("AppRestartDelay"); ok && v.number > 0 {
		a.restart.backoff = millis(v)
		s.look(a, s.place("AppRestartDelay"), v.String()+" ms", "Holdfast starts a program that ran well again at once, and waits from the second time on", "nothing")
	}
}

// stops reads how the program was asked to end: the bits of AppStopMethodSkip are 1 for Ctrl-C, 2 for
// windows, 4 for threads, 8 for termination.
func (s *nssm) stops() {
	a := s.app
	skip, _ := s.take("AppStopMethodSkip")
	for i, name := range []string{"AppStopMethodConsole", "AppStopMethodWindow", "AppStopMethodThreads"} {
		if v, ok := s.take(name); ok && skip.number&(1<<i) == 0 {
			a.stop.grace += millis(v)
		}
	}
	if skip.number&1 != 0 {
		s.look(a, s.place("AppStopMethodSkip"), skip.String(), "NSSM was told not to send Ctrl-C, which is what Holdfast sends",
			"see whether Ctrl-C does harm; if so write stop: {method: stdin_close} or method: http")
	}
	if skip.number&8 != 0 {
		s.lost(a, s.place("AppStopMethodSkip"), skip.String(), "Holdfast always ends the whole tree after the grace period", "raise stop.grace if it needs longer")
	}
	if v, ok := s.take("AppKillProcessTree"); ok && v.number == 0 {
		s.lost(a, s.place("AppKillProcessTree"), "0", "no descendant of an app outlives it under Holdfast", "make what has to go on an app of its own")
	}
	a.stop.grace = a.stop.grace.Round(time.Millisecond)
}

func (s *nssm) logs() {
	a := s.app
	for _, name := range []string{"AppStdin", "AppStdout", "AppStderr"} {
		for _, part := range []string{"ShareMode", "CreationDisposition", "FlagsAndAttributes", "CopyAndTruncate"} {
			_, _ = s.take(name + part)
		}
		path := s.text(name)
		switch {
		case path == "":
		case name == "AppStdin":
			s.lost(a, s.place(name), path, "programs have no standard input under Holdfast", "give the program its input as a file, by an argument")
		default:
			s.lost(a, s.place(name), path, "Holdfast keeps the output of apps in its own log folder", "holdfast logs NAME shows it; point what reads the old files to the new ones")
		}
	}
	rotate, given := s.take("AppRotateFiles")
	bytes, _ := s.take("AppRotateBytes")
	high, _ := s.take("AppRotateBytesHigh")
	for _, name := range []string{"AppRotateOnline", "AppRotateDelay", "AppTimestampLog"} {
		_, _ = s.take(name) // Holdfast always rotates a file in use, and knows each line's time
	}
	if total := high.number<<32 | bytes.number; total > 0 && (!given || rotate.number != 0) && total < 1<<50 {
		a.maxSize = int64(total)
	}
	if v, ok := s.take("AppRotateSeconds"); ok && v.number > 0 {
		s.lost(a, s.place("AppRotateSeconds"), v.String(), "Holdfast rotates by size only", "nothing, or change output.file.max_size")
	}
	if v, ok := s.take("AppRedirectHook"); ok && v.number != 0 {
		s.lost(a, s.place("AppRedirectHook"), v.String(), "there are no hooks whose output could be kept", "nothing")
	}
}

func (s *nssm) process() {
	a := s.app
	if v, ok := s.take("AppPriority"); ok {
		if what, other := map[uint64]string{0x40: "idle", 0x4000: "below normal", 0x8000: "above normal", 0x80: "high", 0x100: "real time"}[v.number]; other {
			s.priority(a, s.place("AppPriority"), what)
		}
	}
	if v := s.text("AppAffinity"); v != "" && !strings.EqualFold(v, "All") {
		s.affinity(a, s.place("AppAffinity"), v)
	}
	_, _ = s.take("AppNoConsole")
}

// hooks are the values of the keys below Parameters\AppEvents.
func (s *nssm) hooks(k *regKey) {
	_, below, _ := serviceKey(k.path)
	event, ok := strings.CutPrefix(strings.ToLower(below), `parameters\appevents\`)
	if !ok {
		return
	}
	for _, name := range k.order {
		v := k.values[name]
		do := "run it from outside with the events of Holdfast (holdfast events -f)"
		switch event + "/" + name {
		case "start/pre":
			do = "make it an app of its own with port: none and restart: {policy: on_failure}, and name it in depends_on"
		case "exit/post":
			do = "write on_failure: {command: [...]} if it is for failures"
		}
		_, place, _ := serviceKey(k.path)
		s.lost(s.app, s.service.path+`\`+place+`\`+v.name, s.expand(v), "Holdfast runs no programs around a start or a stop", do)
	}
}

func millis(v regValue) time.Duration {
	return seconds(strconv.FormatUint(v.number, 10), time.Millisecond)
}
