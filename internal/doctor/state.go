package doctor

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/service"
	"holdfast/internal/status"
)

// slowLoad is more than reading thousands of apps takes.
const slowLoad = 2 * time.Second

func (e *exam) configuration() {
	for _, p := range e.s.Problems {
		level := Warn
		if p.Severity == config.Error {
			level = Fail
		}
		text := p.Message
		if place := p.Place(); place != "" {
			text = place + ": " + text
		}
		e.add(level, p.Hint, "%s [%s]", text, p.Code)
	}
	if e.cfg != nil && len(e.s.Problems) == 0 {
		instances := 0
		for _, app := range e.cfg.Apps {
			instances += app.Instances
		}
		e.ok("%s has no problems (%s, %s, %s)", e.s.Identity.ConfigFile(), many(len(e.cfg.Apps), "app"), many(instances, "instance"), many(len(e.cfg.Routes), "route"))
	}
	if file := e.registered.ConfigFile; e.registered.Installed && !e.s.Admin && file != "" && file != e.s.Identity.ConfigFile() {
		e.warn(e.asAdmin(e.s.Command("doctor")), "this account's own installation is looked at; the service of this machine reads %s", file)
	}
	if e.s.Loading > slowLoad {
		e.warn("look at what ${file:...} and conf.d read: a slow disk or a network share", "reading it took %s", e.s.Loading.Round(time.Millisecond))
	}
}

func (e *exam) running() {
	r := e.s.Running
	switch {
	case r == nil:
		e.notRunning()
		e.leftovers()
		return
	case !r.Ready:
		e.warn(e.s.Command("status"), "Holdfast %s answers and is not ready: %s", r.Version, strings.Join(r.Reasons, "; "))
	default:
		e.ok("Holdfast %s answers (revision %d)", r.Version, r.Revision)
	}
	if r.Version != e.s.Version {
		e.warn(e.admin("service restart"), "Holdfast %s runs, and this binary is %s", r.Version, e.s.Version)
	}
	if !r.Applied {
		e.fail(e.s.Command("reload"), "the configuration files have errors and are not in force; revision %d runs on", r.Revision)
	}
	if r.File != "" && r.File != e.s.Identity.ConfigFile() {
		e.warn(e.s.Command("doctor --config "+quoted(r.File)), "the Holdfast that answers reads another file, %s", r.File)
	}
	for _, app := range r.Apps {
		level := Warn
		if app.Condition == status.Down {
			level = Fail
		}
		e.add(level, e.s.Command("status "+app.ID), "app %q is %s: %s", app.ID, app.Condition, app.Why)
	}
}

func (e *exam) notRunning() {
	switch {
	case e.s.Denied:
		e.unseen("somebody holds %s and does not answer to this account", e.s.Identity.Endpoint())
	case e.registeredErr == nil && e.registered.Installed && slices.Contains([]string{"running", "paused"}, e.registered.State):
		e.fail(e.admin("service restart"), "the service manager says that it runs (process %d), but nobody answers at %s", e.registered.PID, e.s.Identity.Endpoint())
	case e.registeredErr == nil && e.registered.Installed && e.registered.State == "failed":
		e.fail(e.admin("service start"), "the service has failed: %s", ended(e.registered.Status))
	case e.registeredErr == nil && e.registered.Installed:
		e.warn(e.admin("service start"), "Holdfast does not run: the service is %s", strings.ReplaceAll(e.registered.State, "_", " "))
	default:
		e.warn(e.s.Command("run"), "Holdfast does not run")
	}
}

// ended says how the last run ended.
func ended(st service.Status) string {
	text := fmt.Sprintf("exit code %d", st.ExitCode)
	if st.Detail != "" {
		text = st.Detail
	}
	if cure := service.Cure(st.ExitCode); cure != "" {
		text += "; " + cure
	}
	return text
}

func (e *exam) leftovers() {
	if e.s.Leftovers == nil || e.s.Denied {
		return
	}
	pids, err := e.s.Leftovers()
	switch {
	case err != nil:
		e.unseen("processes of an earlier run: %v", err)
	case len(pids) > 0:
		list := strings.Trim(fmt.Sprint(pids[:min(len(pids), 20)]), "[]")
		e.warn(e.on("kill "+list+" (a start of Holdfast ends them, too)", "taskkill /F /PID "+strings.ReplaceAll(list, " ", " /PID ")),
			"%s of an earlier run still there: %s", many(len(pids), "process", "processes"), list)
	}
}

func (e *exam) service() {
	r := e.registered
	switch {
	case errors.Is(e.registeredErr, service.ErrNoManager):
		e.ok("no service manager runs this machine, as in a container: what runs it starts %s", e.s.Command("run"))
		return
	case errors.Is(e.registeredErr, service.ErrForeign):
		e.fail(e.s.Command("service install --name OTHER"), "%v", e.registeredErr)
		return
	case e.registeredErr != nil:
		e.unseen("the service: %v", e.registeredErr)
		return
	case !r.Installed:
		e.warn(e.admin("service install"), "it is not registered as a service, so that it does not start with the machine")
		if e.windows() && !r.Source {
			e.warn(e.admin("service install"), "event source %s is not registered: entries in the Application log lack their wording", e.s.Identity.EventSource())
		}
		return
	}
	good := true
	bad := func(level Level, fix, format string, args ...any) {
		good = false
		e.add(level, fix, format, args...)
	}
	again := e.admin("service install" + e.installFlags())
	if r.Start == service.StartManual {
		bad(Warn, e.admin("service install --start auto"), "service %s does not start with the machine", r.Name)
	}
	if r.Start == "disabled" {
		bad(Fail, e.admin("service install --start auto"), "service %s is disabled", r.Name)
	}
	if e.windows() && unquoted(r.Command) {
		bad(Fail, again, "the service's program has a space in its path and is not quoted, so that another program could be started in its place")
	}
	if privileged(r.Account) {
		bad(Warn, e.admin("service install --account "+e.on(e.s.Identity.Slug(), "LocalService")), "the service runs as %s, and so does every app: each of them has every right on this machine", r.Account)
	}
	for _, d := range r.Differences {
		bad(Warn, again, "%s", d)
	}
	if e.windows() && !r.Source {
		bad(Warn, again, "event source %s is not registered: entries in the Application log lack their wording", e.s.Identity.EventSource())
	}
	if good {
		e.ok("service %s is registered as this version does it (account %s, start %s)", r.Name, r.Account, r.Start)
	}
}

// installFlags keep what somebody chose.
func (e *exam) installFlags() string {
	flags := ""
	if account := e.registered.Account; account != "" && !privileged(account) && !strings.EqualFold(account, `NT AUTHORITY\LocalService`) && account != e.s.Identity.Slug() {
		flags += " --account " + quoted(account)
	}
	if start := e.registered.Start; start == service.StartManual || start == service.StartDelayed {
		flags += " --start " + string(start)
	}
	return flags
}

// privileged tells accounts whose rights have no bounds.
func privileged(account string) bool {
	return slices.Contains([]string{"root", "localsystem", `nt authority\system`, `.\localsystem`}, strings.ToLower(account))
}

// unquoted tells a command line that Windows may read in more than one way.
func unquoted(command string) bool {
	if command == "" || strings.HasPrefix(command, `"`) {
		return false
	}
	program, _, _ := strings.Cut(strings.ToLower(command), ".exe")
	return strings.Contains(program, " ")
}

// quoted is a path or name as a word of a command line.
func quoted(text string) string {
	if strings.ContainsAny(text, " \t&;|<>()$'") {
		return `"` + text + `"`
	}
	return text
}

// many counts a word; its plural is given where it is not one with an s.
func many(n int, word string, plural ...string) string {
	switch {
	case n == 1:
		return "1 " + word
	case len(plural) > 0:
		return fmt.Sprintf("%d %s", n, plural[0])
	default:
		return fmt.Sprintf("%d %ss", n, word)
	}
}
