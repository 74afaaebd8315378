//go:build wine || windows

package scenarios

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf16"

	"holdfast/build/scenarios/state"
)

// coarse are large folders of Windows and of the tests alone: sizes and times have to do there.
var coarse = []string{`C:\windows\system32`, `C:\windows\syswow64`, `C:\windows\winsxs`, `C:\windows\Fonts`, `C:\windows\inf`, `C:\packages`, `C:\caddy`}

// noise is what every msiexec leaves behind, whatever it did, and what changes on a Windows that
// nobody touches.
var noise = []string{
	`* C:\look.reg`,
	`* C:\logs*`,
	`* C:\windows\temp*`,
	`* C:\users\*\Temp*`,
	`* C:\users\*\AppData\Roaming\Caddy*`, // the app's own
	`* C:\windows\ServiceProfiles\*`,
	`folder C:\windows\Installer`,
	`registry *\Control\ServiceCurrent ""`, // Wine counts the services that it started
}

// look takes down the state of the machine: all of it under Wine, on a real Windows the places where
// an installation could leave something.
func (m *machine) look() state.State {
	m.t.Helper()
	s := state.State{}
	for _, root := range m.roots() {
		if err := s.AddFiles(m.path(root), strings.TrimSuffix(root, `\`), coarse...); err != nil {
			m.t.Fatal(err)
		}
	}
	for _, key := range m.registryRoots() {
		m.export(s, key)
	}
	for _, name := range products {
		if _, ok := s.Value(`HKEY_LOCAL_MACHINE\System\CurrentControlSet\Services\`+name, "ImagePath"); ok {
			s.AddService(name, m.service(name))
		}
	}
	return s
}

// export adds a key and what is below it; one that is not there adds nothing.
func (m *machine) export(s state.State, key string) {
	m.t.Helper()
	const file = `C:\look.reg`
	var text string
	var code int
	for range 5 { // that there is no such key is said; without a word Wine has ended before the program began
		var err error
		if text, code, err = m.run(m.t.Context(), "reg", "export", key, file, "/y"); err != nil {
			m.t.Fatalf("reg export %s: %v\n%s", key, err, text)
		}
		if code == 0 || text != "" {
			break
		}
	}
	switch {
	case code != 0 && text == "":
		m.t.Fatalf("reg export %s: ends with %d without a word", key, code)
	case code != 0: // there is no such key
		return
	}
	data, err := os.ReadFile(m.path(file))
	if err != nil {
		m.t.Fatal(err)
	}
	m.remove(file)
	if err := s.AddRegistry(data); err != nil {
		m.t.Fatalf("reg export %s: %v", key, err)
	}
}

// registry is one key with its values: registry(`SOFTWARE\Holdfast`).
func (m *machine) registry(key string) registryKey {
	m.t.Helper()
	s := state.State{}
	m.export(s, `HKLM\`+key)
	return registryKey{`HKEY_LOCAL_MACHINE\` + key, s}
}

type registryKey struct {
	name   string
	values state.State
}

// value is empty when there is none.
func (k registryKey) value(name string) string {
	value, _ := k.values.Value(k.name, name)
	return value
}

// service is what the service manager says of a service: RUNNING, STOPPED, or "" for no such one.
func (m *machine) service(name string) string {
	m.t.Helper()
	return m.serviceState(m.t.Context(), name)
}

func (m *machine) serviceState(ctx context.Context, name string) string {
	m.t.Helper()
	text, code, err := m.run(ctx, "sc", "query", name)
	if err != nil {
		m.t.Fatalf("sc query %s: %v", name, err)
	}
	if code != 0 {
		return ""
	}
	_, text, _ = strings.Cut(text, "STATE")
	_, text, _ = strings.Cut(text, ":")
	fields := strings.Fields(text)
	if len(fields) < 2 {
		m.t.Fatalf("sc query %s: no state in %q", name, text)
	}
	return fields[1]
}

// is wants a service in this state.
func (m *machine) is(name, want string) {
	m.t.Helper()
	if got := m.service(name); got != want {
		m.t.Errorf("service %s is %q, want %q", name, got, want)
	}
}

// changedBy is what changed since before, but for the named exceptions.
func (m *machine) changedBy(before state.State, except ...string) string {
	m.t.Helper()
	return state.Diff(before, m.look()).Except(noise...).Except(systemNoise...).Except(except...).String()
}

// same wants nothing to differ from what was, but for the named exceptions.
func (m *machine) same(before state.State, except ...string) {
	m.t.Helper()
	if changes := m.changedBy(before, except...); changes != "" {
		m.t.Errorf("the machine is not as before:\n%s", changes)
	}
}

// says tells whether a program writes a text.
func (m *machine) says(text, name string, args ...string) bool {
	m.t.Helper()
	got, _, err := m.run(m.t.Context(), name, args...)
	if err != nil {
		m.t.Fatal(err)
	}
	return strings.Contains(got, text)
}

// products are the names under which the packages install themselves.
var products = []string{"Holdfast", "Shop", "Depot"}

// evidence is what an engineer wants to see after a failure.
func (m *machine) evidence() string {
	var b strings.Builder
	show := func(path string, lines int) {
		if data, err := os.ReadFile(path); err == nil {
			fmt.Fprintf(&b, "--- %s\n%s\n", path, tail(decode(data), lines))
		}
	}
	if m.log != "" {
		show(m.path(m.log), 60)
	}
	b.WriteString(m.gone)
	// Wherever the data folder was put.
	for _, root := range m.roots() {
		_ = filepath.WalkDir(m.path(root), func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return nil //nolint:nilerr // what cannot be read is no evidence
			}
			name := strings.ToLower(entry.Name())
			switch {
			case entry.IsDir() && (name == "windows" || name == "users" || name == "packages"):
				return filepath.SkipDir
			case entry.IsDir():
			case name == "setup.log" || name == "holdfast.yaml":
				show(path, 60)
			case filepath.Ext(name) == ".log" && strings.Contains(filepath.ToSlash(path), "/logs/") && name != "access.log" && !strings.HasPrefix(name, "msiexec"):
				show(path, 30)
			}
			return nil
		})
	}
	return b.String()
}

// tail is the last lines of a text.
func tail(text string, lines int) string {
	all := strings.Split(strings.TrimRight(text, "\r\n"), "\n")
	if len(all) <= lines {
		return text
	}
	return fmt.Sprintf("(%d lines before)\n%s", len(all)-lines, strings.Join(all[len(all)-lines:], "\n"))
}

// decode is text as Windows writes it: UTF-16 with its mark, or bytes.
func decode(data []byte) string {
	if len(data) < 2 || data[0] != 0xff || data[1] != 0xfe {
		return string(data)
	}
	units := make([]uint16, 0, len(data)/2)
	for i := 2; i+1 < len(data); i += 2 {
		units = append(units, uint16(data[i])|uint16(data[i+1])<<8)
	}
	return string(utf16.Decode(units))
}

// witness makes a failed test show its evidence; it must be called after the machine is ready, so
// that it looks before the machine is gone.
func (m *machine) witness() {
	m.t.Cleanup(func() {
		if m.t.Failed() {
			m.t.Log(m.evidence())
		}
	})
}
