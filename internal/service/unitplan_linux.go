package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// unitMark is the first line of every unit that we wrote. Whoever takes it out keeps us from
// changing the file.
const unitMark = "# Written by holdfast service install, which may write it again."

// linuxMachine is what plans need of a Linux machine. Its errors wrap ErrDenied.
type linuxMachine interface {
	// systemctl runs systemctl with args and gives its standard output.
	systemctl(ctx context.Context, args ...string) (string, error)
	// booted tells whether systemd is this machine's init.
	booted() bool
	userExists(name string) (bool, error)
	makeUser(ctx context.Context, name, home string) error
	folderExists(dir string) (bool, error)
	makeFolder(dir, owner string) error
	read(file string) (string, bool, error)
	write(file, content string) error
	remove(file string) error
}

// unitDir is where an administrator's own units live (systemd.unit(5)).
const unitDir = "/etc/systemd/system"

// unitRegistrar plans for systemd.
type unitRegistrar struct{ machine linuxMachine }

func (g unitRegistrar) ready() error {
	if g.machine.booted() {
		return nil
	}
	return fmt.Errorf("%w: systemd does not run this machine, as in most containers; let what runs it start: holdfast run", ErrNoManager)
}

func (g unitRegistrar) install(ctx context.Context, id Identity, r Registration) (Plan, error) {
	if err := g.ready(); err != nil {
		return Plan{}, err
	}
	if r.Start == StartDelayed {
		return Plan{}, fmt.Errorf("%w: systemd knows no delayed start; use --start auto", ErrUnsupported)
	}
	user, err := unixUser(id, r.Account)
	if err != nil {
		return Plan{}, err
	}
	var p Plan
	if err := g.planUser(&p, id, r.Account, user); err != nil {
		return Plan{}, err
	}
	if err := g.planFolder(&p, id, user); err != nil {
		return Plan{}, err
	}
	if err := g.planUnit(ctx, &p, id, r, user); err != nil {
		return Plan{}, err
	}
	if err := g.planEnable(ctx, &p, id, r.Start); err != nil {
		return Plan{}, err
	}
	return p, g.planConfig(&p, id, r.Config)
}

// userPattern is what useradd(8) and systemd-sysusers(8) take for sure.
var userPattern = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,30}$`)

// unixUser is the account of the unit: the given one, or one for this installation alone.
func unixUser(id Identity, account string) (string, error) {
	if account == "" {
		if userPattern.MatchString(id.Slug()) {
			return id.Slug(), nil
		}
		return "hf-" + shortHash(id.Slug()), nil
	}
	if !regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9._-]{0,30}$`).MatchString(account) {
		return "", fmt.Errorf("account %s: give the name of a user of this machine", account)
	}
	return account, nil
}

func (g unitRegistrar) planUser(p *Plan, id Identity, asked, user string) error {
	exists, err := g.machine.userExists(user)
	switch {
	case err != nil:
		return fmt.Errorf("user %s: %w", user, err)
	case exists && user == "root":
		p.note("the service and all apps run as root; --account USER gives them less")
	case exists:
		p.same("user %s", user)
	case asked != "":
		return fmt.Errorf("user %s does not exist; make it first (useradd --system %s), or leave --account out to have one made", user, user)
	default:
		p.add("create system user "+user, func(ctx context.Context) error { return g.machine.makeUser(ctx, user, id.DataDir()) })
	}
	return nil
}

// planFolder makes a data folder that systemd does not know of; its own it makes by StateDirectory=.
func (g unitRegistrar) planFolder(p *Plan, id Identity, user string) error {
	if id.apart == ofName {
		return nil
	}
	dir := id.DataDir()
	exists, err := g.machine.folderExists(dir)
	switch {
	case err != nil:
		return fmt.Errorf("data folder %s: %w", dir, err)
	case exists:
		p.same("data folder %s", dir)
	default:
		p.add("create data folder "+dir+" for "+user, func(context.Context) error { return g.machine.makeFolder(dir, user) })
	}
	return nil
}

func (g unitRegistrar) planUnit(ctx context.Context, p *Plan, id Identity, r Registration, user string) error {
	file := filepath.Join(unitDir, id.UnitName())
	want := unitFile(id, r, user)
	have, exists, err := g.machine.read(file)
	if err != nil {
		return fmt.Errorf("unit %s: %w", file, err)
	}
	if exists && !strings.HasPrefix(have, unitMark) {
		return foreign(id.UnitName(), file)
	}
	if !exists {
		props, err := g.show(ctx, id)
		if err != nil {
			return err
		}
		if path := props["FragmentPath"]; props["LoadState"] != "not-found" && path != "" {
			return foreign(id.UnitName(), path)
		}
	}
	switch have {
	case want:
		p.same("unit %s", file)
		return nil
	case "":
		p.add("write unit "+file, func(context.Context) error { return g.machine.write(file, want) })
	default:
		p.add("change unit "+file, func(context.Context) error { return g.machine.write(file, want) })
		p.note("a changed unit takes effect at the next start: holdfast service restart")
	}
	p.Steps[len(p.Steps)-1].Detail = want
	p.add("let systemd read its units again", g.again)
	return nil
}

func (g unitRegistrar) planEnable(ctx context.Context, p *Plan, id Identity, start StartType) error {
	props, err := g.show(ctx, id)
	if err != nil {
		return err
	}
	unit, enabled := id.UnitName(), props["UnitFileState"] == "enabled"
	switch {
	case start == StartManual && enabled:
		p.add("leave "+unit+" out of the boot", func(ctx context.Context) error { return g.run(ctx, "disable", unit) })
	case start != StartManual && !enabled:
		p.add("start "+unit+" at boot", func(ctx context.Context) error { return g.run(ctx, "enable", unit) })
	default:
		p.same("start type %s", start)
	}
	return nil
}

func (g unitRegistrar) planConfig(p *Plan, id Identity, content []byte) error {
	file := id.ConfigFile()
	_, exists, err := g.machine.read(file)
	switch {
	case err != nil:
		return fmt.Errorf("configuration %s: %w", file, err)
	case exists:
		p.same("configuration %s", file)
	case len(content) > 0:
		p.add("write a first configuration "+file, func(context.Context) error { return g.machine.write(file, string(content)) })
	default:
		p.note("write the configuration before you start it: %s", file)
	}
	return nil
}

func (g unitRegistrar) uninstall(ctx context.Context, id Identity) (Plan, error) {
	if err := g.ready(); err != nil {
		return Plan{}, err
	}
	file, unit := filepath.Join(unitDir, id.UnitName()), id.UnitName()
	var p Plan
	have, exists, err := g.machine.read(file)
	if err != nil {
		return Plan{}, fmt.Errorf("unit %s: %w", file, err)
	}
	if !exists {
		p.same("%s is not installed", unit)
		return p, nil
	}
	if !strings.HasPrefix(have, unitMark) {
		return Plan{}, foreign(unit, file)
	}
	props, err := g.show(ctx, id)
	if err != nil {
		return Plan{}, err
	}
	if state := props["ActiveState"]; state != "inactive" && state != "failed" && state != "" {
		p.add("stop "+unit, func(ctx context.Context) error { return g.run(ctx, "stop", unit) })
	}
	if props["UnitFileState"] == "enabled" {
		p.add("leave "+unit+" out of the boot", func(ctx context.Context) error { return g.run(ctx, "disable", unit) })
	}
	p.add("remove unit "+file, func(context.Context) error { return g.machine.remove(file) })
	p.add("let systemd read its units again", func(ctx context.Context) error {
		if err := g.again(ctx); err != nil {
			return err
		}
		if props["ActiveState"] == "failed" { // systemd remembers a failed unit after its file is gone
			return g.run(ctx, "reset-failed", unit)
		}
		return nil
	})
	p.note("kept: data %s, configuration %s, logs %s, and the service's user", id.DataDir(), id.ConfigFile(), id.LogDir())
	return p, nil
}

func (g unitRegistrar) act(ctx context.Context, id Identity, a Action) (Plan, error) {
	if a == Pause || a == Continue {
		return Plan{}, fmt.Errorf("%w: systemd knows no %s; holdfast service stop and start do more, holdfast stop APP does less", ErrUnsupported, a)
	}
	if err := g.ready(); err != nil {
		return Plan{}, err
	}
	props, err := g.show(ctx, id)
	if err != nil {
		return Plan{}, err
	}
	unit, state := id.UnitName(), props["ActiveState"]
	if props["LoadState"] == "not-found" {
		return Plan{}, fmt.Errorf("%s: %w; install it first: holdfast service install", unit, ErrNotInstalled)
	}
	var p Plan
	switch {
	case a == Start && state == "active":
		p.same("%s is running", unit)
	case a == Stop && (state == "inactive" || state == "failed"):
		p.same("%s is stopped", unit)
	case a == Reload && state != "active":
		return Plan{}, notRunning(unit, cmp.Or(state, "inactive"))
	default:
		p.add(fmt.Sprintf("%s %s", a, unit), func(ctx context.Context) error { return g.run(ctx, string(a), unit) })
	}
	return p, nil
}

func (g unitRegistrar) query(ctx context.Context, id Identity) (Status, error) {
	st := id.status()
	if err := g.ready(); err != nil {
		return st, err
	}
	props, err := g.show(ctx, id)
	if err != nil || props["LoadState"] == "not-found" {
		return st, err
	}
	st.Installed = true
	st.State = unitState(props)
	st.Account = cmp.Or(props["User"], "root")
	st.Detail = props["StatusText"]
	st.PID, _ = strconv.Atoi(props["MainPID"])             // 0 when there is none
	st.ExitCode, _ = strconv.Atoi(props["ExecMainStatus"]) // 0 while it runs
	if st.Start = StartManual; props["UnitFileState"] == "enabled" {
		st.Start = StartAuto
	}
	if have, _, err := g.machine.read(filepath.Join(unitDir, id.UnitName())); err == nil {
		st.Command = unitCommand(have)
	}
	return st, nil
}

// unitState says systemd's states in the words of Status.
func unitState(props map[string]string) string {
	switch props["ActiveState"] {
	case "active":
		return "running"
	case "activating":
		return "start_pending"
	case "deactivating":
		return "stop_pending"
	case "reloading", "failed":
		return props["ActiveState"]
	default:
		return "stopped"
	}
}

// show asks systemd for what plans look at; a unit that does not exist has LoadState=not-found.
func (g unitRegistrar) show(ctx context.Context, id Identity) (map[string]string, error) {
	out, err := g.machine.systemctl(ctx, "show", id.UnitName(),
		"--property=LoadState,ActiveState,UnitFileState,MainPID,ExecMainStatus,StatusText,FragmentPath,User")
	if err != nil {
		return nil, err
	}
	props := map[string]string{}
	for line := range strings.Lines(out) {
		if key, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "="); ok {
			props[key] = value
		}
	}
	return props, nil
}

func (g unitRegistrar) run(ctx context.Context, verb, unit string) error {
	_, err := g.machine.systemctl(ctx, verb, unit)
	if err != nil && (verb == "start" || verb == "restart") {
		return errors.Join(err, fmt.Errorf("see why: journalctl -u %s -n 50", unit))
	}
	return err
}

// again lets systemd read its units again.
func (g unitRegistrar) again(ctx context.Context) error {
	_, err := g.machine.systemctl(ctx, "daemon-reload")
	return err
}
