package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// source is the state of an event source.
type source int

const (
	sourceMissing source = iota
	sourceOurs
	sourceForeign
)

// folder is the state of the data folder.
type folder struct {
	exists bool
	// link: a junction or symbolic link stands where the folder should be.
	link bool
	// owner is who owns it; trusted says that this is SYSTEM, Administrators, the service or whoever
	// installs it.
	owner   string
	trusted bool
	// private: the access list is the one that we want.
	private bool
}

// windowsMachine is what plans need of Windows. Its errors wrap ErrDenied and ErrNotInstalled.
type windowsMachine interface {
	service(name string) (scmService, bool, error)
	status(name string) (Status, error) // of an installed service
	create(name string, s scmService, fields []scmField) error
	change(name, field string, s scmService) error
	remove(name string) error
	// kill ends the service's process at once; it does not wait.
	kill(name string) error
	start(name string, args ...string) error
	control(name string, code uint32) error
	// exited waits until the process has ended; a PID that is gone has.
	exited(ctx context.Context, pid int) error

	source(name string) (source, error)
	addSource(name string) error
	removeSource(name string) error

	folder(dir, sddl string) (folder, error)
	makeFolder(dir, sddl string) error
	protectFolder(dir, sddl string) error
	// writeNew writes file unless it exists.
	fileExists(file string) (bool, error)
	writeNew(file string, data []byte) error
}

// scmRegistrar plans for the SCM.
type scmRegistrar struct {
	machine windowsMachine
	// pace is how often a wait looks (default 200ms).
	pace time.Duration
}

func (g scmRegistrar) install(_ context.Context, id Identity, r Registration) (Plan, error) {
	want, err := wantedService(id, r)
	if err != nil {
		return Plan{}, err
	}
	var p Plan
	for _, part := range []func(*Plan, Identity) error{
		func(p *Plan, id Identity) error { return g.planService(p, id, want) },
		g.planSource,
		g.planFolder,
		func(p *Plan, id Identity) error { return g.planConfig(p, id, r.Config) },
	} {
		if err := part(&p, id); err != nil {
			return Plan{}, err
		}
	}
	return p, nil
}

func wantedService(id Identity, r Registration) (scmService, error) {
	account, err := WindowsAccount(id, r.Account)
	if err != nil {
		return scmService{}, err
	}
	return scmService{
		Command: commandLine(append([]string{r.Executable}, id.RunArguments()...)), Account: account, Start: r.Start,
		DisplayName: cmp.Or(r.DisplayName, id.DisplayName()), Description: r.Description, SID: sidUnrestricted,
		Recovery: recovery(), Reset: recoverReset, OnFailure: true, Preshutdown: preshutdown, Security: serviceSDDL,
	}, nil
}

// WindowsAccount is account as the SCM names it (default: LocalService). It allows only accounts
// without a password to keep and without rights over the machine: whatever the apps are made to do,
// they do with the account's rights.
func WindowsAccount(id Identity, account string) (string, error) {
	lower := strings.ToLower(cmp.Or(account, "LocalService"))
	switch strings.TrimPrefix(lower, `nt authority\`) {
	case "localservice":
		return `NT AUTHORITY\LocalService`, nil
	case "networkservice":
		return `NT AUTHORITY\NetworkService`, nil
	case "localsystem", "system", `.\localsystem`:
		return "", fmt.Errorf("account %s: it has every right on this machine, and so would every app; use LocalService, NetworkService, %s or a gMSA", account, id.ServiceAccount())
	}
	if strings.HasPrefix(lower, `nt service\`) {
		if strings.EqualFold(account, id.ServiceAccount()) {
			return id.ServiceAccount(), nil
		}
		return "", fmt.Errorf("account %s: a service can only have the virtual account of its own name; use %s", account, id.ServiceAccount())
	}
	// No domain: "." is this machine, which has no managed accounts, and these are Windows' own.
	domain, user, found := strings.Cut(account, `\`)
	if found && !slices.Contains([]string{"", ".", "nt authority", "builtin"}, strings.ToLower(domain)) && len(user) > 1 && strings.HasSuffix(user, "$") && !strings.ContainsAny(user, `\/"`) {
		return account, nil
	}
	return "", fmt.Errorf(`account %s: use LocalService, NetworkService, %s or a group managed service account (DOMAIN\name$)`, account, id.ServiceAccount())
}

// commandLine quotes args by the rules of CommandLineToArgvW. The path is always quoted: an
// unquoted one with a space would let C:\Program.exe run in our place.
func commandLine(args []string) string {
	quoted := make([]string, len(args))
	for i, arg := range args {
		quoted[i] = quoteArg(arg, i == 0)
	}
	return strings.Join(quoted, " ")
}

func quoteArg(arg string, always bool) string {
	if !always && arg != "" && !strings.ContainsAny(arg, " \t\"") {
		return arg
	}
	var b strings.Builder
	b.WriteByte('"')
	slashes := 0
	for _, r := range arg {
		switch r {
		case '\\':
			slashes++
		case '"': // backslashes before a quote are doubled, and the quote is escaped
			b.WriteString(strings.Repeat(`\`, slashes+1))
			slashes = 0
		default:
			slashes = 0
		}
		b.WriteRune(r)
	}
	b.WriteString(strings.Repeat(`\`, slashes)) // so are those before the closing quote
	b.WriteByte('"')
	return b.String()
}

// isOurs tells whether a service's command line is that of `run` with this name.
func isOurs(id Identity, command string) bool {
	_, args := splitCommand(command)
	fields := strings.Fields(args)
	if len(fields) == 0 || fields[0] != "run" {
		return false
	}
	for i, f := range fields {
		if name, ok := strings.CutPrefix(f, "--name="); ok {
			return strings.EqualFold(name, id.Name)
		}
		if f == "--name" && i+1 < len(fields) {
			return strings.EqualFold(fields[i+1], id.Name)
		}
	}
	return id.Default()
}

// splitCommand tells the program of a service's command line from its arguments. A path without
// quotes may have blanks, as Wine's Windows Installer writes it: it goes as far as ".exe".
func splitCommand(command string) (program, args string) {
	if rest, quoted := strings.CutPrefix(command, `"`); quoted {
		program, args, _ = strings.Cut(rest, `"`)
		return program, args
	}
	for i := range command {
		if rest := command[i:]; len(rest) > len(".exe") && strings.EqualFold(rest[:len(".exe ")], ".exe ") {
			return command[:i+len(".exe")], rest[len(".exe"):]
		}
	}
	program, args, _ = strings.Cut(command, " ")
	return program, args
}

func (g scmRegistrar) planService(p *Plan, id Identity, want scmService) error {
	name := id.ServiceName()
	have, installed, err := g.machine.service(name)
	if err != nil {
		return fmt.Errorf("service %s: %w", name, err)
	}
	if !installed {
		g.planCreate(p, name, want, scmFields())
		return nil
	}
	if !isOurs(id, have.Command) {
		return foreign(name, have.Command)
	}
	g.planChanges(p, name, have, want, scmFields())
	if len(p.Steps) == 0 {
		p.same("service %s", name)
	}
	return nil
}

func (g scmRegistrar) planCreate(p *Plan, name string, want scmService, fields []scmField) {
	p.add("create service "+name, func(context.Context) error { return g.machine.create(name, want, fields) })
	for _, f := range fields {
		p.Steps[len(p.Steps)-1].Detail += fmt.Sprintf("%s: %s\n", f.name, f.text(want))
	}
}

func (g scmRegistrar) planChanges(p *Plan, name string, have, want scmService, fields []scmField) {
	for _, f := range fields {
		from, to := f.text(have), f.text(want)
		if slices.Contains(have.Unknown, f.name) {
			p.note("this system keeps no %s", f.name)
			continue
		}
		if strings.EqualFold(from, to) {
			continue
		}
		p.add(fmt.Sprintf("change %s of service %s: %s -> %s", f.name, name, from, to),
			func(context.Context) error { return g.machine.change(name, f.name, want) })
		if f.name == "command" || f.name == "account" {
			p.note("a changed %s takes effect at the next start: holdfast service restart", f.name)
		}
	}
}

func foreign(name, what string) error {
	return fmt.Errorf("service %s %w (%s)", name, ErrForeign, what)
}

func (g scmRegistrar) planSource(p *Plan, id Identity) error {
	name := id.EventSource()
	have, err := g.machine.source(name)
	switch {
	case err != nil:
		return fmt.Errorf("event source %s: %w", name, err)
	case have == sourceForeign:
		return fmt.Errorf("event source %s %w", name, ErrForeign)
	case have == sourceOurs:
		p.same("event source %s", name)
	default:
		p.add("register event source "+name, func(context.Context) error { return g.machine.addSource(name) })
	}
	return nil
}

// planFolder trusts a folder that was there before us only if nobody without rights made it:
// ProgramData lets everybody make folders, and their owner could change what the service reads.
func (g scmRegistrar) planFolder(p *Plan, id Identity) error {
	dir, sddl := id.DataDir(), folderSDDL(id)
	have, err := g.machine.folder(dir, sddl)
	switch {
	case err != nil:
		return fmt.Errorf("data folder %s: %w", dir, err)
	case !have.exists:
		p.add("create data folder "+dir+" for SYSTEM, Administrators and "+id.ServiceAccount(),
			func(context.Context) error { return g.machine.makeFolder(dir, sddl) })
	case have.link:
		return fmt.Errorf("data folder %s is a link to another place; remove it, or choose a folder with --data", dir)
	case !have.trusted:
		return fmt.Errorf("data folder %s was made by %s, who could change what the service reads; look at what is in it, remove it and install again", dir, have.owner)
	case !have.private:
		p.add("restrict data folder "+dir+" to SYSTEM, Administrators and "+id.ServiceAccount(),
			func(context.Context) error { return g.machine.protectFolder(dir, sddl) })
	default:
		p.same("data folder %s", dir)
	}
	return nil
}

// folderSDDL is a protected access list (nothing is inherited from ProgramData): full access for
// SYSTEM and Administrators; the service may change everything below, but not put another folder in
// this one's place.
func folderSDDL(id Identity) string {
	sid := id.ServiceSID()
	return "D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;;0x1201bf;;;" + sid + ")(A;OICIIO;0x1301bf;;;" + sid + ")"
}

// FolderSDDL is the access list of the data folder; whoever makes the folder before the service is
// registered makes it with this one.
func (id Identity) FolderSDDL() string { return folderSDDL(id) }

func (g scmRegistrar) planConfig(p *Plan, id Identity, content []byte) error {
	file := id.ConfigFile()
	exists, err := g.machine.fileExists(file)
	switch {
	case err != nil:
		return fmt.Errorf("configuration %s: %w", file, err)
	case exists:
		p.same("configuration %s", file)
	case len(content) > 0:
		p.add("write a first configuration "+file, func(context.Context) error { return g.machine.writeNew(file, content) })
	default:
		p.note("write the configuration before you start it: %s", file)
	}
	return nil
}

func (g scmRegistrar) uninstall(_ context.Context, id Identity) (Plan, error) {
	var p Plan
	name := id.ServiceName()
	have, installed, err := g.machine.service(name)
	if err != nil {
		return Plan{}, fmt.Errorf("service %s: %w", name, err)
	}
	if installed {
		if !isOurs(id, have.Command) {
			return Plan{}, foreign(name, have.Command)
		}
		st, err := g.machine.status(name)
		if err != nil {
			return Plan{}, fmt.Errorf("service %s: %w", name, err)
		}
		g.planRemove(&p, id, st)
	} else {
		p.same("service %s is not installed", name)
	}
	src, err := g.machine.source(id.EventSource())
	if err != nil {
		return Plan{}, fmt.Errorf("event source %s: %w", id.EventSource(), err)
	}
	if src == sourceOurs {
		g.planForget(&p, id)
	}
	if len(p.Steps) > 0 {
		p.note("data, configuration and logs are kept in %s", id.DataDir())
	}
	return p, nil
}

// planRemove waits until nobody knows the service any more: only then its name is free.
func (g scmRegistrar) planRemove(p *Plan, id Identity, st Status) {
	name := id.ServiceName()
	if st.State != "stopped" {
		g.planStop(p, id, st)
	}
	p.addWait("remove service "+name, func(ctx context.Context, say func(string)) error {
		if err := g.machine.remove(name); err != nil {
			return err
		}
		return g.gone(ctx, name, say)
	})
}

func (g scmRegistrar) query(_ context.Context, id Identity) (Status, error) {
	st, err := g.machine.status(id.ServiceName())
	if errors.Is(err, ErrNotInstalled) {
		return id.status(), nil
	}
	if err != nil {
		return Status{}, fmt.Errorf("service %s: %w", id.ServiceName(), err)
	}
	out := id.status()
	out.Installed, out.State, out.PID, out.ExitCode, out.Detail = true, st.State, st.PID, st.ExitCode, st.Detail
	have, _, err := g.machine.service(id.ServiceName())
	if err != nil {
		return Status{}, fmt.Errorf("service %s: %w", id.ServiceName(), err)
	}
	out.Account, out.Start, out.Command = have.Account, have.Start, have.Command
	return out, nil
}
