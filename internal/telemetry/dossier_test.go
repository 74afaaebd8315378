package telemetry

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"holdfast/internal/config"
	"holdfast/internal/event"
	"holdfast/internal/status"
)

// wholeExit is an end of which everything is known.
func wholeExit() status.Exit {
	at := time.Date(2026, 3, 1, 10, 45, 7, 0, time.UTC)
	return status.Exit{
		Code: -1, Signal: "SIGKILL", Text: "killed by SIGKILL", Reason: status.ReasonLivenessProbe, Cause: "liveness probe failed 3 times in a row",
		PID: 4312, StartedAt: at.Add(-90 * time.Second), EndedAt: at, Graceful: true, LastLines: []string{"one", "two\x1b[2J"},
		Usage: &status.Usage{Time: at, CPU: 0.5, CPUSeconds: 1.25, Memory: 182 << 20, PeakMemory: 200 << 20, Handles: 12, Threads: 3, Processes: 2},
		Port:  20001, PortHolder: "nginx (process 812)", Probes: []status.ProbeResult{{Time: at, Probe: "liveness", Seconds: 2, Error: "timeout"}},
		Advice: "mend it", Next: "next try in 4s",
	}
}

// TestDossierHasEveryField compares the typed fields with the API's form of the same end.
func TestDossierHasEveryField(t *testing.T) {
	exit := reflect.ValueOf(wholeExit())
	for i := range exit.NumField() {
		if exit.Field(i).IsZero() {
			t.Errorf("the test's end has no %s", exit.Type().Field(i).Name)
		}
	}
	logs, dir := open(t, Options{Logging: logging()})
	logs.Log.Info("x", zap.Object("exit", dossier(wholeExit())))
	got := lines(t, read(t, dir, "holdfast.log"))[0]["exit"].(map[string]any)
	data, err := json.Marshal(wholeExit())
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]any
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	want["lived_seconds"] = 90.0
	delete(want["usage"].(map[string]any), "time") // that of the line will do
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}

func TestDossierLeavesOutWhatIsNotKnown(t *testing.T) {
	logs, dir := open(t, Options{Logging: logging()})
	logs.Log.Info("x", zap.Object("exit", dossier(status.Exit{Text: "exit code 0", Reason: status.ReasonExit})))
	got := lines(t, read(t, dir, "holdfast.log"))[0]["exit"].(map[string]any)
	want := map[string]any{"reason": "exit", "code": 0.0, "text": "exit code 0", "ended_at": "0001-01-01T00:00:00Z", "graceful": false}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}

// TestEndsAreTypedInTheLog has every event that carries an end.
func TestEndsAreTypedInTheLog(t *testing.T) {
	about := event.About{App: "shop", Instance: "shop-1"}
	hard := wholeExit()
	hard.Graceful = false
	for want, body := range map[string]event.Body{
		`"orphans":2,"next":"it stays down"`: event.InstanceExited{About: about, Exit: wholeExit(), Orphans: 2, Next: event.StaysDown},
		`"killed":1`:                         event.InstanceStopped{About: about, Exit: hard, Killed: 1},
		`"next":"next try in 1s"`:            event.InstanceStartFailed{About: about, Exit: wholeExit(), Next: "next try in 1s"},
		`"restarts":9,"window_seconds":300`:  event.InstanceCrashLoop{About: about, Exit: wholeExit(), Restarts: 9, Window: event.Seconds(5 * time.Minute)},
	} {
		logs, dir := open(t, Options{Logging: logging()})
		bus := event.NewBus(1)
		events := NewEvents(bus, logs.Log, nil)
		bus.Publish(body)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := events.Run(ctx); err != nil {
			t.Fatal(err)
		}
		line := string(read(t, dir, "holdfast.log"))
		for _, text := range []string{want, `"exit":{"reason":"liveness_probe","code":-1,"signal":"SIGKILL"`, `"usage":{"cpu":0.5,`, `"last_lines":["one","two\u001b[2J"]`} {
			if !strings.Contains(line, text) {
				t.Errorf("%s: line %s lacks %s", body.Type(), line, text)
			}
		}
		if strings.Contains(line, `"data"`) {
			t.Errorf("%s: the end is told twice: %s", body.Type(), line)
		}
	}
}

// A stop that went as it was asked for fills no log with what nobody will look for.
func TestGracefulStopIsShortInTheLog(t *testing.T) {
	logs, dir := open(t, Options{Logging: logging()})
	logs.Log.Info("x", details(event.InstanceStopped{Exit: wholeExit()})...)
	got := lines(t, read(t, dir, "holdfast.log"))[0]["exit"].(map[string]any)
	if got["graceful"] != true || got["usage"] == nil || got["last_lines"] != nil || got["probes"] != nil {
		t.Errorf("exit: %v", got)
	}
}

func TestConsoleTellsAnEndInOneLine(t *testing.T) {
	var console bytes.Buffer
	l := logging()
	l.Format = config.FormatConsole
	logs, _ := open(t, Options{Logging: l, Console: &console})
	bus := event.NewBus(1)
	events := NewEvents(bus, logs.Log, nil)
	end := wholeExit()
	end.Cause = "liveness probe failed: answered \x1b[2J\r\n" + strings.Repeat("x", 2000)
	bus.Publish(event.InstanceExited{About: event.About{App: "shop", Instance: "shop-1"}, Exit: end, Next: "next try in 4s"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := events.Run(ctx); err != nil {
		t.Fatal(err)
	}
	got := console.String()
	if strings.Count(got, "\n") != 1 || len(got) > 500 || !strings.Contains(got, `WARN shop-1 ended because its liveness probe failed: answered \x1b[2J  xxx`) {
		t.Errorf("console: %q", got)
	}
}

func FuzzHarmless(f *testing.F) {
	f.Add("plain")
	f.Add("\x1b[2J\x1b]0;x\a\u009b\r\n\xff")
	f.Add(strings.Repeat("ä", 500))
	f.Fuzz(func(t *testing.T, text string) {
		got := harmless(text)
		if strings.ContainsFunc(got, unicode.IsControl) {
			t.Errorf("%q becomes %q", text, got)
		}
		if len([]rune(got)) > 4*maxText+3 {
			t.Errorf("%d characters become %d", len([]rune(text)), len([]rune(got)))
		}
	})
}

func BenchmarkDossier(b *testing.B) {
	end := dossier(wholeExit())
	log := zap.New(zapcore.NewCore(jsonEncoder(), zapcore.AddSync(io.Discard), zapcore.DebugLevel))
	b.ReportAllocs()
	for b.Loop() {
		log.Info("ended", zap.Object("exit", end))
	}
}
