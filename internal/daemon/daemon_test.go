package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/internal/api"
	"holdfast/internal/certs"
	"holdfast/internal/config"
	"holdfast/internal/event"
	"holdfast/internal/status"
)

// childEnv makes the test binary an HTTP program that a Daemon supervises.
const childEnv = "HFTEST_SERVE"

func TestMain(m *testing.M) {
	if text := os.Getenv(childEnv); text != "" {
		serveAsChild(text)
	}
	os.Exit(m.Run()) //nolint:forbidigo // this is the main of a program
}

// serveAsChild answers every request with text and the instance's port.
func serveAsChild(text string) {
	server := &http.Server{
		Addr:              "127.0.0.1:" + os.Getenv("PORT"),
		ReadHeaderTimeout: time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/exit" {
				os.Exit(3) //nolint:forbidigo // the child ends as it was asked to
			}
			_, _ = io.WriteString(w, text)
		}),
	}
	fmt.Fprintln(os.Stderr, server.ListenAndServe())
	os.Exit(1) //nolint:forbidigo // as above
}

// running is a Daemon under test.
type running struct {
	t   testing.TB
	d   *Daemon
	dir string
	end context.CancelFunc
	// result has Run's error once.
	result chan error
}

// startID is what whoever starts a Daemon calls the start here.
const startID = "0123456789abcdef0123456789abcdef"

type readiness struct{ ready chan struct{} }

func (readiness) Progress(string) {}
func (readiness) StartID() string { return startID }
func (r readiness) Ready()        { close(r.ready) }

const listeners = `version: 1
management: {address: "127.0.0.1:0"}
listeners: {web: {address: "127.0.0.1:0"}}
`

// shop is the configuration of an app that answers text, and of a route to it.
func shop(t *testing.T, text string) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("apps:\n  shop:\n    command: ['%s']\n    env: {%s: '%s'}\n    stop: {grace: 5s}\nroutes:\n  shop: {app: shop}\n", exe, childEnv, text)
}

func write(tb testing.TB, file, text string) {
	tb.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
}

func newDaemon(tb testing.TB, text string) (*Daemon, string) {
	tb.Helper()
	dir := tb.TempDir()
	file := filepath.Join(dir, "holdfast.yaml")
	write(tb, file, text)
	return New(Options{
		Name: "Test", Version: "1.2.3",
		Config:   config.Options{File: file},
		DataDir:  filepath.Join(dir, "data"),
		LogDir:   filepath.Join(dir, "logs"),
		Endpoint: endpoint(dir),
		Environ:  os.Environ(),
	}), dir
}

// start runs a Daemon until the end of the test and waits until it is ready.
func start(tb testing.TB, text string) *running {
	tb.Helper()
	return startWith(tb, text, func(*Options) {})
}

// startWith is start with other options.
func startWith(tb testing.TB, text string, change func(*Options)) *running {
	tb.Helper()
	r := &running{t: tb, result: make(chan error, 1)}
	r.d, r.dir = newDaemon(tb, text)
	change(&r.d.options)
	var ctx context.Context
	ctx, r.end = context.WithCancel(context.Background())
	ready := readiness{make(chan struct{})}
	go func() { r.result <- r.d.Run(ctx, ready) }()
	select {
	case <-ready.ready:
	case err := <-r.result:
		tb.Fatalf("Run ended before it was ready: %v", err)
	}
	tb.Cleanup(func() { r.stop() })
	return r
}

// stop ends the Daemon, once.
func (r *running) stop() {
	if r.end == nil {
		return
	}
	r.end()
	r.end = nil
	if err := <-r.result; err != nil {
		r.t.Errorf("Run: %v", err)
	}
}

// get asks the gateway, or the management address.
func (r *running) get(listener, path string) (int, string) {
	r.t.Helper()
	return r.call(http.MethodGet, listener, path)
}

func (r *running) call(method, listener, path string) (int, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, "http://"+r.d.Addresses()[listener]+path, http.NoBody)
	if err != nil {
		r.t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// eventually waits for the condition; what it wants is told when it never comes.
func eventually(tb testing.TB, want string, condition func() bool) {
	tb.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-deadline.C:
			tb.Fatalf("never came: %s", want)
		case <-tick.C:
		}
	}
}

func (r *running) serves(text string) {
	r.t.Helper()
	eventually(r.t, "the answer "+text, func() bool {
		code, body := r.get("web", "/")
		return code == http.StatusOK && body == text
	})
}

func (r *running) published(kind event.Type) []event.Event {
	events, _ := r.d.bus.List(event.Query{Type: kind})
	return events
}

func TestServesSupervisesAndStops(t *testing.T) {
	r := start(t, listeners+shop(t, "hello"))
	r.serves("hello")
	if code, body := r.get("management", "/readyz"); code != http.StatusOK || strings.Contains(body, startID) {
		t.Errorf("/readyz = %d, %s", code, body)
	}
	local := httptest.NewRecorder()
	r.d.api.LocalHandler().ServeHTTP(local, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", http.NoBody))
	if body := local.Body.String(); !strings.Contains(body, `"start_id":"`+startID+`"`) || !strings.Contains(body, `"version":"1.2.3"`) {
		t.Errorf("/readyz on the local door does not tell start and version: %s", body)
	}
	if code, body := r.get("management", "/metrics"); code != http.StatusOK || !strings.Contains(body, `holdfast_app_instances{app="shop",state="running"} 1`) {
		t.Errorf("/metrics = %d, without the app's instance", code)
	}
	r.call(http.MethodPost, "web", "/exit") // a GET would be sent again, and end the next process too
	r.serves("hello")
	if got := len(r.published("instance.exited")); got != 1 {
		t.Errorf("%d instance.exited events, want 1", got)
	}
	a, err := r.d.supervisor.App("shop")
	if err != nil || a.Instances[0].LastExit == nil || a.Instances[0].LastExit.Code != 3 {
		t.Errorf("app = %+v, %v", a, err)
	}
	pid := a.Instances[0].PID
	r.stop()
	if alive(pid) {
		t.Errorf("process %d outlived its Holdfast", pid)
	}
	log, err := os.ReadFile(filepath.Join(r.dir, "logs", "holdfast.log"))
	if err != nil || !strings.Contains(string(log), `"event":"service.stopping"`) {
		t.Errorf("the log lacks the stop: %v", err)
	}
	if _, err := os.Stat(filepath.Join(r.dir, "logs", "access.log")); err != nil {
		t.Error(err)
	}
}

func TestReload(t *testing.T) {
	r := start(t, listeners+shop(t, "one"))
	r.serves("one")
	file := filepath.Join(r.dir, "holdfast.yaml")

	write(t, file, listeners+shop(t, "two"))
	if err := r.d.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.serves("two")

	write(t, file, listeners+"apps: {shop: {comand: [x]}}\n")
	err := r.d.Reload(t.Context())
	if err == nil || !strings.Contains(err.Error(), "comand") {
		t.Errorf("a bad configuration was not refused with its cause: %v", err)
	}
	r.serves("two")
	if got := r.published("config.rejected"); len(got) == 0 {
		t.Error("the refusal was not told")
	}
	if code, body := r.get("management", "/metrics"); code != http.StatusOK || !strings.Contains(body, "holdfast_config_last_reload_successful 0") {
		t.Error("the metric does not tell the refusal")
	}
}

func TestRefusalIsToldOnceForOneChange(t *testing.T) {
	r := start(t, listeners+shop(t, "one"))
	r.serves("one")
	problems := config.Problems{{Code: "HF204", Severity: config.Error, Message: "unknown key"}}
	for _, step := range []struct {
		trigger string
		told    int
	}{{"api", 1}, {string(config.FilesChanged), 1}, {string(config.FilesChanged), 2}, {"api", 3}, {"api", 4}} {
		r.d.reloading.Lock()
		r.d.reject(step.trigger, problems)
		r.d.reloading.Unlock()
		if got := len(r.published("config.rejected")); got != step.told {
			t.Errorf("after %s: told %d times, want %d", step.trigger, got, step.told)
		}
	}
}

func TestChangedFileIsApplied(t *testing.T) {
	r := start(t, listeners+shop(t, "one"))
	r.serves("one")
	write(t, filepath.Join(r.dir, "holdfast.yaml"), listeners+shop(t, "two"))
	r.serves("two")
}

func TestReloadThatCannotBindChangesNothing(t *testing.T) {
	r := start(t, listeners+shop(t, "one"))
	r.serves("one")
	var lc net.ListenConfig
	taken, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	text := strings.Replace(listeners, "listeners: {", fmt.Sprintf("listeners: {more: {address: '%s'}, ", taken.Addr()), 1)
	write(t, filepath.Join(r.dir, "holdfast.yaml"), text+shop(t, "two"))
	err = r.d.Reload(t.Context())
	if err == nil || !strings.Contains(err.Error(), `"more"`) {
		t.Errorf("error = %v, want one that names the listener", err)
	}
	r.serves("one")
	if got := len(r.d.Addresses()); got != 2 {
		t.Errorf("addresses after the refusal: %v", r.d.Addresses())
	}
}

func TestPauseAnswers503AndKeepsTheApps(t *testing.T) {
	r := start(t, listeners+shop(t, "hello"))
	r.serves("hello")
	for range 2 {
		if err := r.d.Pause(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if code, _ := r.get("web", "/"); code != http.StatusServiceUnavailable {
		t.Errorf("paused: %d, want 503", code)
	}
	if a, err := r.d.supervisor.App("shop"); err != nil || a.Condition != status.Healthy {
		t.Errorf("paused: app %+v, %v", a, err)
	}
	if err := r.d.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.serves("hello")
	if got := len(r.published("gateway.paused")); got != 1 {
		t.Errorf("told %d pauses, want 1", got)
	}
}

func TestStartsThatFail(t *testing.T) {
	var lc net.ListenConfig
	taken, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	other := start(t, listeners)
	tests := []struct {
		name   string
		text   string
		change func(*Daemon, string)
		want   func(error) bool
	}{
		{"bad configuration", "version: 1\nap: {}\n", nil, is[*ConfigError]},
		{"taken listener", strings.Replace(listeners, `web: {address: "127.0.0.1:0"}`, fmt.Sprintf("web: {address: '%s'}", taken.Addr()), 1), nil, is[*ListenError]},
		{"taken management address", strings.Replace(listeners, `management: {address: "127.0.0.1:0"}`, fmt.Sprintf("management: {address: '%s'}", taken.Addr()), 1), nil, is[*ListenError]},
		{"a certificate that cannot be had", "version: 1\nmanagement: {address: '127.0.0.1:0'}\nlisteners: {web: {address: '127.0.0.1:0', certificate: shop}}\ncertificates: {shop: {self_signed: {}}}\n", func(d *Daemon, _ string) {
			if err := certs.WritePrivate(filepath.Join(d.options.DataDir, "self-signed", "shop.pem"), []byte("nonsense")); err != nil {
				t.Fatal(err)
			}
		}, func(err error) bool {
			return !is[*ListenError](err) && strings.Contains(err.Error(), `certificate "shop"`)
		}},
		{"data folder is a file", listeners, func(d *Daemon, dir string) {
			d.options.DataDir = filepath.Join(dir, "holdfast.yaml", "data")
		}, is[*DataError]},
		{"same endpoint twice", listeners, func(d *Daemon, _ string) {
			d.options.Endpoint = other.d.options.Endpoint
		}, func(err error) bool { return errors.Is(err, api.ErrInUse) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, dir := newDaemon(t, tt.text)
			if tt.change != nil {
				tt.change(d, dir)
			}
			err := d.Run(t.Context(), readiness{make(chan struct{})})
			if !tt.want(err) {
				t.Errorf("error = %v (%T)", err, err)
			}
			if is[*ListenError](err) {
				log, readErr := os.ReadFile(filepath.Join(d.options.LogDir, "holdfast.log"))
				if readErr != nil || !strings.Contains(string(log), taken.Addr().String()) && !errors.Is(err, api.ErrInUse) {
					t.Errorf("the log does not name the address: %v\n%s", readErr, log)
				}
			}
		})
	}
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}
