// Package daemon wires the rooms into one running Holdfast. It starts named stages top to bottom and
// stops them in reverse, each within its own grace; the first error ends the whole.
//
// Run calls ready once every listener is bound, and never waits for the apps. Reload loads the
// configuration anew and either applies all of it or keeps the running one.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"holdfast/internal/api"
	"holdfast/internal/certs"
	"holdfast/internal/config"
	"holdfast/internal/event"
	"holdfast/internal/gateway"
	"holdfast/internal/health"
	"holdfast/internal/port"
	"holdfast/internal/process"
	"holdfast/internal/supervise"
	"holdfast/internal/telemetry"
	"holdfast/internal/upstream"
)

// eventHistory is how many events are remembered.
const eventHistory = 2000

// Options are what a Daemon needs to know of its surroundings.
type Options struct {
	// Name is the installation's name; Version the binary's.
	Name, Version string
	// Config says where the configuration is read from.
	Config config.Options
	// DataDir is the data folder; LogDir the logs folder.
	DataDir, LogDir string
	// Endpoint is the pipe or socket of the management API.
	Endpoint string
	// Console, when set, shows the log; Terminal says that a person reads it.
	Console  io.Writer
	Terminal bool
	// Environ is the environment; apps inherit it without what is meant for Holdfast alone.
	Environ []string
	// Notify is told every event, for the Windows Event Log (nil: nobody).
	Notify func(event.Event)
}

// Starting is told how the start proceeds.
type Starting interface {
	// Progress names the stage that is being started.
	Progress(stage string)
	// Ready says that every listener is bound.
	Ready()
	// StartID is what whoever started the service called this start; often empty.
	StartID() string
}

// Daemon is one Holdfast.
type Daemon struct {
	options  Options
	bus      *event.Bus
	registry *prometheus.Registry
	reloads  *reloadMetrics

	// The rooms, in the order in which they are started.
	logs       *telemetry.Logs
	launcher   *process.Launcher
	certs      *certs.Store
	upstreams  *upstream.Set
	supervisor *supervise.Supervisor
	gateway    *gateway.Gateway
	api        *api.Server

	// reloading serialises reloads; state is what readers see.
	reloading sync.Mutex
	mu        sync.RWMutex
	state     state
	// refused is what a person was told who asked for a reload that was refused; the file watcher,
	// which sees the same change a moment later, does not tell it again. reloading guards it.
	refused []string
	// startID is what /readyz answers; set before anything can ask.
	startID string
	// snapshots has the newest configuration for the file watcher.
	snapshots chan *config.Snapshot
}

// state is what is in force.
type state struct {
	snapshot *config.Snapshot
	revision int
	last     api.Reload
	ready    bool
	bound    net.Addr
}

// ConfigError is a start that the configuration refused. The service's exit code depends on it.
type ConfigError struct{ Problems config.Problems }

// Error is the first problem and how many more there are.
func (e *ConfigError) Error() string { return e.Problems.Err().Error() }

// ListenError is a start that could not bind an address.
type ListenError struct{ Err error }

// Error is the cause and the cure.
func (e *ListenError) Error() string { return e.Err.Error() }

// Unwrap is the cause.
func (e *ListenError) Unwrap() error { return e.Err }

// DataError is a start that could not use the data or logs folder.
type DataError struct{ Err error }

// Error is the cause and the cure.
func (e *DataError) Error() string { return e.Err.Error() }

// Unwrap is the cause.
func (e *DataError) Unwrap() error { return e.Err }

// New makes a Daemon that has touched nothing yet.
func New(options Options) *Daemon {
	d := &Daemon{
		options:   options,
		bus:       event.NewBus(eventHistory),
		registry:  telemetry.NewRegistry(options.Version, runtime.Version()),
		snapshots: make(chan *config.Snapshot, 1),
	}
	d.reloads = newReloadMetrics(d.registry, d.bus)
	return d
}

// Run starts everything, calls s.Ready once the listeners are bound, and serves until ctx ends or a
// stage fails. Errors: *ConfigError, *ListenError, or that of the stage that failed.
func (d *Daemon) Run(ctx context.Context, s Starting) error {
	d.startID = s.StartID()
	defer pace(d.options.Environ)()
	s.Progress("configuration")
	snapshot, problems := config.LoadForStart(d.options.Config)
	if snapshot == nil {
		return &ConfigError{problems}
	}
	d.setLoaded(snapshot, problems)

	s.Progress("folders and logs")
	if err := os.MkdirAll(d.options.DataDir, 0o750); err != nil {
		return &DataError{fmt.Errorf("data folder: %w; give this account the right to write there, or choose another with --data", err)}
	}
	logs, err := telemetry.Open(telemetry.Options{
		Logging:  snapshot.Config.Logging,
		Service:  d.options.Name,
		Dir:      d.options.LogDir,
		Console:  d.options.Console,
		Terminal: d.options.Terminal,
		Metrics:  d.registry,
	})
	if err != nil {
		return &DataError{err}
	}
	d.logs = logs
	defer func() { _ = logs.Close() }() // nowhere is left to tell of an error
	for _, p := range snapshot.Warnings {
		logs.Log.Warn("configuration: "+p.Message, zap.String("code", p.Code), zap.String("place", p.Place()), zap.String("hint", p.Hint))
	}

	s.Progress("gateway and apps")
	d.build()
	defer d.upstreams.Close()

	s.Progress("listeners")
	// The local door first: it is what a second Holdfast of this name finds shut, before it could
	// take an address or take the first one's children for leftovers.
	doors, err := d.openDoors(ctx, snapshot.Config.Management)
	if err != nil {
		return d.unbound(err)
	}
	if err := d.gateway.Listen(ctx, snapshot.Config); err != nil {
		refused := d.unbound(errors.Join(err, doors.close()))
		if op, ok := errors.AsType[*net.OpError](err); !ok || op.Op != "listen" {
			return errors.Unwrap(refused) // a certificate that cannot be had, and the like
		}
		return refused
	}
	return d.serve(ctx, s, doors)
}

// unbound is a start that could not bind an address. The log names it for those who see only the exit
// code of a service, as setup does, which quotes the log.
func (d *Daemon) unbound(err error) error {
	d.logs.Log.Error("did not start", zap.Error(err))
	return &ListenError{err}
}

// build makes the rooms. None of them does anything yet.
func (d *Daemon) build() {
	log := d.logs.Log
	d.launcher = process.NewLauncher(process.LauncherOptions{Owner: owner(d.options.DataDir), Log: log})
	d.certs = certs.New(certs.Options{
		Log:     log,
		Metrics: d.registry,
		DataDir: d.options.DataDir,
		Notify:  func(n certs.Notice) { d.bus.Publish(certificateEvent(n)) },
	})
	d.upstreams = upstream.NewSet()
	ports := port.New()
	prober := health.New(d.registry)
	d.supervisor = supervise.New(supervise.Options{
		Launcher:  launcher{d.launcher},
		Balancer:  d.upstreams,
		Prober:    prober,
		Ports:     ports,
		Bus:       d.bus,
		Metrics:   d.registry,
		Log:       log,
		LogDir:    filepath.Join(d.options.LogDir, "apps"),
		StateFile: filepath.Join(d.options.DataDir, "state", "apps.json"),
		Environ:   supervise.Inherited(d.options.Environ),
		PortSeed:  d.options.DataDir,
	})
	d.gateway = gateway.New(gateway.Options{
		Log:         log,
		Access:      d.logs.Access,
		Metrics:     d.registry,
		Upstreams:   d.upstreams,
		Certs:       d.certs,
		RetryAfter:  d.retryAfter,
		Authorities: d.certs.Roots,
		Holder:      ports.Holder,
		Excluded:    ports.Excluded,
		OnBreaker:   func(c gateway.BreakerChange) { d.bus.Publish(circuitEvent(c)) },
		OnEjection:  func(e gateway.Ejection) { d.bus.Publish(ejectionEvent(e)) },
		Check:       checkServer(prober),
		SigningKey:  signingKey(d.options.DataDir),
	})
	d.api = api.New(api.Options{
		Apps:         d.supervisor,
		Certificates: d.certs,
		Logs:         appLogs{d.supervisor},
		Config:       (*configView)(d),
		Routes:       d.gateway,
		Service:      (*serviceView)(d),
		Bus:          d.bus,
		Gatherer:     d.registry,
		Log:          log,
	})
}

// owner is the data folder under its one true name: what an earlier run left behind is found by it.
func owner(dir string) string {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		return real
	}
	return dir
}

// serve runs the stages until ctx ends or one fails.
func (d *Daemon) serve(ctx context.Context, s Starting, doors doors) error {
	events := telemetry.NewEvents(d.bus, d.logs.Log, d.options.Notify)
	d.tellLeftOut()
	run := newRunner(d.logs.Log)
	run.start("event log", 5*time.Second, events.Run)
	run.start("processes", 10*time.Second, d.launcher.Run)
	d.endLeftovers()
	run.start("management API", 10*time.Second, func(ctx context.Context) error { return doors.serve(ctx, d.api) })
	run.start("certificates", 10*time.Second, d.certs.Run) // an authority may be talking
	c := d.current().snapshot
	// A reload may have given the apps more time.
	longest := func() time.Duration { return max(stopGrace(c.Config), stopGrace(d.current().snapshot.Config)) }
	run.startFor("apps", longest, func(ctx context.Context) error { return d.supervisor.Run(ctx, c.Config.Apps) })
	run.start("gateway", 30*time.Second, d.gateway.Run)
	run.start("configuration watch", 5*time.Second, d.watchConfig)

	d.mu.Lock()
	d.state.ready = true
	d.mu.Unlock()
	d.bus.Publish(event.ServiceStarted{Version: d.options.Version})
	s.Ready()

	err := run.wait(ctx)
	d.mu.Lock()
	d.state.ready = false
	d.mu.Unlock()
	d.bus.Publish(event.ServiceStopping{})
	if stopErr := run.stop(); err == nil {
		err = stopErr
	}
	return err
}

// tellLeftOut tells what the start left out of the configuration: policies with an error.
func (d *Daemon) tellLeftOut() {
	now := d.current()
	if now.last.Problems.Errors() == 0 {
		return
	}
	d.reloads.good.Set(0)
	d.bus.Publish(event.ConfigRejected{Revision: now.revision, Trigger: string(config.PolicyChanged), Problems: errorLines(now.last.Problems)})
}

// endLeftovers kills what an earlier run that was killed has left behind.
func (d *Daemon) endLeftovers() {
	n, err := d.launcher.ReapLeftovers()
	if err != nil {
		d.logs.Log.Warn("processes of an earlier run could not be ended", zap.Error(err))
	}
	if n > 0 {
		d.bus.Publish(event.LeftoversKilled{Count: n})
	}
}

// stopGrace is how long stopping every app may take: the longest way through depends_on.
func stopGrace(c *config.Config) time.Duration {
	memo := make(map[string]time.Duration, len(c.Apps))
	var way func(name string, depth int) time.Duration
	way = func(name string, depth int) time.Duration {
		if d, ok := memo[name]; ok || depth > len(c.Apps) {
			return d
		}
		longest := time.Duration(0)
		for _, dependency := range c.Apps[name].DependsOn {
			longest = max(longest, way(dependency, depth+1))
		}
		stop := c.Apps[name].Stop
		memo[name] = longest + stop.Drain.D() + stop.Grace.D() + 2*time.Second
		return memo[name]
	}
	longest := 5 * time.Second
	for name := range c.Apps {
		longest = max(longest, way(name, 0))
	}
	return longest
}

// retryAfter is when the app's next instance is tried, for the gateway's Retry-After.
func (d *Daemon) retryAfter(app string) time.Duration {
	a, err := d.supervisor.App(app)
	if err != nil {
		return time.Second
	}
	soonest := time.Duration(0)
	for _, i := range a.Instances {
		if wait := time.Until(i.NextTry); !i.NextTry.IsZero() && wait > 0 && (soonest == 0 || wait < soonest) {
			soonest = wait
		}
	}
	return max(soonest, time.Second)
}

func (d *Daemon) current() state {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.state
}
