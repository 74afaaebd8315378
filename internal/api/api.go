// Package api is the management API: a chi router with huma operations, from which the OpenAPI 3.1
// description is generated, server-sent events for what happens while one looks, and the Go client
// that the CLI uses.
//
// There are two doors. The local one is a named pipe or a Unix socket that the operating system
// guards; whoever may open it is an administrator of this Holdfast. The public one is loopback TCP,
// where everybody on the machine is a stranger: it answers health, metrics and read-only calls and
// nothing else, because a call is refused unless it is declared with the role that a door grants.
//
// The package consumes small interfaces (Apps, Logs, Config, Service) and never calls back into the
// rooms behind them from another goroutine. New starts none; ServeLocal and ServePublic block.
package api

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"holdfast/internal/config"
	"holdfast/internal/event"
	"holdfast/internal/status"
)

// Apps are the supervised programs.
type Apps interface {
	// Apps tells about every app, in the order of their ids.
	Apps() []status.App
	// App tells about one; status.ErrNotFound when there is none of this id.
	App(id string) (status.App, error)
	// Start, Stop and Restart return once the request is accepted, before it is carried out.
	// Errors: status.ErrNotFound, status.ErrConflict.
	Start(ctx context.Context, id string) error
	Stop(ctx context.Context, id string) error
	Restart(ctx context.Context, id string) error
	// Scale makes n instances the wanted number, a negative one the configuration's. Like Maintain it is
	// kept before it returns, and carried out after.
	Scale(ctx context.Context, id string, n int) error
	// Maintain begins the maintenance of an app, which ends by itself after d unless that is 0, or ends
	// it. Doing it again is no error.
	Maintain(ctx context.Context, id string, on bool, note string, d time.Duration) error
	// Measure is App with usage that was measured at most a second ago.
	Measure(ctx context.Context, id string) (status.App, error)
	// Calibrate tries the app's stop methods one after the other and reports each one when it has been
	// tried. A grace of 0 is the app's own. It returns when ctx ends, too.
	Calibrate(ctx context.Context, id string, grace time.Duration, report func(status.StopTrial)) error
}

// Logs are the lines that the programs wrote.
type Logs interface {
	// Tail returns the newest n lines that are kept, oldest first, of one instance or, when instance
	// is empty, of all instances of app. Errors: status.ErrNotFound.
	Tail(app, instance string, n int) ([]status.Line, error)
	// Follow delivers lines from now on and holds up to buffer unread ones.
	Follow(app, instance string, buffer int) (Follower, error)
}

// Follower is a running delivery of lines.
type Follower interface {
	// C has the lines; it is closed when there will be no more.
	C() <-chan status.Line
	// Dropped counts the lines lost because C was full; a jump in Line.Seq says where.
	Dropped() uint64
	// Close ends the delivery; it may be called twice.
	Close()
}

// Config is the configuration in force and what may be done about it.
type Config interface {
	// Snapshot is the configuration in force, never nil.
	Snapshot() *config.Snapshot
	// Revision counts from 1; every applied configuration raises it.
	Revision() int
	// Check finds the problems of data as the main file, and changes nothing.
	Check(ctx context.Context, data []byte) config.Problems
	// Reload reads the files again and applies them. With an error among the problems nothing was
	// changed and revision is the one that stays in force; what cannot be applied (an address that
	// is taken) is told as a Problem too.
	Reload(ctx context.Context) (revision int, problems config.Problems)
	// LastReload is the outcome of the newest load, the one at the start included.
	LastReload() Reload
}

// Reload is the outcome of one load of the configuration.
type Reload struct {
	// Time is when it ended.
	Time time.Time
	// Problems are what it found; with an error among them it was not applied.
	Problems config.Problems
}

// Routes are what the gateway answers requests by.
type Routes interface {
	// Explain tells what becomes of a request, and sends none. Errors: status.ErrInvalid.
	Explain(q status.RouteQuery) (status.RouteTest, error)
	// Targets are those of a route, as it sees them; nil when it has none, and when there is no such route.
	Targets(route string) []status.RouteTarget
}

// Service is Holdfast itself.
type Service interface {
	// Name is the installation's name ("Holdfast").
	Name() string
	// Version of the binary.
	Version() string
	// StartID is what whoever started the service called this start; often empty.
	StartID() string
	// Ready is true while every listener is bound and the configuration is in force; otherwise
	// reasons say what is missing. It does not depend on the apps.
	Ready() (ready bool, reasons []string)
	// Paused is true while the gateway answers 503 on request.
	Paused() bool
	// Pause and Resume switch that; doing it again is no error.
	Pause(ctx context.Context) error
	Resume(ctx context.Context) error
}

// Options are what New needs; every field but Log is required.
type Options struct {
	Apps         Apps
	Certificates Certificates
	Logs         Logs
	Config       Config
	Routes       Routes
	Service      Service
	Bus          *event.Bus
	Gatherer     prometheus.Gatherer
	// Log gets one line per call (default: none).
	Log *zap.Logger
	// Heartbeat is how often a silent stream says that it is alive (default 15s).
	Heartbeat time.Duration
	// MaxStreams bounds the streams open at once through each door (default 64); beyond it the
	// answer is 503.
	MaxStreams int
}

// Server answers the management API. Its handlers may be used without serving, as in tests.
type Server struct {
	opts    Options
	router  *chi.Mux
	huma    huma.API
	spec    func() ([]byte, error)
	started time.Time
	// boot tells this run's stream ids from those of an earlier run.
	boot    string
	streams map[door]*atomic.Int64
}

// New makes a Server. It panics only when two operations contradict each other, which every test
// would notice.
func New(opts Options) *Server {
	if opts.Log == nil {
		opts.Log = zap.NewNop()
	}
	if opts.Heartbeat <= 0 {
		opts.Heartbeat = 15 * time.Second
	}
	if opts.MaxStreams <= 0 {
		opts.MaxStreams = 64
	}
	s := &Server{opts: opts, started: time.Now()}
	s.boot = bootID(s.started)
	s.streams = map[door]*atomic.Int64{localDoor: {}, publicDoor: {}}
	s.newRouter()
	s.registerHealth()
	s.registerService()
	s.registerApps()
	s.registerActions()
	s.registerControl()
	s.registerLogs()
	s.registerRoutes()
	s.registerCertificates()
	s.registerConfig()
	s.registerEvents()
	s.registerSpec()
	return s
}

// LocalHandler answers every call. Serve it only where the operating system decides who connects.
func (s *Server) LocalHandler() http.Handler { return s.handler(localDoor) }

// PublicHandler answers health, metrics and read-only calls, to requests whose Host is a loopback
// name or one of management.allowed_hosts.
func (s *Server) PublicHandler() http.Handler { return s.handler(publicDoor) }
