package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"holdfast/internal/config"
	"holdfast/internal/port"
	"holdfast/internal/service"
)

// maxEntries bounds a look at a folder, maxFile the size of a file that is read.
const (
	maxEntries = 20000
	maxFile    = 1 << 20
)

// local is this machine.
type local struct {
	*port.Machine
	id service.Identity
}

// Local is this machine, with the installation id.
func Local(id service.Identity) Machine { return local{port.New(), id} }

// Tree skips what it may not read and ends after maxEntries.
func (local) Tree(dir string) (Tree, error) {
	var t Tree
	entries := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		entries++
		switch {
		case err != nil && path == dir:
			return err
		case entries > maxEntries:
			return fs.SkipAll
		case err != nil || !d.Type().IsRegular():
			return nil //nolint:nilerr // what cannot be read is left out
		}
		info, err := d.Info()
		if err != nil {
			return nil //nolint:nilerr // it has gone
		}
		t.Bytes += info.Size()
		if info.ModTime().After(t.Written) {
			t.Written = info.ModTime()
			if t.Newest, err = filepath.Rel(dir, path); err != nil {
				return err
			}
		}
		return nil
	})
	return t, err
}

func (local) Read(path string) ([]byte, error) { return config.ReadBounded(path, maxFile) }

// Has takes a name for one of this machine: the system resolves it when it is bound.
func (local) Has(host string) bool {
	ip, err := netip.ParseAddr(host)
	if err != nil || ip.IsUnspecified() || ip.Is4() && ip.IsLoopback() {
		return true
	}
	all, err := net.InterfaceAddrs()
	if err != nil {
		return true // nobody knows
	}
	return slices.ContainsFunc(all, func(a net.Addr) bool {
		own, err := netip.ParsePrefix(a.String())
		return err == nil && own.Addr().WithZone("") == ip.Unmap().WithZone("")
	})
}

// Service asks the service manager, and what a new installation with the same choices would change.
func (l local) Service(ctx context.Context) (Service, error) {
	m := service.NewManager(l.id)
	st, err := m.Query(ctx)
	if err != nil {
		return Service{}, err
	}
	s := Service{Status: st, Source: true}
	if record, err := m.Record(ctx); err == nil {
		s.Source = record.Source
	} else if !errors.Is(err, service.ErrUnsupported) {
		return s, err
	}
	if st.Installed && !starts(st.Command, l.id) {
		s.Installed, s.State = false, "not_installed" // it is one with other folders
	}
	if !s.Installed {
		return s, nil
	}
	want := service.Registration{Executable: programOf(st.Command), Account: st.Account, Start: st.Start}
	if want.Start != service.StartDelayed && want.Start != service.StartManual {
		want.Start = service.StartAuto
	}
	if privileged(want.Account) && want.Account != "root" {
		want.Account = "" // it is told by itself
	}
	plan, err := m.PlanInstall(ctx, want)
	if err != nil {
		s.Differences = []string{err.Error()}
		return s, nil
	}
	for _, step := range plan.Steps {
		if text := l.difference(step); text != "" {
			s.Differences = append(s.Differences, text)
		}
	}
	return s, nil
}

// starts tells whether a service's command line starts this installation.
func starts(command string, id service.Identity) bool {
	return !slices.ContainsFunc(id.RunArguments(), func(arg string) bool { return !strings.Contains(command, strings.Trim(arg, `"`)) })
}

// programOf is the program of a service's command line.
func programOf(command string) string {
	if rest, quoted := strings.CutPrefix(command, `"`); quoted {
		program, _, _ := strings.Cut(rest, `"`)
		return program
	}
	if i := strings.Index(strings.ToLower(command), ".exe"); i >= 0 {
		return command[:i+len(".exe")]
	}
	program, _, _ := strings.Cut(command, " ")
	return program
}

// difference says a step of an installation as what is wrong now; empty for what is a matter of taste
// or told elsewhere.
func (l local) difference(step service.Step) string {
	for _, other := range []string{"description", "display name", "event source", "read its units", "configuration", "account of service"} {
		if strings.Contains(step.Text, other) {
			return ""
		}
	}
	text := "an installation by this version would " + step.Text
	if step.Detail == "" {
		return text
	}
	have, err := os.ReadFile(filepath.Join("/etc/systemd/system", l.id.UnitName()))
	if err != nil {
		return text
	}
	return cmp.Or(unitDifference(string(have), step.Detail), text)
}

// unitDifference names the settings in which a unit differs from the wanted one.
func unitDifference(have, want string) string {
	lack, extra := settingsBut(want, have), settingsBut(have, want)
	var parts []string
	if len(lack) > 0 {
		parts = append(parts, "lacks "+strings.Join(lack, ", "))
	}
	if len(extra) > 0 {
		parts = append(parts, "has "+strings.Join(extra, ", "))
	}
	if len(parts) == 0 {
		return ""
	}
	return fmt.Sprintf("the unit %s", strings.Join(parts, " and "))
}

// settingsBut are the settings of a unit that another one does not have.
func settingsBut(unit, other string) []string {
	var out []string
	for line := range strings.Lines(unit) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, "[") || strings.HasPrefix(line, "Description=") {
			continue
		}
		if !slices.Contains(strings.Split(other, "\n"), line) {
			out = append(out, line)
		}
	}
	return out
}
