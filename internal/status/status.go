// Package status holds the words that every room shares: what state an instance is in, how a
// process ended, where an instance listens. It has types and sentinel errors and no behaviour
// beyond naming itself, so that any room may import it.
package status

import (
	"errors"
	"time"
)

// Decisions are made on these with errors.Is; internal/api maps them to HTTP in one place.
var (
	// ErrNotFound says that no app, instance or route has this name (HTTP 404).
	ErrNotFound = errors.New("not found")
	// ErrConflict says that the present state does not allow the request (HTTP 409).
	ErrConflict = errors.New("conflict")
	// ErrInvalid says that the request itself cannot be understood (HTTP 422).
	ErrInvalid = errors.New("invalid request")
	// ErrNotSaved says that the request was not carried out because it could not be written down
	// (HTTP 507).
	ErrNotSaved = errors.New("not saved")
	// ErrNotReady says that no instance can serve a request now (HTTP 503 with Retry-After).
	ErrNotReady = errors.New("no instance is ready")
)

// State is where an instance is in its life. The values are public: API, CLI and metrics use them.
type State string

const (
	// Pending waits for the apps in depends_on to become ready.
	Pending State = "pending"
	// Starting has a process whose startup probe has not succeeded yet.
	Starting State = "starting"
	// Running has a process whose startup probe succeeded; Instance.Ready tells about balancing.
	Running State = "running"
	// Draining gets no new requests; those in flight may end before it is asked to stop.
	Draining State = "draining"
	// Stopping was asked to end and is within its grace period.
	Stopping State = "stopping"
	// Backoff ended unasked and waits for its next try.
	Backoff State = "backoff"
	// CrashLoop ended max_restarts times within the window; it is tried once per window.
	CrashLoop State = "crash_loop"
	// Stopped was stopped on request and stays so until it is started.
	Stopped State = "stopped"
	// Exited ended by itself and its restart policy says that it stays so.
	Exited State = "exited"
)

// States lists every State in the order of an instance's life.
func States() []State {
	return []State{Pending, Starting, Running, Draining, Stopping, Backoff, CrashLoop, Stopped, Exited}
}

// Reason is why an instance ended or was (re)started. It is the reason label of
// holdfast_app_restarts_total.
type Reason string

const (
	// ReasonExit means that the program ended by itself.
	ReasonExit Reason = "exit"
	// ReasonStartFailed means that no process could be started.
	ReasonStartFailed Reason = "start_failed"
	// ReasonStartupProbe means that the startup probe ran out of tries.
	ReasonStartupProbe Reason = "startup_probe"
	// ReasonLivenessProbe means that the liveness probe failed failure_threshold times.
	ReasonLivenessProbe Reason = "liveness_probe"
	// ReasonRequested means that a person or a program asked for it.
	ReasonRequested Reason = "requested"
	// ReasonConfig means that the app's own part of the configuration changed.
	ReasonConfig Reason = "config"
	// ReasonShutdown means that Holdfast itself is ending.
	ReasonShutdown Reason = "shutdown"
	// ReasonMemoryLimit means that it used more than limits.memory.
	ReasonMemoryLimit Reason = "memory_limit"
	// ReasonRecycle means that it used more than limits.memory_recycle.
	ReasonRecycle Reason = "recycle"
	// ReasonScale means that fewer instances are wanted.
	ReasonScale Reason = "scale"
	// ReasonDependency means that an app in depends_on was down.
	ReasonDependency Reason = "dependency"
)

// Exit is how one process of an instance ended.
type Exit struct {
	// Code is the exit code; -1 when a signal ended the process or none was started. On Windows an
	// NTSTATUS is given as its unsigned value (3221225477 is 0xC0000005).
	Code int64 `json:"code"`
	// Signal is the POSIX signal's name ("SIGKILL"), empty otherwise.
	Signal string `json:"signal,omitempty"`
	// Text says the same in words: "exit code 1", "killed by SIGKILL", "access violation (0xC0000005)".
	Text string `json:"text"`
	// Reason is why it ended, as Holdfast sees it.
	Reason Reason `json:"reason"`
	// Cause is what a probe found that made Holdfast end it, empty otherwise: "liveness probe failed 3
	// times in a row: connect to 127.0.0.1:20001: connection refused".
	Cause string `json:"cause,omitempty"`
	// PID is the process that ended, 0 when none was started.
	PID int `json:"pid,omitempty"`
	// StartedAt and EndedAt bound its life.
	StartedAt time.Time `json:"started_at,omitzero"`
	EndedAt   time.Time `json:"ended_at"`
	// Graceful is true when it ended within the grace period of a requested stop.
	Graceful bool `json:"graceful"`
	// LastLines are the last lines it wrote, oldest first (at most 50).
	LastLines []string `json:"last_lines,omitempty"`
	// Usage is what it used: the newest measurement before its end, with the totals that the system
	// tells at the end. Nil when nothing could be measured.
	Usage *Usage `json:"usage,omitempty"`
	// Port is the port it was told to listen on, and PortHolder who held it when it ended: "nginx.exe
	// (process 4312)". The latter is empty unless the port was taken by somebody else.
	Port       int    `json:"port,omitempty"`
	PortHolder string `json:"port_holder,omitempty"`
	// Probes are the newest results of its probes before the end, oldest first (at most 10).
	Probes []ProbeResult `json:"probes,omitempty"`
	// Advice says what most likely has to be done, when Holdfast knows: "it listens on port 3000, not on
	// 20001: let it read PORT, or write port: 3000".
	Advice string `json:"advice,omitempty"`
	// Next says what followed: "restarted at once", "next try in 4s", "it stays down".
	Next string `json:"next,omitempty"`
}

// Usage is what an instance, with all its descendants, uses.
type Usage struct {
	// Time is when it was measured.
	Time time.Time `json:"time"`
	// CPU is the number of processors that it kept busy since the measurement before, at the first one
	// since its start: 0.25 is a quarter of one.
	CPU float64 `json:"cpu"`
	// CPUSeconds is the processor time it has used since its start.
	CPUSeconds float64 `json:"cpu_seconds"`
	// Memory is its resident memory (Windows: working set) in bytes, PeakMemory the most there was.
	Memory     uint64 `json:"memory_bytes"`
	PeakMemory uint64 `json:"peak_memory_bytes,omitempty"`
	// Handles are open handles (Windows) or file descriptors (Linux).
	Handles int `json:"handles"`
	Threads int `json:"threads"`
	// Processes is how many there are in its tree.
	Processes int `json:"processes"`
}

// ProbeResult is one check of a probe.
type ProbeResult struct {
	Time time.Time `json:"time"`
	// Probe is startup, liveness or readiness.
	Probe string `json:"probe"`
	// Seconds is how long the check took.
	Seconds float64 `json:"seconds"`
	// Error is empty for a success.
	Error string `json:"error,omitempty"`
}

// Role is what an instance is for besides the wanted ones.
type Role string

const (
	// Regular is one of the wanted instances.
	Regular Role = ""
	// Surge is the additional instance of an overlapped restart.
	Surge Role = "surge"
	// Replacement stands in for an instance that is in a crash loop.
	Replacement Role = "replacement"
	// Trial is the throwaway instance of a stop calibration; the gateway never sends it requests.
	Trial Role = "trial"
)

// Maintenance is what is told about an app in maintenance.
type Maintenance struct {
	Since time.Time `json:"since"`
	// Until is when it ends by itself; zero: when somebody ends it.
	Until time.Time `json:"until,omitzero"`
	// Note is what the person who began it wrote.
	Note string `json:"note,omitempty"`
}

// Why says in words what led to the end: what the probe found, or else how the process ended.
func (e Exit) Why() string {
	if e.Cause != "" {
		return "its " + e.Cause
	}
	return e.Text
}

// Instance is what can be told about one instance at one moment.
type Instance struct {
	// ID is "<app>-<n>", n counting from 1: "shop-2".
	ID  string `json:"id"`
	App string `json:"app"`
	// PID is 0 while there is no process.
	PID   int   `json:"pid,omitempty"`
	State State `json:"state"`
	// Ready is true while the gateway may send requests to it.
	Ready bool `json:"ready"`
	// Port is the loopback TCP port it was told to listen on, 0 for an app without one.
	Port int `json:"port,omitempty"`
	// Restarts counts unasked restarts since Holdfast started.
	Restarts int `json:"restarts"`
	// StartedAt is the start of the present process; Since is when State was entered.
	StartedAt time.Time `json:"started_at,omitzero"`
	Since     time.Time `json:"since"`
	// NextTry is when a Backoff or CrashLoop instance is started again.
	NextTry time.Time `json:"next_try,omitzero"`
	// Why explains a state that is not Running in one sentence.
	Why string `json:"why,omitempty"`
	// Role tells a surge, replacement or trial instance from the wanted ones.
	Role Role `json:"role,omitempty"`
	// Usage is the newest measurement; nil while there is none.
	Usage *Usage `json:"usage,omitempty"`
	// LastExit is the newest end of one of its processes; Exits holds the newest ten, newest first.
	LastExit *Exit  `json:"last_exit,omitempty"`
	Exits    []Exit `json:"exits,omitempty"`
}

// Condition sums an app up in one word.
type Condition string

const (
	// Healthy means that every wanted instance is ready.
	Healthy Condition = "healthy"
	// Degraded means that some but not all wanted instances are ready.
	Degraded Condition = "degraded"
	// Down means that no wanted instance is ready.
	Down Condition = "down"
	// Idle means that the app was stopped on request, or ended for good as its policy allows.
	Idle Condition = "stopped"
	// InMaintenance means that somebody works on the app: requests are answered with a 503, and nothing
	// is restarted.
	InMaintenance Condition = "maintenance"
)

// App is what can be told about one app at one moment.
type App struct {
	ID        string    `json:"id"`
	Condition Condition `json:"condition"`
	// Desired is how many instances are wanted; Configured differs from it while the app is scaled.
	Desired    int       `json:"desired"`
	Configured int       `json:"configured"`
	Ready      int       `json:"ready"`
	Since      time.Time `json:"since"`
	Why        string    `json:"why,omitempty"`
	// Maintenance is set while the app is in maintenance.
	Maintenance *Maintenance `json:"maintenance,omitempty"`
	// Restarting says how far a restart on request or by a changed configuration is: "1 of 3".
	Restarting string     `json:"restarting,omitempty"`
	Instances  []Instance `json:"instances"`
}

// Target is where requests for an instance go. It is comparable and used as a map key.
type Target struct {
	App      string
	Instance string
	// Address is host:port, always loopback for a supervised instance.
	Address string
}

// Line is one line that a child wrote.
type Line struct {
	// Seq counts lines of one instance since Holdfast started; a jump means lines were dropped.
	Seq      uint64    `json:"seq"`
	Time     time.Time `json:"time"`
	Instance string    `json:"instance"`
	// Stream is "stdout", "stderr" or "holdfast" (a note of ours, such as a start).
	Stream string `json:"stream"`
	Text   string `json:"text"`
}

// StopTrial is how a throwaway instance took one way of being asked to end.
type StopTrial struct {
	// Method is the configuration's stop.method.
	Method string `json:"method"`
	// Clean is true when it ended by itself within the grace period, and said so with exit code 0 or the
	// code that its system gives to that signal.
	Clean bool `json:"clean"`
	// Seconds from asking until the whole tree had ended.
	Seconds float64 `json:"seconds"`
	// Exit is how it ended; absent when the method could not be tried, and Error says why.
	Exit  *Exit  `json:"exit,omitempty"`
	Error string `json:"error,omitempty"`
}
