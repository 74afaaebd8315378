package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/internal/service"
)

const (
	dataDir    = `C:\ProgramData\Shop`
	installDir = `C:\Program Files\Shop`
	template1  = "version: 1\n"
	everybody  = "BUILTIN\\Users"
)

// node is a file or folder of the fake disk.
type node struct {
	folder, link bool
	broken       bool // whoever looks into it fails
	names        int  // 0: one
	stranger     bool
	access       string
	replacers    bool
	writers      bool
	heirs        bool
	data         string
}

// fakeMachine is a Windows in memory.
type fakeMachine struct {
	nodes  map[string]node // by path, in the case in which they were made
	rules  []service.FirewallRule
	record service.Record
	pid    int

	settings    map[string]string
	badSettings error

	noFirewall bool
	foreign    bool
	deaf       int // stops that do nothing
	unkillable bool
	pinned     map[string]int
	hang       chan struct{} // a stop that hears nothing
	volume     volume
	answer     func(m *fakeMachine) (readiness, int, error) // of the pipe
	onBegin    func(m *fakeMachine)
	onMake     func(dir string)

	// ops counts changes. The one that failAt counts fails; with broken, all that follow fail, too.
	ops, failAt int
	broken      bool
	data        string // the data folder of the newest action
	did         []string
	told        []string
	startID     string
	counter     int
}

var errBroken = errors.New("the disk is on fire")

func newFake() *fakeMachine {
	m := &fakeMachine{nodes: map[string]node{}, pinned: map[string]int{}, volume: volume{true, true}}
	for _, dir := range []string{`C:\`, `C:\Windows`, `C:\Program Files`, `C:\ProgramData`, `C:\Users`} {
		m.nodes[dir] = node{folder: true}
	}
	m.put(`C:\ProgramData`, func(n *node) { n.writers, n.heirs = true, true })
	m.put(`C:\`, func(n *node) { n.heirs = true })
	return m
}

func (m *fakeMachine) put(path string, change func(*node)) {
	n := m.nodes[path]
	change(&n)
	m.nodes[path] = n
}

func (m *fakeMachine) file(path, data string) {
	for dir := parent(path); ; dir = parent(dir) {
		if _, ok := m.nodes[m.find(dir)]; !ok {
			m.nodes[dir] = node{folder: true, access: "D:inherited"}
		}
		if len(dir) == 3 {
			break
		}
	}
	m.nodes[m.find(path)] = node{data: data}
}

// find is the path in the case in which it was made.
func (m *fakeMachine) find(path string) string {
	for p := range m.nodes {
		if strings.EqualFold(p, path) {
			return p
		}
	}
	return path
}

func (m *fakeMachine) machine() machine {
	return machine{
		service: fakeService{m}, disk: fakeDisk{m}, firewall: fakeFirewall{m},
		folders:  folders{`C:\Windows`, []string{`C:\Program Files`, `C:\ProgramData`, `C:\Users`}, `C:\Program Files`, `C:\ProgramData`},
		settings: func(string) (map[string]string, error) { return m.settings, m.badSettings },
		pipe: func(context.Context, string) (pipe, error) {
			if m.answer == nil {
				return nil, fs.ErrNotExist
			}
			answer, pid, err := m.answer(m)
			return newFakePipe(answer, pid), err
		},
		events: func(level service.Level, id uint32, text string) error {
			m.told = append(m.told, fmt.Sprintf("%s %d %s", level, id, text))
			return nil
		},
		now: func() time.Time { return time.Date(2026, 3, 1, 10, 45, 0, 0, time.UTC) },
		random: func(n int) string {
			m.counter++
			return strings.Repeat(fmt.Sprintf("%02x", m.counter), n)
		},
	}
}

// run is one action, with the arguments of wix/actions.wxs; change sets those that differ.
func (m *fakeMachine) run(t *testing.T, name string, change map[string]string) error {
	t.Helper()
	m.ops = 0
	given := arguments()
	maps.Copy(given, change)
	v, err := findVerb(name)
	if err != nil {
		t.Fatal(err)
	}
	r, problems := newRequest(given)
	m.data = r.data
	w := m.machine()
	s := &setup{machine: w, verb: v, request: r, log: &journal{verb: v.name, version: r.productVersion, now: w.now, disk: w.disk}}
	err = s.carryOut(t.Context(), problems)
	if err != nil {
		s.failed(err)
	}
	return err
}

func arguments() map[string]string {
	return map[string]string{
		argName: "Shop", argDisplay: "The Shop", argVersion: "1.3.0+abc", argProductVersion: "1.3.0",
		argInstall: installDir + `\.`, argData: dataDir + `\.`, argAccount: "LocalService", argAddress: "*", argPort: "8080",
		argFirewall: "no", argStart: "auto", argTimeout: "60", argConfig: "", argPurge: "", argInstalled: "", argRemove: "",
		argUpgrading: "", argOlder: "", argRestricted: "", argProduct: "{5B39C1B5-38E7-4D67-A6A3-2A2B3C4D5E6F}",
	}
}

// doing counts a change of the machine and says whether it can be made.
func (m *fakeMachine) doing(what string) error {
	if m.ops++; m.failAt > 0 && (m.ops == m.failAt || m.broken && m.ops > m.failAt) {
		return errBroken
	}
	m.did = append(m.did, what)
	return nil
}

// state is all that a rollback has to bring back, as text.
func (m *fakeMachine) state() map[string]string {
	out := map[string]string{}
	for path, n := range m.nodes {
		if strings.HasSuffix(path, `\`+logName) {
			continue // tells of what was tried
		}
		out[path] = fmt.Sprintf("%+v", n)
	}
	for _, r := range m.rules {
		out["rule "+r.Program] = fmt.Sprint(r.Enabled)
	}
	out["service"] = fmt.Sprintf("%+v", m.record)
	return out
}

type fakeDisk struct{ m *fakeMachine }

func (d fakeDisk) Look(path string) (service.Entry, error) {
	if path != "" && (d.m.nodes[d.m.find(parent(path))].broken || d.m.nodes[d.m.find(parent(parent(path)))].broken) {
		return service.Entry{}, errors.New("the name of the file cannot be resolved by the system")
	}
	n, ok := d.m.nodes[d.m.find(path)]
	if !ok {
		return service.Entry{}, nil
	}
	e := service.Entry{Exists: true, Folder: n.folder, Link: n.link, Names: max(1, n.names), Owner: "Administrators", Trusted: !n.stranger, Access: n.access}
	if n.stranger {
		e.Owner = `PC\eve`
	}
	for groups, has := range map[*[]string]bool{&e.Replacers: n.replacers, &e.Writers: n.writers, &e.Heirs: n.heirs} {
		if has {
			*groups = []string{everybody}
		}
	}
	return e, nil
}

func (d fakeDisk) Volume(string) (volume, error) { return d.m.volume, nil }

func (d fakeDisk) Full(path string) (string, error) {
	return strings.NewReplacer("PROGRA~1", "Program Files", "PROGRA~3", "ProgramData").Replace(path), nil
}

func (d fakeDisk) List(dir string, _ int) ([]string, error) {
	if _, ok := d.m.nodes[d.m.find(dir)]; !ok {
		return nil, fs.ErrNotExist
	}
	var names []string
	for path := range d.m.nodes {
		if path != d.m.find(dir) && strings.EqualFold(parent(path), strings.TrimSuffix(dir, `\`)) || len(dir) == 3 && parent(path) == dir && path != dir {
			names = append(names, base(path))
		}
	}
	slices.Sort(names)
	return names, nil
}

func (d fakeDisk) Read(path string, limit int64) ([]byte, error) {
	n, ok := d.m.nodes[d.m.find(path)]
	switch {
	case !ok:
		return nil, fs.ErrNotExist
	case n.folder || n.link || n.names > 1 || int64(len(n.data)) > limit:
		return nil, fmt.Errorf("%s is no plain file of at most %d bytes", path, limit)
	}
	return []byte(n.data), nil
}

func (d fakeDisk) Tail(path string, limit int64) ([]byte, error) {
	data, err := d.Read(path, 1<<30)
	return data[max(0, int64(len(data))-limit):], err
}

func (d fakeDisk) Write(path string, data []byte) error {
	if err := d.m.doing("write " + path); err != nil {
		return err
	}
	if _, ok := d.m.nodes[d.m.find(parent(path))]; !ok {
		return fs.ErrNotExist
	}
	d.m.nodes[d.m.find(path)] = node{data: string(data)}
	return nil
}

func (d fakeDisk) Append(path string, data []byte, _ int64) error {
	if _, ok := d.m.nodes[d.m.find(parent(path))]; !ok {
		return fs.ErrNotExist
	}
	d.m.put(d.m.find(path), func(n *node) { n.data += string(data) })
	return nil
}

func (d fakeDisk) Make(dir, sddl string) error {
	if err := d.m.doing("make " + dir); err != nil {
		return err
	}
	if _, ok := d.m.nodes[d.m.find(parent(dir))]; !ok {
		return fs.ErrNotExist
	}
	if _, ok := d.m.nodes[d.m.find(dir)]; ok {
		return fs.ErrExist
	}
	d.m.nodes[dir] = node{folder: true, access: sddl}
	if d.m.onMake != nil {
		d.m.onMake(dir)
	}
	return nil
}

func (d fakeDisk) Lock(dir, sddl string) error {
	if err := d.m.doing("lock " + dir); err != nil {
		return err
	}
	d.m.put(d.m.find(dir), func(n *node) { n.access = sddl })
	return nil
}

func (d fakeDisk) Pin(dir string) (func(), error) {
	if _, ok := d.m.nodes[d.m.find(dir)]; !ok {
		return nil, fs.ErrNotExist
	}
	d.m.pinned[strings.ToLower(dir)]++
	return func() { d.m.pinned[strings.ToLower(dir)]-- }, nil
}

// free is an error while something in a folder is pinned.
func (d fakeDisk) free(dir string) error {
	for path, n := range d.m.pinned {
		if n > 0 && within(path, dir) {
			return fmt.Errorf("%s is in use", path)
		}
	}
	return nil
}

func (d fakeDisk) Move(from, to string) error {
	if err := errors.Join(d.free(from), d.m.doing("move "+from)); err != nil {
		return err
	}
	if _, ok := d.m.nodes[d.m.find(to)]; ok {
		return fs.ErrExist
	}
	for path, n := range maps.Clone(d.m.nodes) {
		if within(path, from) {
			delete(d.m.nodes, path)
			d.m.nodes[to+path[len(from):]] = n
		}
	}
	return nil
}

func (d fakeDisk) Remove(path string) error {
	if _, ok := d.m.nodes[d.m.find(path)]; !ok {
		return nil
	}
	if err := d.m.doing("remove " + path); err != nil {
		return err
	}
	delete(d.m.nodes, d.m.find(path))
	return nil
}

func (d fakeDisk) RemoveAll(path string) error {
	if err := errors.Join(d.free(path), d.m.doing("remove all of "+path)); err != nil {
		return err
	}
	maps.DeleteFunc(d.m.nodes, func(p string, _ node) bool { return within(p, path) })
	return nil
}

type fakeFirewall struct{ m *fakeMachine }

func (f fakeFirewall) Rules(name string) ([]service.FirewallRule, error) {
	var found []service.FirewallRule
	for _, r := range f.m.rules {
		if r.Name == name {
			found = append(found, r)
		}
	}
	return found, nil
}

func (f fakeFirewall) change(what string, r service.FirewallRule, do func(i int)) error {
	if f.m.noFirewall {
		return service.ErrNoFirewall
	}
	if err := f.m.doing(what + " " + r.Program); err != nil {
		return err
	}
	do(slices.IndexFunc(f.m.rules, func(have service.FirewallRule) bool {
		return have.Name == r.Name && strings.EqualFold(have.Program, r.Program)
	}))
	return nil
}

func (f fakeFirewall) Add(_ context.Context, r service.FirewallRule) error {
	return f.change("add rule", r, func(int) { f.m.rules = append(f.m.rules, r) })
}

func (f fakeFirewall) SetEnabled(_ context.Context, r service.FirewallRule, on bool) error {
	return f.change("set rule", r, func(i int) { f.m.rules[i].Enabled = on })
}

func (f fakeFirewall) Remove(_ context.Context, r service.FirewallRule) error {
	return f.change("remove rule", r, func(i int) { f.m.rules = slices.Delete(f.m.rules, i, i+1) })
}

// fakeService is the service manager.
type fakeService struct{ m *fakeMachine }

func (f fakeService) check() error {
	if f.m.foreign {
		return service.ErrForeign
	}
	return nil
}

func (f fakeService) Record(context.Context) (service.Record, error) { return f.m.record, f.check() }

func (f fakeService) Query(context.Context) (service.Status, error) {
	st := service.Status{Installed: f.m.record.Installed, State: f.m.record.State, PID: f.m.pid}
	if st.State == "stopped" && f.m.startID != "" {
		st.ExitCode, st.Detail = 3, "ended with exit code 3: the configuration is invalid"
	}
	return st, nil
}

func (f fakeService) Check(context.Context, service.Registration) error { return f.check() }

func (f fakeService) Install(_ context.Context, r service.Registration, say func(string)) error {
	for _, step := range []func(){
		func() { f.m.record.Installed, f.m.record.Command = true, `"`+r.Executable+`" run --name Shop` },
		func() {
			f.m.record.Start, f.m.record.Account, f.m.record.Description = r.Start, r.Account, r.Description
		},
		func() {
			f.m.record.Source = true
			f.m.put(f.m.find(f.m.data), func(n *node) { n.access = "D:ours" })
		},
	} {
		if err := f.m.doing("install"); err != nil {
			return err
		}
		step()
	}
	if f.m.record.State == "" {
		f.m.record.State = "stopped"
	}
	say("installed")
	return nil
}

func (f fakeService) Restore(_ context.Context, r service.Record, _ func(string)) error {
	if err := f.m.doing("restore"); err != nil {
		return err
	}
	f.m.record, f.m.pid = r, 0
	if r.State == "running" {
		f.m.pid = 77
	}
	return nil
}

func (f fakeService) Disarm(context.Context, func(string)) error {
	if !f.m.record.Installed {
		return nil
	}
	if err := f.m.doing("disarm"); err != nil {
		return err
	}
	f.m.record.Start, f.m.record.OnFailure = startDisabled, false
	return nil
}

func (f fakeService) Forget(context.Context, func(string)) error {
	if err := f.m.doing("forget"); err != nil {
		return err
	}
	f.m.record.Source = false
	return nil
}

func (f fakeService) Stop(context.Context, func(string)) error {
	if f.m.hang != nil {
		<-f.m.hang
	}
	if f.m.deaf > 0 {
		f.m.deaf--
		return errors.New("it is busy")
	}
	if err := f.m.doing("stop"); err != nil {
		return err
	}
	f.m.record.State, f.m.pid = "stopped", 0
	return nil
}

func (f fakeService) Kill(context.Context) error {
	if f.m.unkillable {
		return service.ErrDenied
	}
	if err := f.m.doing("kill"); err != nil {
		return err
	}
	f.m.record.State, f.m.pid = "stopped", 0
	return nil
}

func (f fakeService) Begin(_ context.Context, startID string) error {
	if err := f.m.doing("begin"); err != nil {
		return err
	}
	if f.m.record.Start == startDisabled {
		return errors.New("it is disabled")
	}
	f.m.startID, f.m.record.State, f.m.pid = startID, "running", 42
	if f.m.onBegin != nil {
		f.m.onBegin(f.m)
	}
	return nil
}
