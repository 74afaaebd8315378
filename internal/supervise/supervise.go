package supervise

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"holdfast/internal/config"
	"holdfast/internal/event"
	"holdfast/internal/process"
	"holdfast/internal/status"
)

// houseKeeping is how often dropped output lines are told, so that a flood of lines does not become one
// of events, and what waits is looked over.
const houseKeeping = 5 * time.Second

// Launcher starts processes, each with its whole tree under control.
type Launcher interface {
	Start(process.Spec) (Child, error)
	// Enforces tells whether the system enforces limits.memory and limits.cpu, and why not, with the
	// cure.
	Enforces() (memory, cpu bool, why string)
}

// Child is a running process with its tree.
type Child interface {
	PID() int
	// Done is closed when the process itself has ended; its descendants may still run.
	Done() <-chan struct{}
	// Exit tells how it ended, once Done is closed.
	Exit() status.Exit
	// Signal asks it to end.
	Signal(process.Stop) error
	// Kill ends the whole tree, returns when it is gone and says how many processes besides the
	// first one it had to end. It may be called again.
	Kill() int
	// Usage measures what the whole tree uses now. Usage.CPU is left to the caller, who knows the
	// measurement before.
	Usage() (status.Usage, error)
}

// Balancer is the gateway's side: where requests go.
type Balancer interface {
	// SetReady puts the target into balancing or takes it out.
	SetReady(target status.Target, ready bool)
	// Ended says that the target's process is gone, with all that it had started.
	Ended(target status.Target)
	// Remove forgets the target.
	Remove(target status.Target)
	// Drain returns when no request is in flight at the target any more, or when ctx ends.
	Drain(ctx context.Context, target status.Target)
	// Expect says whether an app that has no ready instance will have one soon: requests may wait for
	// it then.
	Expect(app string, coming bool)
	// Maintain puts the app into maintenance: its requests are answered with a 503. Nil ends it.
	Maintain(app string, m *status.Maintenance)
}

// Prober runs the probes; see internal/health.
type Prober interface {
	Startup(ctx context.Context, probe *config.Probe, target status.Target) error
	Liveness(ctx context.Context, probe *config.Probe, target status.Target, report func(error))
	Readiness(ctx context.Context, probe *config.Probe, target status.Target, ready bool, report func(error))
	// Results are the newest checks of an instance, oldest first.
	Results(app, instance string) []status.ProbeResult
	Forget(app, instance string)
}

// Ports tells about the machine's TCP ports; see internal/port.
type Ports interface {
	// Holder says who listens on a port of this machine: "nginx (process 812)"; empty when nobody does or
	// the system does not tell.
	Holder(port int) string
	// Listening are the TCP ports on which a process or one of its descendants listens.
	Listening(pid int) []int
	// Excluded says why no program may take the port (Windows: a reserved range); empty when it may.
	Excluded(port int) string
}

// Options are what a Supervisor needs.
type Options struct {
	Launcher Launcher
	Balancer Balancer
	Prober   Prober
	// Ports may be nil: then nothing is told about ports.
	Ports   Ports
	Bus     *event.Bus
	Metrics prometheus.Registerer
	Log     *zap.Logger
	// LogDir is the folder of the apps' output: LogDir/<app>/<instance>.log.
	LogDir string
	// StateFile keeps what is wanted beyond the configuration, such as a scaled number of instances
	// (empty: that is lost with the process).
	StateFile string
	// Environ is the environment that every app inherits.
	Environ []string
	// PortSeed makes two installations on one machine choose different ports first.
	PortSeed string
}

// Supervisor keeps the apps of the configuration running.
type Supervisor struct {
	options Options
	table   *table
	ports   *ports
	board   *board
	metrics *metrics
	kept    *kept
	sampler *sampler

	// requests are carried out by Run, which owns every goroutine.
	requests chan func(*owner)

	mu   sync.RWMutex
	apps map[string]*app
	// leaving are the retired instances that are not gone yet.
	leaving leavers
	// gone is closed when Run has ended: requests are no longer taken.
	gone chan struct{}
}

// owner is Run's hold on the goroutines it must wait for; ctx is theirs.
type owner struct {
	ctx context.Context //nolint:containedctx // it is Run's own and never leaves its goroutine
	wg  sync.WaitGroup
}

// app is one supervised app. Run alone changes it, with the Supervisor's mu held where others read.
type app struct {
	name   string
	config config.App
	// desired is how many instances are wanted: the configured number unless the app is scaled.
	desired int
	// emptied is when it was last wanted to have no instances.
	emptied time.Time
	// stopped says that nobody wants it to run: a person stopped it, or none started it yet. Instances
	// that are added then stay down, too.
	stopped bool
	// instances are the wanted ones, in the order of their numbers; extras what runs besides them.
	instances []*instance
	extras    []*extra
	// roll is the restart that is under way, nil without one.
	roll *roll
	// outdated says why not every instance runs with the newest configuration.
	outdated string
	// noRecycle is until when nothing is recycled after a recycling that failed.
	noRecycle time.Time

	// maintenance is nil outside of one; maintenanceEnds is its end by a clock that nobody can set.
	maintenance     *status.Maintenance
	maintenanceEnds time.Time

	// failures are the instances that Holdfast could not heal, and those that only just recovered.
	failures map[*instance]*failure
	// helping is true while on_failure runs.
	helping bool
	// endCalibration ends the calibration that is under way; nil without one.
	endCalibration context.CancelCauseFunc
	// trial is the throwaway instance of a calibration.
	trial *status.Instance
}

// New makes a Supervisor of no apps.
func New(options Options) *Supervisor {
	s := &Supervisor{
		options:  options,
		table:    newTable(),
		ports:    newPorts(options.PortSeed, options.Ports),
		board:    newBoard(options.Bus, options.Balancer.Expect),
		kept:     &kept{file: options.StateFile},
		requests: make(chan func(*owner)),
		apps:     make(map[string]*app),
		leaving:  leavers{instances: make(map[string]*instance)},
		gone:     make(chan struct{}),
	}
	s.sampler = newSampler(s)
	s.metrics = newMetrics(s)
	options.Metrics.MustRegister(s.metrics)
	return s
}

// Run supervises apps, and what Apply hands in later, until ctx ends. Then it stops every instance,
// dependents before what they depend on, and returns when all are gone.
func (s *Supervisor) Run(ctx context.Context, apps map[string]config.App) error {
	defer close(s.gone)
	// The instances outlive ctx by their graceful stop.
	running, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	o := &owner{ctx: running}
	s.loadKept()
	s.reconcile(o, apps)
	s.tellLimits(apps)
	o.wg.Go(func() { s.sampler.run(running) })
	ticks := time.NewTicker(houseKeeping)
	defer ticks.Stop()
	maintained := time.NewTimer(time.Hour)
	defer maintained.Stop()
	for {
		if ends := s.nextMaintenanceEnd(); ends.IsZero() {
			maintained.Stop()
		} else {
			maintained.Reset(time.Until(ends))
		}
		select {
		case do := <-s.requests:
			do(o)
		case <-s.board.wake:
			s.mend(o)
		case <-ticks.C:
			s.reportDrops()
			s.board.refresh(time.Now())
		case <-maintained.C:
			s.endMaintenances(o)
		case <-ctx.Done():
			s.stopAll(o)
			end()
			o.wg.Wait()
			return nil
		}
	}
}

// reportDrops publishes how many lines of output were dropped since the last time.
func (s *Supervisor) reportDrops() {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for name, a := range s.apps {
		for i := range a.all() {
			if total := i.output.Dropped(); total > i.dropsTold {
				s.options.Bus.Publish(event.OutputDropped{
					About: event.About{App: name, Instance: i.view().ID}, Lines: total - i.dropsTold,
				})
				i.dropsTold = total
			}
		}
	}
}

// Apply makes apps the ones that are supervised: new ones start, missing ones stop, and changed ones
// are restarted one instance at a time. It returns once Run has taken them over.
func (s *Supervisor) Apply(ctx context.Context, apps map[string]config.App) error {
	return s.ask(ctx, func(o *owner) error {
		s.reconcile(o, apps)
		return nil
	})
}

// ask has Run carry out do, and waits for its result.
func (s *Supervisor) ask(ctx context.Context, do func(*owner) error) error {
	result := make(chan error, 1)
	select {
	case s.requests <- func(o *owner) { result <- do(o) }:
		return <-result
	case <-s.gone:
		return fmt.Errorf("%w: Holdfast is stopping", status.ErrConflict)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Start starts the instances of an app that are down. It does not wait for them. A restart that is under
// way goes on: the others would keep an older configuration without it.
func (s *Supervisor) Start(ctx context.Context, id string) error {
	return s.askApp(ctx, id, func(_ *owner, a *app) {
		clear(a.failures)
		for _, i := range a.instances {
			// What is stopped may still be on its way down.
			if a.stopped || isDown(i.view().State) {
				i.configure(a.config)
			}
			i.send(startInput{})
		}
		a.stopped = false
	})
}

// Stop stops an app until it is started again. It does not wait for its end.
func (s *Supervisor) Stop(ctx context.Context, id string) error {
	return s.askApp(ctx, id, func(o *owner, a *app) {
		s.endRoll(o, a)
		clear(a.failures)
		a.stopped = true
		s.retireExtras(o, a, func(*extra) bool { return true })
		for _, i := range a.instances {
			i.send(stopInput{status.ReasonRequested})
		}
	})
}

// Restart restarts an app's instances one after the other, and starts those that are down. It does
// not wait for them.
func (s *Supervisor) Restart(ctx context.Context, id string) error {
	return s.askApp(ctx, id, func(o *owner, a *app) {
		a.stopped = false
		s.startRoll(o, a, status.ReasonRequested, a.instances)
	})
}

// askApp has Run do something with an app, and waits for it.
func (s *Supervisor) askApp(ctx context.Context, id string, do func(*owner, *app)) error {
	return s.ask(ctx, func(o *owner) error {
		a, err := s.app(id)
		if err == nil {
			do(o, a)
		}
		return err
	})
}

func (s *Supervisor) app(id string) (*app, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	a, ok := s.apps[id]
	if !ok {
		return nil, fmt.Errorf("app %q: %w; there are: %s", id, status.ErrNotFound, list(slices.Sorted(maps.Keys(s.apps))))
	}
	return a, nil
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// list joins names for a sentence.
func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// jitter is the machine's source of randomness.
func jitter() float64 { return rand.Float64() } //nolint:gosec // spreads restarts, guards nothing
