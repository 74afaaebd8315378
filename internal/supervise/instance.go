package supervise

import (
	"context"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"go.uber.org/zap"

	"holdfast/internal/config"
	"holdfast/internal/process"
	"holdfast/internal/status"
)

// instance runs one machine. Its goroutine (run) is the only one that touches the machine and the
// process; others send to the inbox or read the published view.
type instance struct {
	s      *Supervisor
	output *process.Output
	inbox  inbox
	// born is the origin of the machine's monotonic times.
	born time.Time
	// dropsTold is how many dropped lines events have told of; the Supervisor's.
	dropsTold uint64
	// gone is closed when run has ended.
	gone chan struct{}
	// noRecycle is until when it is not recycled again; the supervisor's own goroutine has it.
	noRecycle time.Time

	mu sync.RWMutex
	// shown is the machine's view after its newest input.
	shown status.Instance
	// shownAt are its times on the monotonic clock.
	shownAt shownTimes
	// wanted is the newest configuration; the machine takes it over with its next input.
	wanted *config.App
	// usage is the newest measurement of the present process, running that process; nil without one.
	usage   *status.Usage
	running Child

	// Everything below belongs to run's goroutine.
	machine machine
	child   Child
	target  status.Target
	timer   *time.Timer
	// firstLine is the output's newest line when the process started.
	firstLine uint64
	// stopTasks ends the goroutines of the present wait, probe or watch; tasks are all of them.
	// epoch counts the cancellations: what a task of an earlier one still says no longer counts.
	stopTasks context.CancelFunc
	tasks     sync.WaitGroup
	epoch     int
	// settled are closed when a restart has led to a ready, failed or stopped instance.
	settled []chan struct{}
	leaving bool
}

func newInstance(s *Supervisor, app string, number int, c config.App) *instance {
	return newInstanceAs(s, app, strconv.Itoa(number), status.Regular, c)
}

// newInstanceAs makes the instance "<app>-<suffix>" for a role.
func newInstanceAs(s *Supervisor, app, suffix string, role status.Role, c config.App) *instance {
	id := app + "-" + suffix
	i := &instance{
		s:         s,
		inbox:     inbox{wake: make(chan struct{}, 1)},
		born:      time.Now(),
		gone:      make(chan struct{}),
		wanted:    &c,
		stopTasks: func() {},
		timer:     time.NewTimer(time.Hour),
		output: process.NewOutput(process.OutputOptions{
			Instance: id,
			Encoding: string(c.Output.Encoding),
			Path:     filepath.Join(s.options.LogDir, app, id+".log"),
			MaxSize:  int64(c.Output.File.MaxSize),
			MaxFiles: c.Output.File.MaxFiles,
		}),
	}
	i.timer.Stop()
	i.machine = machine{
		table:   s.table,
		app:     i.wanted,
		random:  jitter,
		missing: func() []string { return s.board.missing(i.machine.app.DependsOn) },
		view: status.Instance{
			ID: id, App: app, Role: role, State: status.Stopped, Since: i.born, Why: "not started yet",
		},
	}
	if !c.Autostart {
		i.machine.view.Why = "autostart is off: start it with holdfast start " + app
	}
	i.shown = i.machine.view
	return i
}

// settle asks for a restart and is answered when it has led somewhere.
type settle struct {
	restartInput
	done chan struct{}
}

// told is an input from a task of the given epoch.
type told struct {
	input
	epoch int
}

// leaveInput is a stop after which run ends.
type leaveInput struct{ stopInput }

// run carries the machine until a leaveInput has stopped it. former is the instance that had the
// same id and may still be leaving (nil: none); nothing is started before it is gone.
func (i *instance) run(ctx context.Context, former *instance) {
	defer close(i.gone)
	defer i.settleAll()
	defer i.tasks.Wait()
	defer func() { i.stopTasks() }()
	if former != nil {
		<-former.gone
	}
	for !i.over() {
		var exited <-chan struct{}
		if i.child != nil {
			exited = i.child.Done()
		}
		select {
		case <-i.inbox.wake:
			if in, ok := i.inbox.take(); ok {
				i.handle(ctx, in)
			}
		case <-exited:
			i.handle(ctx, i.bury(ctx))
		case <-i.timer.C:
			i.handle(ctx, timeUp{})
		}
	}
	i.forget()
}

// over reports whether the instance has left for good.
func (i *instance) over() bool {
	return i.leaving && i.child == nil && isDown(i.machine.view.State)
}

// bury ends what is left of a process that has ended.
func (i *instance) bury(ctx context.Context) ended {
	// The gateway first: no new request must go to a dead process while its tree is cleared away.
	i.s.board.losing(i.machine.view.App, i.machine.view.ID)
	i.s.options.Balancer.SetReady(i.target, false)
	orphans := i.child.Kill()
	i.s.options.Balancer.Ended(i.target)
	exit, clues := i.dossier(ctx, i.child.Exit())
	i.setChild(nil)
	return ended{exit: exit, clues: clues, orphans: orphans}
}

// handle feeds the machine and carries out its effects, which may lead to further inputs.
func (i *instance) handle(ctx context.Context, in input) {
	switch asked := in.(type) {
	case told:
		if asked.epoch != i.epoch {
			return
		}
		in = asked.input
	case settle:
		i.settled = append(i.settled, asked.done)
		in = asked.restartInput
	case leaveInput:
		i.leaving = true
		in = asked.stopInput
	}
	for in != nil {
		i.mu.RLock()
		i.machine.app, i.machine.usage = i.wanted, i.usage
		i.mu.RUnlock()
		now := time.Now()
		effects := i.machine.on(in, moment{now.Sub(i.born), now})
		// Waiting requests must find the instance before they hear that they need not wait any more.
		if n := slices.Index(effects, effect(balance{true})); n >= 0 {
			i.do(ctx, effects[n])
			effects = slices.Delete(effects, n, n+1)
		}
		// Whoever hears of the other effects must find the state that led to them.
		i.show(now)
		in = nil
		for _, e := range effects {
			if follow := i.do(ctx, e); follow != nil {
				in = follow
			}
		}
	}
	if isSettled(&i.machine.view) || i.machine.held() {
		i.settleAll()
	}
}

// do carries out one effect; spawn leads straight to the next input.
func (i *instance) do(ctx context.Context, e effect) input {
	switch e := e.(type) {
	case waitForDependencies:
		needs := i.machine.app.DependsOn
		i.task(ctx, func(ctx context.Context, tell func(input)) {
			if i.s.board.wait(ctx, needs) {
				tell(dependenciesReady{})
			}
		})
	case spawn:
		return i.spawn(ctx)
	case probeStartup:
		i.probeStartup(ctx)
	case inspect:
		i.inspect(ctx)
	case watch:
		i.watch(ctx)
	case balance:
		if i.target.Address != "" {
			i.s.options.Balancer.SetReady(i.target, e.ready)
		}
	case drain:
		i.drain(ctx)
	case askToStop:
		i.askToStop(ctx)
	case kill:
		i.kill()
	case startTimer:
		i.timer.Reset(e.after)
	case cancel:
		i.timer.Stop()
		i.stopTasks()
		i.stopTasks = func() {}
		i.epoch++
	case publish:
		i.s.options.Bus.Publish(e.body)
		i.output.Note(e.body.Message())
	case remark:
		i.output.Note(e.text)
	case countRestart:
		i.s.metrics.countRestart(i.machine.view.App, e.reason)
	}
	return nil
}

// spawn starts a process.
func (i *instance) spawn(ctx context.Context) input {
	app := *i.machine.app
	port, err := i.port(ctx, app)
	if err != nil {
		return spawnFailed{err: err, exit: i.refused(app)}
	}
	spec := i.spec(app, port)
	i.firstLine = i.output.Lines()
	child, err := i.s.options.Launcher.Start(spec)
	if err != nil {
		return spawnFailed{err: err, exit: status.Exit{Port: port}}
	}
	i.setChild(child)
	i.s.sampler.soon(i)
	i.target = status.Target{App: i.machine.view.App, Instance: i.machine.view.ID}
	if port != 0 {
		i.target.Address = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	}
	return spawned{pid: child.PID(), port: port, gated: app.StartupProbe != nil, ready: startupDecides(app)}
}

// port is the port for the next process, 0 for an app without one.
func (i *instance) port(ctx context.Context, app config.App) (int, error) {
	if app.Port != config.PortAuto {
		i.s.ports.release(i.machine.view.Port, i.machine.view.ID)
	}
	switch app.Port {
	case config.PortNone:
		return 0, nil
	case config.PortAuto:
		return i.s.ports.auto(ctx, i.machine.view.Port, i.machine.view.ID)
	default:
		port := int(app.Port) + i.number() - 1
		return port, i.s.ports.fixedPort(ctx, port)
	}
}

// number is n of "<app>-<n>".
func (i *instance) number() int {
	n, _ := strconv.Atoi(i.machine.view.ID[len(i.machine.view.App)+1:])
	return n
}

// send hands an input from outside to run, without waiting for it.
func (i *instance) send(in input) { i.inbox.put(in) }

// restart restarts the instance and returns when it is ready, has failed or was stopped, or when ctx
// ends.
func (i *instance) restart(ctx context.Context, reason status.Reason) {
	done := make(chan struct{})
	i.send(settle{restartInput{reason}, done})
	select {
	case <-done:
	case <-i.gone:
	case <-ctx.Done():
	}
}

// leave stops the instance for good and returns when it is gone.
func (i *instance) leave(reason status.Reason) {
	i.send(leaveInput{stopInput{reason}})
	<-i.gone
}

// configure hands over a changed configuration; it counts from the next input on.
func (i *instance) configure(c config.App) {
	i.mu.Lock()
	i.wanted = &c
	i.mu.Unlock()
	i.output.SetLimits(int64(c.Output.File.MaxSize), c.Output.File.MaxFiles)
	i.output.SetEncoding(string(c.Output.Encoding))
}

// view is what is told about the instance.
func (i *instance) view() status.Instance {
	i.mu.RLock()
	defer i.mu.RUnlock()
	v := i.shown
	v.Usage = i.usage
	i.shownAt.onto(&v, i.born, time.Now())
	return v
}

// posting is what the board is told.
func (m *machine) posting() posting {
	return posting{
		view: &m.view, job: isJob(m.app), returns: m.after != stayDown, held: m.held(),
		waits: m.view.State == status.Pending && (m.waits == forDependencies || m.waits == forPausedDependencies),
	}
}

func (i *instance) setChild(c Child) {
	i.child = c
	i.mu.Lock()
	defer i.mu.Unlock()
	i.running, i.usage = c, nil
}

// process is the present process for whoever measures it, nil when there is none.
func (i *instance) process() Child {
	i.mu.RLock()
	defer i.mu.RUnlock()
	return i.running
}

// setUsage takes a measurement of c; one of an earlier process does not count.
func (i *instance) setUsage(c Child, u status.Usage) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if c != nil && i.running == c {
		i.usage = &u
	}
}

// show publishes the machine's view.
func (i *instance) show(now time.Time) {
	i.mu.Lock()
	i.shown = i.machine.view
	i.shownAt = shownTimes{started: i.machine.spawnedAt, next: i.machine.nextAt}
	i.mu.Unlock()
	i.s.board.post(i.machine.posting(), now)
}

// forget drops every trace of an instance that is gone for good.
func (i *instance) forget() {
	v := &i.machine.view
	i.s.options.Balancer.Remove(i.target)
	i.s.options.Prober.Forget(v.App, v.ID)
	i.s.ports.release(v.Port, v.ID)
	i.s.board.remove(v.App, v.ID)
	if err := i.output.Close(); err != nil {
		i.s.options.Log.Warn("closing an app's log", zap.String("instance", v.ID), zap.Error(err))
	}
}

func (i *instance) settleAll() {
	for _, done := range i.settled {
		close(done)
	}
	i.settled = nil
}

// isJob reports whether an app does its work and ends: nothing can tell when it is ready, and its
// policy lets it end. Apps that depend on it want the work done, not begun.
func isJob(c *config.App) bool {
	return c.Port == config.PortNone && c.StartupProbe == nil && c.ReadinessProbe == nil && c.Restart.Policy != config.RestartAlways
}

// isDown reports whether a state has no process and no plan.
func isDown(s status.State) bool { return s == status.Stopped || s == status.Exited }

// isSettled reports whether a restart has come to its end.
func isSettled(v *status.Instance) bool {
	switch v.State {
	case status.Running:
		return v.Ready
	case status.Backoff, status.CrashLoop, status.Stopped, status.Exited:
		return true
	case status.Pending, status.Starting, status.Draining, status.Stopping:
		return false
	}
	return false
}
