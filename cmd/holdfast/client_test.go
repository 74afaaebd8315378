package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/internal/api"
	"holdfast/internal/config"
	"holdfast/internal/event"
	"holdfast/internal/status"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with a file of testdata/golden.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test ./cmd/holdfast -update):\n%s", path, got)
	}
}

// TestStatusForms are the forms for people, at a fixed time of day.
func TestStatusForms(t *testing.T) {
	plain := style{unicode: true, now: now(), zone: time.UTC}
	idle := status.App{ID: "job", Condition: status.Idle, Desired: 1, Since: now().Add(-30 * time.Hour), Instances: []status.Instance{
		{ID: "job-1", App: "job", State: status.Stopped, Since: now(), Why: "requested"},
	}}
	waiting := status.App{ID: "web", Condition: status.Down, Desired: 1, Since: now(), Why: "web-1: waiting for db, migrate", Instances: []status.Instance{
		{ID: "web-1", App: "web", State: status.Pending, Since: now(), Why: "waiting for db, migrate"},
	}}
	hostile := healthyApp()
	hostile.Condition, hostile.Why = status.Down, "exit\x1b]0;owned\a code\x1b[31m 1"
	last := &status.Line{Time: now().Add(-16 * time.Second), Instance: "shop-2", Stream: "stderr", Text: "Error: connect ECONNREFUSED 10.0.0.9:5432"}
	service := api.ServiceStatus{Name: "Holdfast", Version: "1.2.3", StartedAt: now().Add(-192 * time.Minute), Ready: true, Revision: 14, LastReload: api.ReloadStatus{Applied: true}}
	unready := service
	unready.Ready, unready.Reasons, unready.LastReload.Applied = false, []string{"the gateway is paused: holdfast service continue"}, false

	c := &console{name: "Holdfast"}
	for name, write := range map[string]func(*bytes.Buffer) error{
		"app_degraded.txt": func(b *bytes.Buffer) error { return c.writeApp(b, plain, degradedApp(), last) },
		"app_healthy.txt":  func(b *bytes.Buffer) error { return c.writeApp(b, plain, healthyApp(), nil) },
		"app_stopped.txt":  func(b *bytes.Buffer) error { return c.writeApp(b, plain, idle, nil) },
		"app_waiting.txt":  func(b *bytes.Buffer) error { return c.writeApp(b, plain, waiting, nil) },
		"app_hostile.txt":  func(b *bytes.Buffer) error { return c.writeApp(b, plain, hostile, nil) },
		"app_ascii.txt": func(b *bytes.Buffer) error {
			return c.writeApp(b, style{now: now(), zone: time.UTC}, degradedApp(), last)
		},
		"app_color.txt": func(b *bytes.Buffer) error {
			return c.writeApp(b, style{color: true, unicode: true, now: now(), zone: time.UTC}, degradedApp(), last)
		},
		"app_other_name.txt": func(b *bytes.Buffer) error {
			return (&console{name: "Shop", data: "/srv/my data"}).writeApp(b, plain, degradedApp(), last)
		},
		"overview.txt": func(b *bytes.Buffer) error {
			return c.writeOverview(b, plain, overview{service, []status.App{idle, degradedApp(), healthyApp()}})
		},
		"overview_color.txt": func(b *bytes.Buffer) error {
			return c.writeOverview(b, style{color: true, unicode: true, now: now(), zone: time.UTC}, overview{service, []status.App{idle, degradedApp()}})
		},
		"overview_unready.txt": func(b *bytes.Buffer) error { return c.writeOverview(b, plain, overview{unready, nil}) },
		"overview_healthy.txt": func(b *bytes.Buffer) error {
			return c.writeOverview(b, plain, overview{service, []status.App{healthyApp()}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := write(&b); err != nil {
				t.Fatal(err)
			}
			golden(t, name, b.String())
		})
	}
}

// TestClientCommands drives a running service.
func TestClientCommands(t *testing.T) {
	t.Setenv("LC_ALL", "C.UTF-8")
	f, data := newFakeHoldfast(t)
	f.bus.Publish(event.AppDown{About: event.About{App: "shop"}, Why: "exit code 1"})
	f.bus.Publish(event.GatewayPaused{})
	for _, test := range []struct {
		name     string
		args     []string
		code     int
		contains []string
	}{
		{"overview", []string{"status"}, exitOK, []string{"Holdfast 1.2.3 is ready (revision 14", "● shop ", "Next: holdfast status shop"}},
		{"app", []string{"status", "shop"}, exitOK, []string{"● shop — degraded (1/2 ready) since ", "Why      shop-2: exit code 1; next try in ", "shop-2 stderr Error: connect", "Next: holdfast logs shop-2 --since 5m"}},
		{"app in JSON", []string{"status", "shop", "-o", "json"}, exitOK, []string{`"condition": "degraded"`}},
		{"app in YAML", []string{"status", "shop", "-o", "yaml"}, exitOK, []string{"condition: degraded\n", "  - id: shop-1\n"}},
		{"unknown app", []string{"status", "shpo"}, exitFailed, []string{`holdfast: app "shpo": not found; there are: shop, worker`}},
		{"too many", []string{"status", "shop", "worker"}, exitUsage, []string{"usage: holdfast status [APP]"}},
		{"start", []string{"start", "shop", "worker"}, exitOK, []string{"starting shop\nstarting worker\n"}},
		{"stop", []string{"stop", "shop"}, exitOK, []string{"stopping shop\n"}},
		{"restart", []string{"restart", "shop", "-o", "json"}, exitOK, []string{`"action": "restart"`}},
		{"stop nothing", []string{"stop"}, exitUsage, []string{"usage: holdfast stop APP..."}},
		{"stop unknown", []string{"stop", "nope"}, exitFailed, []string{`app "nope": not found`}},
		{"logs", []string{"logs", "shop"}, exitOK, []string{"shop-1 stdout listening\n", "shop-2 stderr Error: connect"}},
		{"logs of an instance", []string{"logs", "shop-1"}, exitOK, []string{"shop-1 stdout listening\n"}},
		{"logs of a stream", []string{"logs", "shop", "--stream", "stderr", "-o", "json"}, exitOK, []string{`"stream": "stderr"`}},
		{"logs of nobody", []string{"logs", "shop-9"}, exitFailed, []string{"not found"}},
		{"logs of no stream", []string{"logs", "shop", "--stream", "out"}, exitUsage, []string{"write stdout, stderr or holdfast"}},
		{"too many lines", []string{"logs", "shop", "-n", "501"}, exitUsage, []string{"write a number from 1 to 500"}},
		{"since the future", []string{"logs", "shop", "--since", "-5m"}, exitUsage, []string{"such as 5m"}},
		{"events", []string{"events"}, exitOK, []string{"error   app.down shop: no instance is ready: exit code 1\n", "warning gateway.paused holdfast: "}},
		{"events of an app", []string{"events", "--app", "shop", "-o", "json"}, exitOK, []string{`"type": "app.down"`}},
		{"events of no severity", []string{"events", "--severity", "bad"}, exitUsage, []string{"info, warning or error"}},
		{"routes", []string{"routes"}, exitOK, []string{"shop   web        GET,POST shop.example.com/api/*  app shop            1/2", "/ping +1 header", "files of /srv/site"}},
		{"reload", []string{"reload"}, exitOK, []string{"Nothing changed: revision 14 stays in force.\n"}},
		{"completion", []string{"__complete", "logs", ""}, exitOK, []string{"shop\tdegraded\nshop-1\trunning\nshop-2\tbackoff\nworker\thealthy\n"}},
		{"completion of a second app", []string{"__complete", "stop", "shop", ""}, exitOK, []string{"worker\thealthy\n"}},
		{"completion of the output form", []string{"__complete", "status", "-o", ""}, exitOK, []string{"table\njson\nyaml\n"}},
		{"completion of a flag", []string{"__complete", "events", "--severity", ""}, exitOK, []string{"info\nwarning\nerror\n"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			code, stdout, stderr := runCommand(t, "", append(slices.Clone(test.args), "--data", data)...)
			if test.args[0] == "__complete" { // flags come before what is completed
				code, stdout, stderr = runCommand(t, "", append([]string{"--data", data}, test.args...)...)
			}
			if code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			for _, want := range test.contains {
				if !strings.Contains(stdout+stderr, want) {
					t.Errorf("output\n%s%s\nlacks %q", stdout, stderr, want)
				}
			}
			if code != exitOK && stdout != "" || code == exitOK && stderr != "" && test.args[0] != "__complete" {
				t.Errorf("exit code %d with stdout %q and stderr %q", code, stdout, stderr)
			}
		})
	}
}

func TestWait(t *testing.T) {
	for _, test := range []struct {
		name  string
		args  []string
		after func(*status.App)
		code  int
		want  string
	}{
		{"up", []string{"start", "shop"}, func(a *status.App) { a.Condition, a.Ready = status.Healthy, 2 }, exitOK, "started shop in "},
		{"down", []string{"stop", "shop"}, func(a *status.App) {
			for i := range a.Instances {
				a.Instances[i].State = status.Stopped
			}
		}, exitOK, "stopped shop in "},
		{"back", []string{"restart", "shop"}, func(a *status.App) {
			a.Condition = status.Healthy
			for i := range a.Instances {
				a.Instances[i].StartedAt = time.Now().Add(time.Hour)
			}
		}, exitOK, "restarted shop in "},
		{"old processes are not back", []string{"restart", "shop", "--timeout", "150ms"}, func(a *status.App) { a.Condition = status.Healthy }, exitFailed, "is not restarted yet, and the time to wait is over; see: holdfast status shop"},
		{"gave up", []string{"start", "shop"}, func(a *status.App) {
			a.Instances[1].State, a.Instances[1].Since = status.CrashLoop, time.Now().Add(time.Hour)
		}, exitFailed, "shop could not be started: shop-2: exit code 1; see: holdfast logs shop-2"},
		{"a job has ended well", []string{"start", "shop"}, endWith(0), exitOK, "started shop in "},
		{"a job ran again and ended well", []string{"restart", "shop"}, endWith(0), exitOK, "restarted shop in "},
		{"a job failed", []string{"start", "shop"}, endWith(1), exitFailed, "shop could not be started: shop-1: exit code 1; see: holdfast logs shop-1"},
		{"never", []string{"start", "shop", "--timeout", "150ms"}, func(*status.App) {}, exitFailed, "is not started yet"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f, data := newFakeHoldfast(t)
			f.after = test.after
			code, stdout, stderr := runCommand(t, "", append(test.args, "--wait", "--data", data)...)
			if code != test.code || !strings.Contains(stdout+stderr, test.want) {
				t.Errorf("exit code %d, want %d; output %q, want %q", code, test.code, stdout+stderr, test.want)
			}
		})
	}
}

// endWith makes an app a job whose processes have ended after the request.
func endWith(code int64) func(*status.App) {
	return func(a *status.App) {
		a.Condition, a.Ready = status.Idle, 0
		for i := range a.Instances {
			a.Instances[i] = status.Instance{
				ID: a.Instances[i].ID, State: status.Exited, Since: time.Now().Add(time.Hour),
				Why:      fmt.Sprintf("exit code %d", code),
				LastExit: &status.Exit{Code: code, Reason: status.ReasonExit},
			}
		}
	}
}

func TestShownCommandsNeedNoMoreThanTheEnvironment(t *testing.T) {
	c := &console{name: "Shop", data: "/srv/shop"}
	if got, want := c.command("status"), "holdfast status --name Shop --data /srv/shop"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	t.Setenv("HOLDFAST_NAME", "Shop")
	t.Setenv("HOLDFAST_DATA", "/srv/other")
	if got, want := c.command("status"), "holdfast status --data /srv/shop"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestReloadShowsProblemsAsCheckDoes(t *testing.T) {
	f, data := newFakeHoldfast(t)
	f.problems = config.Problems{{
		Code: "HF204", Severity: config.Error, Message: `unknown key "periodSeconds"`, Hint: `did you mean "period"?`,
		File: "conf.d/shop.yaml", Line: 21, Column: 7,
		Snippet: &config.Snippet{FirstLine: 20, Lines: []string{"    liveness_probe:", "      periodSeconds: 10"}, Width: 13},
	}}
	code, stdout, stderr := runCommand(t, "", "reload", "--data", data)
	if code != exitInvalid || stderr != "" {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
	golden(t, "reload_rejected.txt", stdout)
	code, stdout, _ = runCommand(t, "", "reload", "--data", data, "-o", "json")
	var p api.Problem
	if err := json.Unmarshal([]byte(stdout), &p); err != nil || code != exitInvalid || p.Code != api.CodeConfig {
		t.Errorf("exit code %d, %v: %s", code, err, stdout)
	}
	f.problems[0].Severity = config.Warning
	if code, stdout, _ := runCommand(t, "", "reload", "--data", data); code != exitOK || !strings.Contains(stdout, "warning[HF204]") {
		t.Errorf("exit code %d with a warning: %s", code, stdout)
	}
}

func TestFollowEndsWithTheStream(t *testing.T) {
	for form, want := range map[string]string{
		"table": "shop-1 stdout new\n",
		"json":  `"text":"new"}` + "\n",
		"yaml":  "---\nseq: 4\n",
	} {
		t.Run(form, func(t *testing.T) {
			f, data := newFakeHoldfast(t)
			f.live <- status.Line{Seq: 4, Time: now(), Instance: "shop-1", Stream: "stdout", Text: "new"} // two are missing
			close(f.live)
			code, stdout, stderr := runCommand(t, "", "logs", "shop", "-f", "-n", "1", "-o", form, "--data", data)
			if code != exitUnreachable || !strings.Contains(stderr, "the stream ended") {
				t.Errorf("exit code %d, stderr %q", code, stderr)
			}
			if !strings.Contains(stdout, want) || !strings.Contains(stdout, "ECONNREFUSED") {
				t.Errorf("stdout %q, want %q", stdout, want)
			}
			switch form {
			case "table":
				if !strings.Contains(stderr, "2 lines missing here") {
					t.Errorf("stderr %q does not tell the gap", stderr)
				}
			case "json":
				if lines := strings.Split(strings.TrimSpace(stdout), "\n"); len(lines) != 3 || lines[1] != `{"gap":{"reason":"slow","missed":2}}` {
					t.Errorf("lines %q, want one of JSON for each entry and one for the gap", lines)
				}
			}
		})
	}
}

func TestNothingRuns(t *testing.T) {
	for _, args := range [][]string{
		{"status"},
		{"status", "shop"},
		{"start", "shop"},
		{"stop", "shop"},
		{"restart", "shop"},
		{"logs", "shop"},
		{"logs", "shop", "-f"},
		{"events"},
		{"events", "-f"},
		{"routes"},
		{"reload"},
	} {
		data := t.TempDir()
		code, stdout, stderr := runCommand(t, "", append(args, "--data", data)...)
		want := `start it with "holdfast run --data ` + data + `" or "holdfast service start --data `
		if code != exitUnreachable || stdout != "" || !strings.Contains(stderr, "Holdfast is not running") || !strings.Contains(stderr, want) {
			t.Errorf("%v: exit code %d, stdout %q, stderr %q", args, code, stdout, stderr)
		}
	}
	if code, stdout, _ := runCommand(t, "", "--data", t.TempDir(), "__complete", "status", ""); code != exitOK || strings.Contains(stdout, "not running") {
		t.Errorf("completion: exit code %d, %q", code, stdout)
	}
}

// TestHelpTeaches wants examples from every command that people type.
func TestHelpTeaches(t *testing.T) {
	for _, cmd := range newRootCommand(&console{}).Commands() {
		if cmd.Hidden || slices.Contains([]string{"help", "completion", "version"}, cmd.Name()) {
			continue
		}
		for line := range strings.Lines(cmd.Example) {
			if !strings.HasPrefix(line, "  ") {
				t.Errorf("%s: example %q is not indented by two spaces", cmd.Name(), line)
			}
		}
		if cmd.Example == "" && !cmd.HasSubCommands() || cmd.Short == "" || cmd.Long == "" {
			t.Errorf("%s --help has no example, summary or description", cmd.Name())
		}
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 0: "0s", 59 * time.Second: "59s", 3*time.Minute + 20*time.Second: "3m",
		72 * time.Minute: "1h12m", 2 * time.Hour: "2h", 123 * time.Hour: "5d3h",
	} {
		if got := span(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"plain äß你":            "plain äß你",
		"a\tb":                 "a\tb",
		"\x1b[1;31mred\x1b[0m": "red",
		"\x1b]0;title\a":       `\x1b]0;title\x07`,
		"\x1b[2J":              `\x1b[2J`,
		"\r\n":                 `\x0d\x0a`,
		"\u009b31m":            `\x9b31m`,
		"bad \xff\x1b utf8":    "bad \xff\\x1b utf8",
		"\x1b[":                `\x1b[`,
		"\x1b[31":              `\x1b[31`,
	} {
		if got := printable(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add("\x1b[1;31mred\x1b[0m \x1b]0;x\a\u009b")
	f.Fuzz(func(t *testing.T, text string) {
		if got := printable(text); strings.ContainsAny(got, "\x1b\a\b\r\n\x00\x7f\u009b") {
			t.Errorf("%q becomes %q", text, got)
		}
	})
}

func TestUTF8Locale(t *testing.T) {
	for _, test := range []struct {
		env  map[string]string
		want bool
	}{
		{nil, true},
		{map[string]string{"TERM": "dumb"}, false},
		{map[string]string{"LANG": "de_DE.UTF-8"}, true},
		{map[string]string{"LANG": "C"}, false},
		{map[string]string{"LANG": "C", "LC_ALL": "C.utf8"}, true},
		{map[string]string{"LANG": "en_US.UTF-8", "LC_CTYPE": "de_DE.ISO-8859-1"}, false},
	} {
		if got := utf8Locale(func(key string) string { return test.env[key] }); got != test.want {
			t.Errorf("%v: %v, want %v", test.env, got, test.want)
		}
	}
}
