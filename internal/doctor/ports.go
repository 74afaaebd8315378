package doctor

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	"holdfast/internal/config"
)

// ports looks at every port that Holdfast, or an app with a port of its own, listens on.
func (e *exam) ports() {
	if e.cfg == nil {
		e.add(Unseen, e.s.Command("check"), "not looked at: the configuration has errors")
		return
	}
	for _, name := range slices.Sorted(maps.Keys(e.cfg.Listeners)) {
		e.address(fmt.Sprintf("listener %q", name), "listeners."+name+".address", e.cfg.Listeners[name].Address)
	}
	if address := e.cfg.Management.Address; address != config.ManagementOff {
		e.address("the management API", "management.address", address)
	}
	for _, name := range slices.Sorted(maps.Keys(e.cfg.Apps)) {
		app := e.cfg.Apps[name]
		if app.Port <= 0 {
			continue
		}
		for n := range app.Instances {
			e.appPort(name, name+"-"+strconv.Itoa(n+1), int(app.Port)+n)
		}
	}
}

// address looks at an address of Holdfast itself.
func (e *exam) address(what, key, address string) {
	host, text, err := net.SplitHostPort(address)
	number, errPort := strconv.Atoi(text)
	if err != nil || errPort != nil {
		return // told as a problem of the configuration
	}
	if !e.m.Has(host) {
		e.fail(e.on("ip address", "ipconfig")+" shows this machine's addresses; change "+key, "%s: %s is not an address of this machine", what, host)
		return
	}
	if number == 0 {
		return
	}
	what = fmt.Sprintf("%s: port %d", what, number)
	owner, held := e.m.Owner(number)
	switch {
	case held && e.s.Running != nil && e.isHoldfast(owner.Program):
		e.ok("%s is held by Holdfast itself", what)
	case held && owner.PID == 0 && e.s.Running != nil && e.s.Running.Ready && e.s.Running.Applied && e.sameFile():
		e.ok("%s is held, as far as this system tells by Holdfast itself", what)
	case held && e.s.Denied && (owner.PID == 0 || e.isHoldfast(owner.Program)):
		e.unseen("%s is held by %s, which may be this Holdfast", what, owner)
	case held:
		e.fail(e.end(owner.PID, owner.Program)+" or change "+key, "%s is held by %s", what, owner)
	case e.forbidden(what, key, number):
	case e.s.Running != nil && e.s.Running.Ready && e.s.Running.Applied && e.sameFile():
		e.warn(e.s.Command("reload"), "%s is free although Holdfast runs", what)
	default:
		e.ok("%s is free", what)
	}
}

// appPort looks at a port that the configuration gives to an instance.
func (e *exam) appPort(app, instance string, number int) {
	what := fmt.Sprintf("app %q: port %d of %s", app, number, instance)
	owner, held := e.m.Owner(number)
	switch {
	case held && e.belongsTo(instance, number):
		e.ok("%s is held by the instance itself", what)
	case held && (e.s.Denied || owner.PID == 0 && e.s.Running != nil):
		e.unseen("%s is held by %s, which may be the instance", what, owner)
	case held:
		e.fail(e.end(owner.PID, owner.Program)+" or change apps."+app+".port (auto picks a free one)", "%s is held by %s", what, owner)
	case e.forbidden(what, "apps."+app+".port", number):
	default:
		e.ok("%s is free", what)
	}
}

// forbidden tells of ports that the system keeps from the account.
func (e *exam) forbidden(what, key string, number int) bool {
	rights := e.m.Rights()
	if number < rights.From {
		// The unit gives its account the right; what differs in it is told there.
		if e.registeredErr == nil && e.registered.Installed || rights.Own {
			return false
		}
		e.fail(fmt.Sprintf("%s, or change %s to a port from %d on", e.admin("service install"), key, rights.From),
			"%s: ports below %d need a right that this account does not have (CAP_NET_BIND_SERVICE)", what, rights.From)
		return true
	}
	if e.windows() {
		if reason := e.m.Excluded(number); reason != "" {
			e.fail("change "+key+", or do as it says", "%s cannot be had: %s", what, reason)
			return true
		}
	}
	return false
}

// belongsTo tells whether the instance that runs holds the port, itself or by a descendant.
func (e *exam) belongsTo(instance string, number int) bool {
	if e.s.Running == nil {
		return false
	}
	for _, i := range e.s.Running.Instances {
		if i.ID == instance && slices.Contains(e.m.Listening(i.PID), number) {
			return true
		}
	}
	return false
}

func (e *exam) isHoldfast(program string) bool {
	bare := func(name string) string { return strings.TrimSuffix(strings.ToLower(name), ".exe") }
	return program != "" && bare(program) == bare(e.s.Program)
}

func (e *exam) sameFile() bool {
	return e.s.Running.File == "" || e.s.Running.File == e.s.Identity.ConfigFile()
}

// end is how a program is ended on this system.
func (e *exam) end(pid int, program string) string {
	switch {
	case program == "http.sys":
		return "iisreset /stop (or stop the service that netsh http show servicestate names)"
	case pid == 0:
		return e.on("sudo ss -ltnp names the program: stop it", "netstat -ano names the process: stop it")
	default:
		return e.on(fmt.Sprintf("kill %d", pid), fmt.Sprintf("taskkill /PID %d", pid))
	}
}
