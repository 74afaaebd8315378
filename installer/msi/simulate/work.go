package simulate

import (
	"fmt"
	"strings"

	"holdfast/installer/msi"
)

// work is what a standard action has to do: lines to read, and its effect on what is remembered.
type work struct {
	lines       []string
	apply, undo func()
}

// work finds the work of a modelled action; false for one that is not modelled.
func (s *session) work(action string) (work, bool) {
	nothing := func() {}
	w := work{apply: nothing, undo: nothing}
	switch action {
	case "ProcessComponents":
		w.lines = s.components()
	case "StopServices":
		w.lines = s.control(0x02, 0x20, "stops")
	case "DeleteServices":
		w.lines = s.control(0x08, 0x80, "removes")
	case "StartServices":
		w.lines = s.control(0x01, 0x10, "starts")
	case "InstallServices":
		w.lines = s.services()
	case "InstallFiles":
		w.lines = s.files(local)
	case "RemoveFiles":
		w.lines = s.files(absent)
	case "CreateFolders":
		w.lines = s.emptyFolders("creates", local)
	case "RemoveFolders":
		w.lines = s.emptyFolders("removes, if it is empty,", absent)
	case "WriteEnvironmentStrings":
		w.lines = s.variables("sets", local)
	case "RemoveEnvironmentStrings":
		w.lines = s.variables("takes back", absent)
	case "WriteRegistryValues":
		return s.writeRegistry(), true
	case "RemoveRegistryValues":
		return s.removeRegistry(), true
	case "RegisterProduct":
		return s.register(), true
	default:
		return work{}, false
	}
	return w, true
}

func (s *session) components() []string {
	if s.plan == nil {
		return nil
	}
	in, out := 0, 0
	for _, st := range s.plan.components {
		switch st.action {
		case local:
			in++
		case absent:
			out++
		}
	}
	var lines []string
	if in > 0 {
		lines = append(lines, fmt.Sprintf("registers %d component(s)", in))
	}
	if out > 0 {
		lines = append(lines, fmt.Sprintf("unregisters %d component(s)", out))
	}
	return lines
}

// control finds services to control (learn.microsoft.com/windows/win32/msi/servicecontrol-table).
func (s *session) control(installing, removing int, verb string) []string {
	var lines []string
	for _, c := range []struct{ state, bit int }{{local, installing}, {absent, removing}} {
		t, rows := s.rowsOf("ServiceControl", c.state)
		for _, r := range rows {
			if event, _ := t.Int(r, "Event"); event&c.bit == 0 {
				continue
			}
			line := fmt.Sprintf("%s service %s", verb, s.rowText(t, r, "Name"))
			if wait, _ := t.Int(r, "Wait"); wait == 1 {
				line += " and waits"
			}
			lines = append(lines, line)
		}
	}
	return lines
}

func (s *session) services() []string {
	t, rows := s.rowsOf("ServiceInstall", local)
	var lines []string
	for _, r := range rows {
		start, _ := t.Int(r, "StartType")
		account := s.rowText(t, r, "StartName")
		if account == "" {
			account = "LocalSystem"
		}
		how := map[int]string{2: "automatic", 3: "on demand", 4: "disabled"}[start]
		program := s.keyPath(t.Text(r, "Component_"))
		lines = append(lines, strings.TrimSpace(fmt.Sprintf(`registers service %s: "%s" %s, start %s, account %s`,
			s.rowText(t, r, "Name"), program, s.rowText(t, r, "Arguments"), how, account)))
	}
	return lines
}

// keyPath is the path of the key file of a component.
func (s *session) keyPath(component string) string {
	t := s.db.Table("Component")
	return s.expand("[#" + t.Text(t.Find(component), "KeyPath") + "]")
}

func (s *session) files(action int) []string {
	t, rows := s.rowsOf("File", action)
	verb := map[int]string{local: "copies", absent: "removes"}[action]
	var lines []string
	for _, r := range rows {
		lines = append(lines, fmt.Sprintf("%s %s", verb, s.expand("[#"+t.Text(r, "File")+"]")))
	}
	if action == absent {
		return append(lines, s.removals()...)
	}
	return lines
}

// removals are the rows of RemoveFile that apply.
func (s *session) removals() []string {
	var lines []string
	for _, c := range []struct{ state, bit int }{{local, 1}, {absent, 2}} {
		t, rows := s.rowsOf("RemoveFile", c.state)
		for _, r := range rows {
			if mode, _ := t.Int(r, "InstallMode"); mode&c.bit == 0 {
				continue
			}
			name := long(t.Text(r, "FileName"))
			if name == "" {
				name = "(the folder, if it is empty)"
			}
			lines = append(lines, fmt.Sprintf("removes %s%s", s.properties.get(t.Text(r, "DirProperty")), name))
		}
	}
	return lines
}

func (s *session) emptyFolders(verb string, action int) []string {
	t, rows := s.rowsOf("CreateFolder", action)
	var lines []string
	for _, r := range rows {
		lines = append(lines, verb+" "+s.properties.get(t.Text(r, "Directory_")))
	}
	return lines
}

func (s *session) variables(verb string, action int) []string {
	t, rows := s.rowsOf("Environment", action)
	var lines []string
	for _, r := range rows {
		name := strings.TrimLeft(t.Text(r, "Name"), "=+-!*")
		lines = append(lines, fmt.Sprintf("%s %s: %s", verb, name, strings.ReplaceAll(s.rowText(t, r, "Value"), "\x00", "%"+name+"%")))
	}
	return lines
}

// value is a row of Registry as the machine remembers it; false for a row that only makes or removes
// a key (learn.microsoft.com/windows/win32/msi/registry-table).
func (s *session) value(t *msi.Table, r msi.Row) (Value, bool) {
	name := t.Text(r, "Name")
	if t.Text(r, "Value") == "" && (name == "+" || name == "-" || name == "*") {
		return Value{}, false
	}
	components := s.db.Table("Component")
	attributes, _ := components.Int(components.Find(t.Text(r, "Component_")), "Attributes")
	root, _ := t.Int(r, "Root")
	return Value{
		registryPath(root, s.rowText(t, r, "Key"), s.expand(name), attributes&wide != 0),
		s.rowText(t, r, "Value"),
	}, true
}

func (s *session) writeRegistry() work {
	t, rows := s.rowsOf("Registry", local)
	var w work
	var values []Value
	for _, r := range rows {
		if v, ok := s.value(t, r); ok {
			values = append(values, v)
			w.lines = append(w.lines, s.properties.masked(fmt.Sprintf(`%s = "%s"`, v.Path, v.Text)))
		}
	}
	s.effect(&w, func(r *registry) {
		for _, v := range values {
			r.set(v.Path, v.Text)
		}
	})
	return w
}

func (s *session) removeRegistry() work {
	t, rows := s.rowsOf("Registry", absent)
	var w work
	var values []Value
	for _, r := range rows {
		if v, ok := s.value(t, r); ok {
			values = append(values, v)
			w.lines = append(w.lines, "removes "+v.Path)
		}
	}
	s.effect(&w, func(r *registry) {
		for _, v := range values {
			r.remove(v.Path)
		}
	})
	return w
}

// effect lets a work change the registry, and change it back.
func (s *session) effect(w *work, change func(*registry)) {
	saved := s.machine.registry
	w.apply = func() {
		saved = s.machine.registry
		s.machine.registry = s.machine.clone().registry
		change(s.machine.registry)
	}
	w.undo = func() { s.machine.registry = saved }
}

func (s *session) register() work {
	if s.properties.get("REMOVE") == "ALL" {
		return work{apply: func() {}, undo: func() {}}
	}
	there := s.installed
	w := work{apply: func() { s.machine.add(s.db) }, undo: func() {
		if !there {
			s.machine.remove(s.db)
		}
	}}
	w.lines = []string{fmt.Sprintf("adds %s %s to the installed programs", s.properties.get("ProductName"), s.properties.get("ProductVersion"))}
	return w
}
