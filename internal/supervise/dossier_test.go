package supervise

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/config"
	"holdfast/internal/status"
)

func TestAdvice(t *testing.T) {
	failed := func(change ...func(*status.Exit)) status.Exit {
		e := status.Exit{Code: 1, Reason: status.ReasonExit, Port: 20001}
		for _, c := range change {
			c(&e)
		}
		return e
	}
	probe := func(e *status.Exit) { e.Reason = status.ReasonStartupProbe }
	held := func(e *status.Exit) { e.PortHolder = "nginx (process 812)" }
	code := func(n int64) func(*status.Exit) { return func(e *status.Exit) { e.Code = n } }
	tests := []struct {
		name      string
		exit      status.Exit
		clues     clues
		ran       time.Duration
		listening []int
		want      string
	}{
		{name: "its port is held", exit: failed(held), want: "port 20001 is held by nginx (process 812): end that program or change the app's port"},
		{name: "its port is excluded", exit: failed(), clues: clues{excluded: "reserved by Hyper-V: 20000-20100"}, want: "no program may take port 20001 (reserved by Hyper-V: 20000-20100): change the app's port"},
		{
			name: "another port is taken", exit: failed(), clues: clues{clash: 3000, holder: "node (process 77)"},
			want: "it tried to listen on port 3000, which is held by node (process 77), and was told port 20001: let it read PORT",
		},
		{name: "its port was taken", exit: failed(), clues: clues{clash: 20001}, want: "port 20001 is held by another program: end that program or change the app's port"},
		{
			name: "an unnamed port is taken", exit: failed(), clues: clues{clashed: true},
			want: "it tried to listen on a port that is taken, and not on its own, 20001, which is free: let it read PORT",
		},
		{name: "wrong port", exit: failed(probe), listening: []int{3000}, want: "it listens on port 3000, not on 20001: let it read PORT, or write port: 3000"},
		{
			name: "right port, bad answer", exit: failed(probe), listening: []int{20001, 9229},
			want: "it listens on port 20001 but the probe (GET /healthz on port 20001) does not succeed: correct startup_probe, or what it asks for",
		},
		{
			name: "no port", exit: failed(probe), listening: []int{},
			want: "it listens on no port: let it listen on 127.0.0.1 at the port in PORT (20001), or give it more time with startup_probe.failure_threshold",
		},
		{name: "nobody knows its ports", exit: failed(probe), want: "give it more time with startup_probe.failure_threshold, or see in its log what it waits for"},
		{name: "crash within a second", exit: failed(), ran: 120 * time.Millisecond, clues: clues{line: "Error: Cannot find module 'express'"}, want: "it ended 120ms after its start and wrote: Error: Cannot find module 'express'"},
		{name: "silent crash", exit: failed(), ran: 5 * time.Millisecond, want: "it ended 5ms after its start and wrote nothing: run its command by hand in its directory"},
		{name: "late crash", exit: failed(), ran: time.Minute, clues: clues{line: "panic: oh"}},
		{name: "missing command", exit: failed(code(127)), want: "a script ends so when a command is not found: give its full path"},
		{name: "missing DLL", exit: failed(code(0xC0000135)), ran: time.Minute, want: "a DLL that it needs is missing: run it in a console as the service's account, which names it"},
		{name: "memory", exit: failed(func(e *status.Exit) { e.Reason = status.ReasonMemoryLimit }), want: "find its leak, or raise limits.memory"},
		{
			name: "killed by somebody", exit: failed(code(-1), func(e *status.Exit) { e.Signal = "SIGKILL" }), ran: time.Hour,
			want: "neither Holdfast nor the program sent that signal: look into the system's log for \"Out of memory\", and set limits.memory",
		},
		{name: "good end", exit: failed(code(0))},
		{name: "liveness", exit: failed(func(e *status.Exit) { e.Reason = status.ReasonLivenessProbe })},
	}
	app := testApp()
	app.StartupProbe = &config.Probe{HTTPGet: &config.HTTPGet{Path: "/healthz"}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.clues.advice(tt.exit, &app, tt.ran, tt.listening); got != tt.want {
				t.Errorf("advice = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestClashPort(t *testing.T) {
	const unnamed = -1
	for line, want := range map[string]int{
		"Error: listen EADDRINUSE: address already in use :::3000":                                                  3000,
		"listen tcp 127.0.0.1:20001: bind: address already in use":                                                  20001,
		"OSError: [Errno 98] Address already in use":                                                                unnamed,
		"[Errno 98] error while attempting to bind on address ('127.0.0.1', 8000): address already in use":          8000,
		"Web server failed to start. Port 8080 was already in use. Address already in use":                          8080,
		"listen tcp :8443: bind: Only one usage of each socket address (protocol/network address/port) is normally": 8443,
		"System.IO.IOException: Failed to bind to address http://127.0.0.1:5000: address already in use.":           5000,
		"2026-01-01 12:30:45 listening on port 3000":                                                                0,
		"connect ECONNREFUSED 127.0.0.1:5432":                                                                       0,
	} {
		got, clashed := clashPort([]string{"starting", line, "  at Server.listen (node:net:1937:7)"})
		if got != max(want, 0) || clashed != (want != 0) {
			t.Errorf("%q: %d, %v, want %d", line, got, clashed, want)
		}
	}
}

func TestTellingLine(t *testing.T) {
	for name, tt := range map[string]struct {
		lines []string
		want  string
	}{
		"node":   {[]string{"node:internal/modules/cjs/loader:1078", "  throw err;", "", "Error: Cannot find module '/srv/server.js'", "    at Module._resolveFilename (node:internal/loader:1075:15)", "    at Module.error (x)", "", "Node.js v18.19.0"}, "Error: Cannot find module '/srv/server.js'"},
		"python": {[]string{"Traceback (most recent call last):", "  File \"app.py\", line 1", "ModuleNotFoundError: No module named 'flask'"}, "ModuleNotFoundError: No module named 'flask'"},
		"java":   {[]string{"Exception in thread \"main\" java.lang.RuntimeException", "\tat Main.main(Main.java:3)", "Caused by: java.io.IOException: no disk", "\tat X.y(X.java:1)"}, "Caused by: java.io.IOException: no disk"},
		"plain":  {[]string{"hello", "bye", " "}, "bye"},
		"none":   {nil, ""},
		"long":   {[]string{strings.Repeat("é", 300)}, strings.Repeat("é", 98) + "..."},
	} {
		if got := tellingLine(tt.lines); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func TestExitsAreBounded(t *testing.T) {
	line := strings.Repeat("x", 1000)
	var lines []string
	for n := range 60 {
		lines = append(lines, fmt.Sprintf("%02d%s", n, line))
	}
	probes := make([]status.ProbeResult, 25)
	e := boundedExit(status.Exit{LastLines: lines, Probes: probes, Text: strings.Repeat("t", 9999), Cause: strings.Repeat("c", 9999), PortHolder: strings.Repeat("p", 9999)})
	if len(e.LastLines) != 16 || e.LastLines[15][:2] != "59" || len(e.Probes) != maxProbes || len(e.Text) > maxCause || len(e.Cause) > maxCause || len(e.PortHolder) > maxHolder {
		t.Errorf("%d lines up to %.2s, %d probes, text %d, cause %d, holder %d", len(e.LastLines), e.LastLines[len(e.LastLines)-1], len(e.Probes), len(e.Text), len(e.Cause), len(e.PortHolder))
	}
	if got := lastLines([]string{"a", strings.Repeat("y", 99)}, 50, 10); len(got) != 1 || got[0] != "yyyyyyy..." {
		t.Errorf("a line that is too long became %q", got)
	}
	if got := lastLines([]string{"a", "b", "c"}, 2, 100); cmp.Diff([]string{"b", "c"}, got) != "" {
		t.Errorf("last two = %q", got)
	}
	old := older([]status.Exit{e, e, e, e, e, e, e, e, e, e})
	if len(old) != keptExits-1 || len(old[0].LastLines) > olderLines || old[0].Probes != nil || len(e.LastLines) != 16 {
		t.Errorf("%d older exits with %d lines", len(old), len(old[0].LastLines))
	}
}

func TestMergedUsage(t *testing.T) {
	sample := &status.Usage{Memory: 5, CPU: .5, CPUSeconds: 3, PeakMemory: 9, Handles: 4}
	end := &status.Usage{CPUSeconds: 4, PeakMemory: 7}
	if diff := cmp.Diff(&status.Usage{Memory: 5, CPU: .5, CPUSeconds: 4, PeakMemory: 9, Handles: 4}, merged(sample, end)); diff != "" {
		t.Errorf("merged (-want +got):\n%s", diff)
	}
	if sample.CPUSeconds != 3 || merged(nil, end) != end || merged(sample, nil) != sample || merged(nil, nil) != nil {
		t.Error("one side alone is not what is told, or a sample was changed")
	}
}

// fakePorts tells about ports as a test wants.
type fakePorts struct {
	holder    map[int]string
	excluded  map[int]string
	mu        sync.Mutex
	listening []int
}

func (p *fakePorts) listen(ports ...int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listening = ports
}

func (p *fakePorts) Holder(port int) string { return p.holder[port] }
func (p *fakePorts) Listening(int) []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.listening
}

func (p *fakePorts) Excluded(port int) string { return p.excluded[port] }

func TestDossierOfAnEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": served(1)})
		defer w.stop()
		i := w.sup.apps["shop"].instances[0]
		child := w.child("shop-1")
		old := status.ProbeResult{Time: time.Now().Add(-time.Minute), Probe: "liveness"}
		own := status.ProbeResult{Time: time.Now().Add(time.Minute), Probe: "liveness", Error: "refused"}
		w.mu.Lock()
		w.results["shop-1"] = []status.ProbeResult{old, own}
		w.mu.Unlock()
		time.Sleep(2*time.Minute + time.Second) // of the bubble's clock, between two samples
		i.setUsage(i.process(), status.Usage{Memory: 7, Handles: 3})
		child.endWith(status.Exit{Code: 9, Text: "exit code 9", LastLines: []string{"bye"}, Usage: &status.Usage{CPUSeconds: 2}})
		v := w.wantState("shop-1", status.Running)
		want := status.Exit{
			Code: 9, Text: "exit code 9", Reason: status.ReasonExit, LastLines: []string{"bye"}, Port: v.Port,
			Usage: &status.Usage{Memory: 7, Handles: 3, CPUSeconds: 2}, Probes: []status.ProbeResult{own}, Next: "restarted at once",
		}
		got := *v.LastExit
		got.PID, got.StartedAt, got.EndedAt = 0, time.Time{}, time.Time{}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("exit (-want +got):\n%s", diff)
		}
		if v.Usage != nil && v.Usage.Memory != 0 {
			t.Errorf("the new process has the usage of the old one: %+v", v.Usage)
		}
	})
}

// TestStolenPort has a real thief: who holds the port is asked only when it cannot be had.
func TestStolenPort(t *testing.T) {
	ports := &fakePorts{holder: map[int]string{}}
	w := &world{t: t, results: map[string][]status.ProbeResult{}}
	s := &Supervisor{options: Options{Prober: w, Ports: ports}}
	i := newInstance(s, "shop", 1, served(1))
	i.machine.view.State = status.Starting
	var lc net.ListenConfig
	thief, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = thief.Close() }()
	port := thief.Addr().(*net.TCPAddr).Port
	ports.holder[port], ports.holder[3000] = "nginx (process 812)", "node (process 77)"
	i.machine.view.Port = port
	exit, _ := i.dossier(t.Context(), status.Exit{Code: 1})
	if exit.PortHolder != "nginx (process 812)" {
		t.Errorf("port holder = %q", exit.PortHolder)
	}
	exit, clues := i.dossier(t.Context(), status.Exit{Code: 1, LastLines: []string{"listen EADDRINUSE: address already in use :::3000"}})
	if clues.clash != 3000 || clues.holder != "node (process 77)" {
		t.Errorf("clues = %+v", clues)
	}
	unnamed := status.Exit{Code: 1, LastLines: []string{"OSError: [Errno 98] Address already in use"}}
	if _, clues = i.dossier(t.Context(), unnamed); !clues.clashed || clues.clash != port {
		t.Errorf("clues about its own port = %+v", clues)
	}
	_ = thief.Close()
	if _, clues = i.dossier(t.Context(), unnamed); !clues.clashed || clues.clash != 0 {
		t.Errorf("clues about another port = %+v", clues)
	}
	i.machine.view.State, i.machine.after = status.Stopping, stayDown
	if exit, _ = i.dossier(t.Context(), status.Exit{}); exit.PortHolder != "" {
		t.Errorf("a requested stop has a port holder: %q", exit.PortHolder)
	}
}

func TestWrongPortIsToldWhileStarting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, nil)
		defer w.stop()
		ports := &fakePorts{}
		w.sup.options.Ports = ports
		w.mu.Lock()
		w.slow["shop-1"] = time.Hour
		w.mu.Unlock()
		if err := w.sup.Apply(t.Context(), map[string]config.App{"shop": served(1)}); err != nil {
			t.Fatal(err)
		}
		w.wantState("shop-1", status.Starting)
		time.Sleep(lookAfter) // of the bubble's clock
		if v := w.wantState("shop-1", status.Starting); !strings.HasPrefix(v.Why, "its startup probe") {
			t.Errorf("why = %q", v.Why)
		}
		ports.listen(3000) // it was slow
		time.Sleep(lookFactor * lookAfter)
		v := w.wantState("shop-1", status.Starting)
		if want := fmt.Sprintf("not ready: it listens on port 3000, not on %d: let it read PORT, or write port: 3000", v.Port); v.Why != want {
			t.Errorf("why = %q, want %q", v.Why, want)
		}
	})
}

func TestGivenUpStartupSaysWhatIsWrong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, nil)
		defer w.stop()
		w.sup.options.Ports = &fakePorts{listening: []int{3000}}
		w.mu.Lock()
		w.slow["shop-1"] = -1
		w.mu.Unlock()
		if err := w.sup.Apply(t.Context(), map[string]config.App{"shop": served(1, func(a *config.App) { a.Restart.Policy = config.RestartNever })}); err != nil {
			t.Fatal(err)
		}
		e := w.wantState("shop-1", status.Exited).LastExit
		if e.Reason != status.ReasonStartupProbe || e.Cause != "refused" || !strings.HasPrefix(e.Advice, "it listens on port 3000") || e.Next != "it stays down" {
			t.Errorf("exit = %+v", e)
		}
	})
}

func TestStartRefusedByItsPort(t *testing.T) {
	var lc net.ListenConfig
	thief, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = thief.Close() }()
	port := thief.Addr().(*net.TCPAddr).Port
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, nil)
		defer w.stop()
		w.sup.options.Ports = &fakePorts{holder: map[int]string{port: "nginx (process 812)"}}
		app := served(1, func(a *config.App) { a.Port = config.Port(port) })
		if err := w.sup.Apply(t.Context(), map[string]config.App{"shop": app}); err != nil {
			t.Fatal(err)
		}
		e := w.wantState("shop-1", status.Backoff).LastExit
		if e.Reason != status.ReasonStartFailed || e.Port != port || e.PortHolder != "nginx (process 812)" {
			t.Errorf("exit = %+v", e)
		}
	})
}

func FuzzLastWords(f *testing.F) {
	f.Add("Error: listen EADDRINUSE: address already in use :::3000")
	f.Add("port 99999 address in use")
	f.Add("\xff\xfe:1\x00")
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Split(text, "\n")
		if port, clashed := clashPort(lines); port < 0 || port > 65535 || port != 0 && !clashed {
			t.Errorf("port %d", port)
		}
		line := tellingLine(lines)
		if len(line) > maxQuote || utf8.ValidString(text) && !utf8.ValidString(line) {
			t.Errorf("line %q", line)
		}
		size := 0
		for _, l := range lastLines(lines, maxLines, maxLineBytes) {
			size += len(l)
		}
		if size > maxLineBytes {
			t.Errorf("%d bytes are kept", size)
		}
	})
}
