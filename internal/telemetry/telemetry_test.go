package telemetry

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"holdfast/internal/config"
	"holdfast/internal/event"
	"holdfast/internal/status"
)

func TestMain(m *testing.M) {
	// timberjack's clean-up goroutine outlives its Close by design of that library.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/DeRuina/timberjack.(*Logger).millRun"))
}

func logging() config.Logging {
	limits := config.RotatedFile{MaxSize: 1 << 20, MaxFiles: 3}
	return config.Logging{
		Level: config.LevelInfo, Format: config.FormatJSON, File: limits,
		Access: config.AccessLog{Enabled: true, File: limits},
	}
}

func open(t *testing.T, o Options) (*Logs, string) {
	t.Helper()
	o.Dir = filepath.Join(t.TempDir(), "logs")
	o.Service = "Shop"
	logs, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := logs.Close(); err != nil {
			t.Error(err)
		}
	})
	return logs, o.Dir
}

// lines reads a log of JSON objects.
func lines(t *testing.T, data []byte) []map[string]any {
	t.Helper()
	var out []map[string]any
	for scanner := bufio.NewScanner(bytes.NewReader(data)); scanner.Scan(); {
		var line map[string]any
		if err := json.Unmarshal(scanner.Bytes(), &line); err != nil {
			t.Fatalf("%s: %v", scanner.Bytes(), err)
		}
		out = append(out, line)
	}
	return out
}

func read(t *testing.T, elem ...string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestFileHasOneJSONObjectPerLine(t *testing.T) {
	var console bytes.Buffer
	logs, dir := open(t, Options{Logging: logging(), Console: &console})
	logs.Log.Info("hello\nworld", zap.String("app", "shop"))
	logs.Log.Debug("not at this level")
	logs.SetLevel(config.LevelDebug)
	logs.Log.Debug("now it is")

	got := lines(t, read(t, dir, "holdfast.log"))
	if len(got) != 2 {
		t.Fatalf("%d lines, want 2: %v", len(got), got)
	}
	if _, ok := got[0]["timestamp"].(string); !ok {
		t.Errorf("no timestamp: %v", got[0])
	}
	delete(got[0], "timestamp")
	want := map[string]any{"level": "info", "message": "hello\nworld", "service": "Shop", "app": "shop"}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Errorf("line (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(got[1], lines(t, console.Bytes())[1]); diff != "" {
		t.Errorf("console differs from file (-file +console):\n%s", diff)
	}
}

func TestLinesForAPerson(t *testing.T) {
	var console bytes.Buffer
	l := logging()
	l.Format = config.FormatAuto
	logs, _ := open(t, Options{Logging: l, Console: &console, Terminal: true})
	logs.Log.Info("ready after 9ms", zap.String("app", "shop"), zap.String("instance", "shop-1"), zap.Any("data", struct{ X int }{1}))
	logs.Log.With(zap.String("listener", "web")).Warn("closing", zap.Error(errors.New("in use")))
	logs.Log.Info("management call", zap.String("method", "POST"), zap.String("path", "/api/v1/config/reload"), zap.Int("status", 422))
	got := regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d\.\d\d\d `).ReplaceAllString(console.String(), "T ")
	want := "T shop-1 ready after 9ms\nT WARN web closing: in use\nT management call: POST /api/v1/config/reload 422\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("console (-want +got):\n%s", diff)
	}
}

func TestAccessLogIsCompleteAfterClose(t *testing.T) {
	logs, dir := open(t, Options{Logging: logging()})
	for range 100 {
		logs.Access.Info("request", zap.Int("status", 200))
	}
	if err := logs.Close(); err != nil {
		t.Fatal(err)
	}
	if got := len(lines(t, read(t, dir, "access.log"))); got != 100 {
		t.Errorf("%d lines, want 100", got)
	}
}

func TestAccessLogCanBeOff(t *testing.T) {
	l := logging()
	l.Access.Enabled = false
	logs, dir := open(t, Options{Logging: l})
	logs.Access.Info("request")
	if err := logs.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "access.log")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("access.log: %v, want it not to be there", err)
	}
}

func TestFolderThatCannotBeMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Logging: logging(), Dir: filepath.Join(file, "logs")}); err == nil {
		t.Error("a logs folder below a file was accepted")
	}
}

func TestEventsBecomeLines(t *testing.T) {
	logs, dir := open(t, Options{Logging: logging()})
	bus := event.NewBus(10)
	var told []event.Type
	events := NewEvents(bus, logs.Log, func(e event.Event) { told = append(told, e.Type) })
	about := event.About{App: "shop", Instance: "shop-1"}
	bus.Publish(event.InstanceStarted{About: about, PID: 42, Port: 20001})
	bus.Publish(event.InstanceExited{About: about, Exit: status.Exit{Code: 1, Text: "exit code 1", Reason: status.ReasonExit}, Next: "restarted at once"})
	bus.Publish(event.ConfigRejected{Revision: 3})
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // what was published before the end is still written
	if err := events.Run(ctx); err != nil {
		t.Fatal(err)
	}

	var got []string
	for _, line := range lines(t, read(t, dir, "holdfast.log")) {
		instance, _ := line["instance"].(string)
		got = append(got, line["level"].(string)+" "+line["event"].(string)+" "+instance)
	}
	want := []string{"info instance.started shop-1", "warn instance.exited shop-1", "error config.rejected "}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	if !slices.Equal(told, []event.Type{"instance.started", "instance.exited", "config.rejected"}) {
		t.Errorf("notify heard %v", told)
	}
}

func TestLostEventsAreTold(t *testing.T) {
	logs, dir := open(t, Options{Logging: logging()})
	bus := event.NewBus(1)
	events := NewEvents(bus, logs.Log, nil)
	for range eventBuffer + 5 {
		bus.Publish(event.GatewayPaused{})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := events.Run(ctx); err != nil {
		t.Fatal(err)
	}
	first := lines(t, read(t, dir, "holdfast.log"))[0]
	if first["message"] != "events were dropped before they reached the log" || first["count"] != 5.0 {
		t.Errorf("first line = %v", first)
	}
}

func TestRegistry(t *testing.T) {
	families, err := NewRegistry("1.2.3", "go1.26").Gather()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range families {
		names = append(names, f.GetName())
	}
	for _, want := range []string{"holdfast_build_info", "process_resident_memory_bytes", "go_goroutines"} {
		if !slices.Contains(names, want) {
			t.Errorf("no %s among %v", want, names)
		}
	}
}
