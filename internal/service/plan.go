package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// What a caller decides on. The errors of this package wrap them and say what to do.
var (
	// ErrNotInstalled says that no service has this Identity's name.
	ErrNotInstalled = errors.New("not installed")
	// ErrDenied says that the caller lacks the right (ExitDenied).
	ErrDenied = errors.New("access denied")
	// ErrForeign says that the name is taken by something that is not Holdfast's.
	ErrForeign = errors.New("belongs to another program")
	// ErrNoManager says that no service manager runs on this machine (ExitUnreachable).
	ErrNoManager = errors.New("no service manager")
	// ErrUnsupported says that this system's service manager has no such thing.
	ErrUnsupported = errors.New("not supported")
)

// Action is something that can be done with a registered service.
type Action string

// The actions. Reload is ParamChange to the SCM and SIGHUP under systemd.
const (
	Start    Action = "start"
	Stop     Action = "stop"
	Restart  Action = "restart"
	Pause    Action = "pause"
	Continue Action = "continue"
	Reload   Action = "reload"
)

// StartType says when a service starts by itself.
type StartType string

const (
	// StartAuto starts at boot.
	StartAuto StartType = "auto"
	// StartDelayed starts a while after boot (about two minutes, SCM; systemd: after other units).
	StartDelayed StartType = "delayed"
	// StartManual starts when somebody asks.
	StartManual StartType = "manual"
)

// Registration is what a service is to be.
type Registration struct {
	// Executable is the absolute path of the binary (default: this one).
	Executable string
	// Account is who the service runs as. Windows: LocalService (default), NetworkService, the
	// service's own NT SERVICE\<name>, or a group managed account DOMAIN\name$. Linux: a user;
	// by default a system user of the installation's own, which is made when it is missing.
	Account string
	// Start is StartAuto by default.
	Start StartType
	// DisplayName is what service managers list (Windows; default: the Identity's).
	DisplayName string
	// Description is what they show besides.
	Description string
	// Config is written as the configuration file where none is; nil writes none.
	Config []byte
}

func (r Registration) withDefaults() (Registration, error) {
	if r.Executable == "" {
		exe, err := os.Executable()
		if err != nil {
			return r, fmt.Errorf("find this executable: %w", err)
		}
		r.Executable = exe
	}
	if !filepath.IsAbs(r.Executable) && !isWindowsPath(r.Executable) {
		return r, fmt.Errorf("executable %s: give its full path", r.Executable)
	}
	if r.Start == "" {
		r.Start = StartAuto
	}
	switch r.Start {
	case StartAuto, StartDelayed, StartManual:
	case startDisabled:
		fallthrough
	default:
		return r, fmt.Errorf("start type %q: write auto, delayed or manual", r.Start)
	}
	if r.Description == "" {
		r.Description = "Keeps HTTP programs running and fronts them as a gateway."
	}
	return r, nil
}

func isWindowsPath(p string) bool { return len(p) > 2 && p[1] == ':' && p[2] == '\\' }

// Status is what the service manager says about the service.
type Status struct {
	Name      string `json:"name"`
	Installed bool   `json:"installed"`
	// State is not_installed, stopped, start_pending, running, pause_pending, paused,
	// continue_pending, stop_pending, reloading or failed.
	State   string    `json:"state"`
	PID     int       `json:"pid,omitempty"`
	Account string    `json:"account,omitempty"`
	Start   StartType `json:"start,omitempty"`
	Command string    `json:"command,omitempty"`
	// ExitCode is how the last run ended (one of ExitCodes), when it ended.
	ExitCode int `json:"exit_code,omitempty"`
	// Detail is what the manager adds in words.
	Detail     string `json:"detail,omitempty"`
	ConfigFile string `json:"config_file"`
	DataDir    string `json:"data_dir"`
	LogDir     string `json:"log_dir"`
	Endpoint   string `json:"endpoint"`

	checkpoint uint32
	waitHint   time.Duration
}

func (id Identity) status() Status {
	return Status{
		Name: id.ServiceName(), State: "not_installed", ConfigFile: id.ConfigFile(),
		DataDir: id.DataDir(), LogDir: id.LogDir(), Endpoint: id.Endpoint(),
	}
}

// Step is one change to the machine.
type Step struct {
	// Text says what it does: "create service Holdfast".
	Text string
	// Detail is what is worth seeing before it is done, such as a file's content; often empty.
	Detail string

	do func(ctx context.Context, say func(string)) error
}

// Plan is the way from how the machine is to how it should be. An empty Steps means that nothing is
// to be done.
type Plan struct {
	Steps []Step
	// Unchanged names what is as it should be; Notes is what a person should know besides.
	Unchanged, Notes []string
}

func (p *Plan) add(text string, do func(ctx context.Context) error) {
	p.Steps = append(p.Steps, Step{Text: text, do: func(ctx context.Context, _ func(string)) error { return do(ctx) }})
}

func (p *Plan) addWait(text string, do func(ctx context.Context, say func(string)) error) {
	p.Steps = append(p.Steps, Step{Text: text, do: do})
}

func (p *Plan) same(format string, args ...any) {
	p.Unchanged = append(p.Unchanged, fmt.Sprintf(format, args...))
}

func (p *Plan) note(format string, args ...any) {
	p.Notes = append(p.Notes, fmt.Sprintf(format, args...))
}

// Run carries the plan out and stops at the first failure. say hears what was done and, during a
// wait, how it goes.
func (p Plan) Run(ctx context.Context, say func(string)) error {
	for _, s := range p.Steps {
		if err := s.do(ctx, say); err != nil {
			return fmt.Errorf("%s: %w", s.Text, err)
		}
		say(s.Text)
	}
	return nil
}

// Manager registers and drives the service of one Identity. It keeps nothing open.
type Manager struct {
	id      Identity
	manager registrar
}

// registrar is a service manager seen from outside: it plans.
type registrar interface {
	install(ctx context.Context, id Identity, r Registration) (Plan, error)
	uninstall(ctx context.Context, id Identity) (Plan, error)
	act(ctx context.Context, id Identity, a Action) (Plan, error)
	query(ctx context.Context, id Identity) (Status, error)
}

// NewManager is this machine's service manager, for id.
func NewManager(id Identity) *Manager {
	return &Manager{id: id.installed(), manager: newRegistrar()}
}

// PlanInstall plans to register the service as r says, or to correct its registration. It does not
// start the service.
func (m *Manager) PlanInstall(ctx context.Context, r Registration) (Plan, error) {
	r, err := r.withDefaults()
	if err != nil {
		return Plan{}, err
	}
	return m.manager.install(ctx, m.id, r)
}

// PlanUninstall plans to stop and remove the service. Data, configuration and logs are kept.
func (m *Manager) PlanUninstall(ctx context.Context) (Plan, error) {
	return m.manager.uninstall(ctx, m.id)
}

// Plan plans a. What is so already is no step: to start a running service is no error.
func (m *Manager) Plan(ctx context.Context, a Action) (Plan, error) {
	return m.manager.act(ctx, m.id, a)
}

// Query asks the service manager. A service that is not installed is no error.
func (m *Manager) Query(ctx context.Context) (Status, error) {
	return m.manager.query(ctx, m.id)
}
