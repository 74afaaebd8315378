// Package doctor looks for what keeps, or will keep, a Holdfast from working on its machine: in its
// configuration, ports, rights, paths, clock, disks, limits and registration as a service.
//
// Examine changes nothing. It works while Holdfast is down and without administrator rights, and says
// what could not be looked at. No finding holds a secret: neither values of environment variables nor
// arguments of commands are ever part of one.
package doctor

import (
	"context"
	"fmt"
	"io/fs"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/port"
	"holdfast/internal/service"
	"holdfast/internal/status"
)

// Level is how good a finding is.
type Level string

const (
	// OK needs nothing.
	OK Level = "ok"
	// Warn works now, or works less well than it could.
	Warn Level = "warn"
	// Fail keeps something from working.
	Fail Level = "fail"
	// Unseen could not be looked at, mostly for want of rights.
	Unseen Level = "unseen"
)

// Finding is one thing that was looked at.
type Finding struct {
	// Check is the area: one of Checks.
	Check string `json:"check"`
	Level Level  `json:"level"`
	// Found is what was found, in a sentence.
	Found string `json:"found"`
	// Fix is what to do about it: a command for this system wherever there is one.
	Fix string `json:"fix,omitempty"`
}

// Report is everything that was found, in the order of Checks.
type Report struct {
	// OK is false when there is a failure.
	OK       bool      `json:"ok"`
	Failures int       `json:"failures"`
	Warnings int       `json:"warnings"`
	Unseen   int       `json:"unseen"`
	Findings []Finding `json:"findings"`
}

// Machine is the machine that is looked at. Errors wrap fs.ErrNotExist and fs.ErrPermission.
type Machine interface {
	// File looks at a path, following links.
	File(path string) (File, error)
	// Tree sums up a folder.
	Tree(dir string) (Tree, error)
	// Read is the content of a small file.
	Read(path string) ([]byte, error)
	// Write tells whether this account may make files in a folder.
	Write(dir string) error
	Disk(path string) (Disk, error)
	// Account is an account of this machine (Linux).
	Account(name string) (Account, error)
	// Owner is who listens on a port, Excluded why nobody may.
	Owner(port int) (port.Owner, bool)
	Excluded(port int) string
	Rights() port.Rights
	// Listening are the ports of a process tree.
	Listening(pid int) []int
	// Has tells whether an address is one of this machine's.
	Has(host string) bool
	// Service is what the service manager knows.
	Service(ctx context.Context) (Service, error)
	// OpenFiles is how many descriptors a process may have (0: this one; Linux).
	OpenFiles(pid int) (uint64, error)
	// LongPaths tells whether programs may use paths of more than 260 characters (Windows).
	LongPaths() (bool, error)
}

// File is a file or folder.
type File struct {
	Folder   bool
	Mode     fs.FileMode
	UID, GID int // Linux
	ModTime  time.Time
}

// Tree is what a folder holds altogether.
type Tree struct {
	Bytes int64
	// Newest is the newest file, relative to the folder, and Written when it was written.
	Newest  string
	Written time.Time
}

// Disk is a volume.
type Disk struct {
	Free, Total uint64 // bytes, for an ordinary account
	// FreeFiles and Files count its inodes; 0 where there are none.
	FreeFiles, Files uint64
	ReadOnly         bool
}

// Account is an account of Linux.
type Account struct {
	Name string
	UID  int
	GIDs []int
}

// Service is what the service manager knows about this installation.
type Service struct {
	service.Status
	// Differences say in what the registration differs from what this version registers.
	Differences []string
	// Source tells whether the event source is registered (Windows).
	Source bool
}

// Running is the Holdfast that answers.
type Running struct {
	Version  string
	Ready    bool
	Reasons  []string
	Revision int
	// Applied is false when the newest configuration was refused.
	Applied bool
	// File is the configuration file that it reads.
	File string
	// Apps are those that are not as they should be, and Instances the processes of all of them.
	Apps      []App
	Instances []Instance
	// Certificates are all that it presents.
	Certificates []Certificate
}

// App is one that is down or degraded, and why.
type App struct {
	ID        string
	Condition status.Condition
	Why       string
}

// Instance is one process of an app that runs.
type Instance struct {
	ID        string
	PID, Port int
}

// Subject is the installation that is looked at, and what its command has found out already.
type Subject struct {
	// System is linux or windows.
	System string
	// Identity has its names and folders.
	Identity service.Identity
	// Snapshot is its configuration, nil when it has errors; Loading is how long reading it took.
	Snapshot *config.Snapshot
	Problems config.Problems
	Loading  time.Duration
	// Running is who answers; nil when nobody does, and NotRunning says why.
	Running    *Running
	NotRunning error
	// Denied says that somebody answers, but not to this account.
	Denied bool
	// Version is that of this binary.
	Version string
	// Account is who looks, Admin says that it may look at everything.
	Account string
	Admin   bool
	// Program is the file name of this binary, without its folder.
	Program string
	// Began is when the examination began, with its monotonic part, and Now tells the time.
	Began time.Time
	Now   func() time.Time
	// Command is a command of this installation, as a person writes it: "holdfast reload".
	Command func(rest string) string
	// Delegation says how limits of apps are enforced: "cgroup v2 at ..."; an error says why they are not.
	// Nil when nobody knows.
	Delegation func() (string, error)
	// Leftovers are the processes that an earlier run left behind (nil: nobody knows).
	Leftovers func() ([]int, error)
}

// check is one area.
type check struct {
	name string
	look func(*exam)
}

func checks() []check {
	return []check{
		{"configuration", (*exam).configuration},
		{"running", (*exam).running},
		{"service", (*exam).service},
		{"ports", (*exam).ports},
		{"rights", (*exam).rights},
		{"paths", (*exam).paths},
		{"certificates", (*exam).certificates},
		{"clock", (*exam).clock},
		{"disk", (*exam).disk},
		{"limits", (*exam).limits},
	}
}

// Checks are the areas, in their order.
func Checks() []string {
	var names []string
	for _, c := range checks() {
		names = append(names, c.name)
	}
	return names
}

// Examine looks at everything.
func Examine(ctx context.Context, m Machine, s Subject) Report {
	e := &exam{m: m, s: s}
	e.registered, e.registeredErr = m.Service(ctx)
	if s.Snapshot != nil {
		e.cfg = s.Snapshot.Config
	}
	for _, c := range checks() {
		e.check = c.name
		c.look(e)
	}
	for _, f := range e.report.Findings {
		switch f.Level {
		case Fail:
			e.report.Failures++
		case Warn:
			e.report.Warnings++
		case Unseen:
			e.report.Unseen++
		case OK:
		}
	}
	e.report.OK = e.report.Failures == 0
	return e.report
}

// exam is one examination.
type exam struct {
	m             Machine
	s             Subject
	cfg           *config.Config // nil when it cannot be used
	registered    Service
	registeredErr error
	check         string
	report        Report
}

func (e *exam) add(level Level, fix, format string, args ...any) {
	e.report.Findings = append(e.report.Findings, Finding{Check: e.check, Level: level, Found: fmt.Sprintf(format, args...), Fix: fix})
}

func (e *exam) ok(format string, args ...any)        { e.add(OK, "", format, args...) }
func (e *exam) warn(fix, format string, args ...any) { e.add(Warn, fix, format, args...) }
func (e *exam) fail(fix, format string, args ...any) { e.add(Fail, fix, format, args...) }

// unseen is something that this account may not look at.
func (e *exam) unseen(format string, args ...any) {
	fix := ""
	if !e.s.Admin {
		fix = e.asAdmin(e.s.Command("doctor"))
	}
	e.add(Unseen, fix, format, args...)
}

func (e *exam) windows() bool { return e.s.System == "windows" }

// admin is a command of Holdfast that needs administrator rights.
func (e *exam) admin(rest string) string { return e.asAdmin(e.s.Command(rest)) }

func (e *exam) asAdmin(command string) string {
	switch {
	case e.s.Admin:
		return command
	case e.windows():
		return command + " (in a console that was started as administrator)"
	default:
		return "sudo " + command
	}
}

// on is the command of this system.
func (e *exam) on(linux, windows string) string {
	if e.windows() {
		return windows
	}
	return linux
}
