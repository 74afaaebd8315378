// Package config is the configuration: its types, its one set of defaults, the layers it is read
// from and every check on it. A *Snapshot is immutable once loaded; a reload makes a new one.
//
// Every problem of all layers is found in one pass and told with its code, place and cure
// (Problems). A configuration with an error is never handed out, so whoever holds a Snapshot may
// rely on all rules that the field comments state.
package config

import "holdfast/internal/secret"

// Version is the newest version of the format.
const Version = 1

// Config is the whole configuration. Named things are maps: they merge across files by name and
// their names are ids in the API and the metrics.
//
// The rule tags are read by the strict reader, the JSON schema and the reference page; shape.go
// says what each means.
type Config struct {
	// Version of the format (required in the main file; 1).
	Version int `yaml:"version" rule:"required"`
	// Management is the API for people and programs that drive Holdfast.
	Management Management `yaml:"management"`
	// Listeners are the addresses on which the gateway accepts requests. With none at all there is
	// one, "web" on ":8080".
	Listeners map[string]Listener `yaml:"listeners"`
	// Certificates are what TLS listeners present.
	Certificates map[string]Certificate `yaml:"certificates"`
	// Logging is Holdfast's own log, and the defaults for the files of the apps' output.
	Logging Logging `yaml:"logging"`
	// Apps are the programs that Holdfast keeps alive.
	Apps map[string]App `yaml:"apps"`
	// Routes tell the gateway what answers which request.
	Routes map[string]Route `yaml:"routes"`
}

// Mask is what is shown instead of a value that must not be.
const Mask = secret.Mask

// ManagementOff as Management.Address closes the TCP side.
const ManagementOff = "off"

// Management is the management API's TCP side. The local pipe or socket needs no settings.
type Management struct {
	// Address is a loopback host:port, or "off" (default 127.0.0.1:9180; off for an installation with
	// another name than Holdfast, which may run beside it).
	Address string `yaml:"address"`
	// AllowedHosts are Host header names accepted besides the loopback names (default none). It
	// keeps a web page from reaching the API through a name of its own (DNS rebinding).
	AllowedHosts []string `yaml:"allowed_hosts"`
}

// Listener is one address of the gateway.
type Listener struct {
	// Address is host:port or :port (required).
	Address string `yaml:"address" rule:"required"`
	// Certificate names an entry of certificates; with it the listener speaks TLS (1.2 and later).
	Certificate string `yaml:"certificate"`
	// Certificates names further entries. A client that asks for a host (SNI) gets the first of all that
	// is made for it, and Certificate when none is.
	Certificates []string `yaml:"certificates"`
	// RedirectTo names another listener; every request is answered with a 308 to it.
	RedirectTo string `yaml:"redirect_to"`
	// TrustedProxies are the networks (CIDR or address) whose X-Forwarded-* and Forwarded headers
	// are believed (default none: such headers of strangers are replaced).
	TrustedProxies []string `yaml:"trusted_proxies"`
	// HTTP2 offers HTTP/2 on a TLS listener (default true).
	HTTP2 bool `yaml:"http2"`
	// ReadHeaderTimeout bounds the reading of a request's header (default 10s).
	ReadHeaderTimeout Duration `yaml:"read_header_timeout" rule:"min=1ms"`
	// ReadTimeout bounds the reading of a whole request, body included (default 0s: no bound, for
	// long uploads; the idle bound below still holds between requests).
	ReadTimeout Duration `yaml:"read_timeout"`
	// IdleTimeout ends a kept-alive connection without a request (default 2m); one over
	// HTTP/2 up to two seconds later, after a GOAWAY frame.
	IdleTimeout Duration `yaml:"idle_timeout" rule:"min=1ms"`
	// MaxHeaderSize bounds a request's header (default 32KiB); beyond it the answer is 431.
	MaxHeaderSize Size `yaml:"max_header_size" rule:"min=1KiB,max=16MiB"`
	// MaxConnections bounds the connections that are open at once (default 10000; 0 = no bound).
	MaxConnections int `yaml:"max_connections" rule:"min=0,max=1000000"`
	// MaxConnectionsPerClient bounds those of one address, or of one /64 network of IPv6. Trusted proxies
	// and this machine's own addresses are not bound (default 1000; 0 = no bound).
	MaxConnectionsPerClient int `yaml:"max_connections_per_client" rule:"min=0,max=1000000"`
	// MaxStreams bounds the requests at once on one HTTP/2 connection (default 250).
	MaxStreams int `yaml:"max_streams" rule:"min=1,max=10000"`
	// MinDataRate is how many bytes a second a client must send of a request's body, and take of an
	// answer, after 5 s in which it may be slower; below it the request is ended. WebSockets and event
	// streams are not bound (default 240B; 0B = no bound).
	MinDataRate Size `yaml:"min_data_rate"`
}

// Logging is how Holdfast logs.
type Logging struct {
	// Level is debug, info, warn or error (default info).
	Level LogLevel `yaml:"level"`
	// Format of the console's lines: json, console (short lines for a person) or auto, which is
	// console in a terminal and json elsewhere (default auto; files are always json).
	Format LogFormat `yaml:"format"`
	// File is the rotated log file in the data folder's logs folder.
	File RotatedFile `yaml:"file"`
	// Access is the gateway's access log, one JSON line per request.
	Access AccessLog `yaml:"access"`
}

// RotatedFile bounds a log on disk.
type RotatedFile struct {
	// MaxSize is the size at which a file is rotated (default 50MiB).
	MaxSize Size `yaml:"max_size" rule:"min=1KiB"`
	// MaxFiles is how many rotated files are kept beside the live one (default 10).
	MaxFiles int `yaml:"max_files" rule:"min=0,max=1000"`
}

// AccessLog is the gateway's log of requests.
type AccessLog struct {
	// Enabled turns it on (default true).
	Enabled bool `yaml:"enabled"`
	// File bounds access.log (default as logging.file).
	File RotatedFile `yaml:"file"`
}

// App is a program that Holdfast supervises. In command, env and the paths of probes and of the
// http stop method, ${port}, ${app} and ${instance} stand for the instance's own values.
type App struct {
	// Command is the program and its arguments, as a list: no shell reads it (required).
	Command []string `yaml:"command" rule:"required,program,placeholders=instance"`
	// Directory is the working directory (default: the folder of the file that gives the command).
	// Relative paths, here and in Command[0] when it holds a separator, start at that folder.
	Directory string `yaml:"directory" rule:"path"`
	// Env is added to Holdfast's own environment for the program.
	Env map[string]secret.Value `yaml:"env" rule:"placeholders=instance"`
	// Port is auto, none or a number: instance n gets number+n-1. It is injected as PORT,
	// HTTP_PLATFORM_PORT, ASPNETCORE_URLS and SERVER_PORT (default auto).
	Port Port `yaml:"port"`
	// Instances is how many run at once (default 1, at most 1000).
	Instances int `yaml:"instances" rule:"min=0,max=1000"`
	// DependsOn names apps that must be ready before this one starts. An app without a port and
	// probes is ready as soon as it runs; if its restart policy is on_failure or never it is a job,
	// such as a migration, which must have ended with exit code 0.
	DependsOn []string `yaml:"depends_on"`
	// Autostart starts the app with Holdfast (default true).
	Autostart bool `yaml:"autostart"`
	// MaxInstances bounds the instances that run at once, the additional one of an overlapped restart
	// or of a replacement included; 0 is instances+1 (default 0).
	MaxInstances int `yaml:"max_instances" rule:"min=0,max=1001"`
	// Restart is what happens after an unasked end, and how a restart on request proceeds.
	Restart Restart `yaml:"restart"`
	// Stop is how the program is asked to end.
	Stop Stop `yaml:"stop"`
	// StartupProbe gates the other two (default: TCP connect, for an app with a port).
	StartupProbe *Probe `yaml:"startup_probe"`
	// LivenessProbe restarts an instance that fails it (default none).
	LivenessProbe *Probe `yaml:"liveness_probe"`
	// ReadinessProbe takes an instance that fails it out of balancing until it succeeds again
	// (default: TCP connect, for an app with a port).
	ReadinessProbe *Probe `yaml:"readiness_probe"`
	// Limits bound what each instance, with all its descendants, may use (default: no bounds).
	Limits Limits `yaml:"limits"`
	// OnFailure is a program that is run when Holdfast cannot heal the app by itself.
	OnFailure *OnFailure `yaml:"on_failure"`
	// Output is where stdout and stderr go.
	Output Output `yaml:"output"`
}

// Restart is the restart policy of an app. The first restart after a stable run is immediate;
// further ones wait backoff, doubling up to max_backoff, with up to 10 % of jitter taken off.
type Restart struct {
	// Policy is always, on_failure (an end with exit code 0 is final) or never (default always: an
	// HTTP server has no reason to end).
	Policy RestartPolicy `yaml:"policy"`
	// Backoff is the delay before the second restart in a row (default 1s).
	Backoff Duration `yaml:"backoff" rule:"min=1ms"`
	// MaxBackoff bounds the delay (default 1m).
	MaxBackoff Duration `yaml:"max_backoff" rule:"min=1ms"`
	// MaxRestarts within Window make a crash loop, which is tried once per Window (default 10;
	// 0 = never call it a crash loop).
	MaxRestarts int `yaml:"max_restarts" rule:"min=0,max=1000000"`
	// Window is the time over which MaxRestarts counts (default 5m).
	Window Duration `yaml:"window" rule:"min=1s"`
	// ResetAfter is how long a run must last to count as stable (default 10s).
	ResetAfter Duration `yaml:"reset_after"`
	// NoRestartCodes are exit codes after which the app stays down whatever the policy
	// (default [125]: a program's way to say "do not restart me").
	NoRestartCodes []int64 `yaml:"no_restart_codes"`
	// Overlap makes a restart on request, on a changed configuration or to recycle memory an overlapped
	// one: an additional instance is ready before the first one is drained, so that the app never has
	// fewer ready instances than before, and a restart that leads nowhere takes nothing down. It needs
	// port: auto, a free place below max_instances and a program that may run more than once
	// (default true).
	Overlap bool `yaml:"overlap"`
}

// Stop is how an instance is asked to end, and how long it may take.
type Stop struct {
	// Method is sigterm, ctrl_c, ctrl_break, stdin_close or http (default sigterm on Linux, ctrl_c
	// on Windows). Windows knows no SIGTERM: there sigterm is sent as Ctrl-C. On Linux ctrl_c and
	// ctrl_break are sent as SIGINT.
	Method StopMethod `yaml:"method"`
	// HTTP is the request of the http method.
	HTTP *StopHTTP `yaml:"http"`
	// Drain is how long requests in flight may take, once no new ones are sent to the instance, before
	// it is asked to end (default 10s; WebSockets and event streams are told to end at once).
	Drain Duration `yaml:"drain"`
	// Grace is how long to wait after asking before the whole tree is killed (default 15s).
	Grace Duration `yaml:"grace"`
}

// Limits bound the use of one instance with all its descendants. Windows enforces them with the
// instance's job object, Linux with a cgroup v2 where one was delegated to Holdfast (systemd:
// Delegate=yes). Without one, Holdfast itself watches memory every few seconds, and cpu has no effect.
type Limits struct {
	// Memory is the most that an instance may use; beyond it allocations fail or the system ends the
	// instance, and Holdfast restarts it (default 0B: no bound).
	Memory Size `yaml:"memory"`
	// MemoryRecycle restarts an instance gracefully, overlapped where restart.overlap allows, when it
	// uses more than this, at most once a minute (default 0B: never).
	MemoryRecycle Size `yaml:"memory_recycle"`
	// CPU is how many processors' worth of time an instance may use: 0.5 is half of one (default 0:
	// no bound).
	CPU Cores `yaml:"cpu"`
}

// OnFailure is run once when an app begins to fail for good: a crash loop, an instance that cannot be
// started, a restart that leads nowhere. It runs in the app's directory with the app's environment and
// HOLDFAST_APP, HOLDFAST_FAILED_INSTANCE, HOLDFAST_EVENT (the event's type) and HOLDFAST_MESSAGE.
type OnFailure struct {
	// Command is the program and its arguments (required).
	Command []string `yaml:"command" rule:"required,program"`
	// Timeout is how long it may run before it is killed (default 30s).
	Timeout Duration `yaml:"timeout" rule:"min=1ms"`
}

// StopHTTP asks a program to end by a POST to its own port.
type StopHTTP struct {
	// Path of the request (required with method http).
	Path string `yaml:"path" rule:"required,placeholders=instance"`
}

// Probe checks an instance. Exactly one of HTTPGet and TCPSocket is set.
type Probe struct {
	// HTTPGet succeeds on a status from 200 to 399.
	HTTPGet *HTTPGet `yaml:"http_get"`
	// TCPSocket succeeds when a connection is accepted.
	TCPSocket *TCPSocket `yaml:"tcp_socket"`
	// Period between two checks (default 10s for HTTP, 5s for TCP, 1s for a startup probe, which
	// begins with 1 ms and grows by a quarter each time, so that a fast program is ready fast).
	Period Duration `yaml:"period" rule:"min=1ms"`
	// Timeout of one check (default 2s for HTTP, 1s for TCP).
	Timeout Duration `yaml:"timeout" rule:"min=1ms"`
	// InitialDelay before the first check (default 0s).
	InitialDelay Duration `yaml:"initial_delay"`
	// FailureThreshold is how many failures in a row count (default 3 for HTTP, 2 for TCP). A
	// startup probe gives up after FailureThreshold x Period instead (default 60 x 1s).
	FailureThreshold int `yaml:"failure_threshold" rule:"min=1,max=1000000"`
	// SuccessThreshold is how many successes in a row make a failed probe good again (default 1).
	SuccessThreshold int `yaml:"success_threshold" rule:"min=1,max=1000000"`
}

// HTTPGet is a GET on the instance's port.
type HTTPGet struct {
	// Path begins with a slash (default "/").
	Path string `yaml:"path" rule:"placeholders=instance"`
	// Port overrides the instance's own port.
	Port int `yaml:"port,omitempty" rule:"min=1,max=65535"`
	// Headers are added to the request; Host sets the host name.
	Headers map[string]string `yaml:"headers" rule:"placeholders=instance"`
}

// TCPSocket is a TCP connect to the instance's port.
type TCPSocket struct {
	// Port overrides the instance's own port.
	Port int `yaml:"port,omitempty" rule:"min=1,max=65535"`
}

// Output is where an app's stdout and stderr are kept.
type Output struct {
	// File bounds each instance's log file (default as logging.file).
	File RotatedFile `yaml:"file"`
	// Encoding of what the program writes; it is kept as UTF-8. auto knows UTF-8 and UTF-16 and takes
	// everything else for the system's own code page (default auto).
	Encoding Encoding `yaml:"encoding"`
}
