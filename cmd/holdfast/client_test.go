package main

import (
	"bytes"
	"encoding/json"
	"flag"
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

	surge := healthyApp()
	surge.Restarting = "1 of 1"
	surge.Instances = append(surge.Instances, status.Instance{ID: "worker-2", App: "worker", PID: 4400, State: status.Starting, Role: status.Surge, Since: now()})
	maintained := healthyApp()
	maintained.Condition, maintained.Desired, maintained.Configured = status.InMaintenance, 1, 3
	maintained.Maintenance = &status.Maintenance{Since: now().Add(-15 * time.Minute), Until: now().Add(15 * time.Minute), Note: "new disk\x1b[2J"}
	crashed := crashedApp()
	hostileEnd := crashedApp()
	end := hostileEnd.Instances[1].LastExit
	end.Text, end.Cause, end.PortHolder = "exit\x1b[2Jcode", "probe said \a", "ng\x1b[2Jinx"
	end.Advice, end.Next, end.LastLines = "do \x1b]0;x\a", "\x1b[2J", []string{"\x1b[31mred\x1b[0m \x1b[2J"}
	end.Probes[1].Error = "\x1b[2J"
	ends := newestEnds(crashed, "")

	c := &console{name: "Holdfast"}
	for name, write := range map[string]func(*bytes.Buffer) error{
		"app_degraded.txt": func(b *bytes.Buffer) error { return c.writeApp(b, plain, degradedApp(), beside{last: last}) },
		"app_healthy.txt":  func(b *bytes.Buffer) error { return c.writeApp(b, plain, healthyApp(), beside{}) },
		"app_scaled_away.txt": func(b *bytes.Buffer) error {
			return c.writeApp(b, plain, status.App{ID: "shop", Condition: status.Idle, Since: idle.Since, Configured: 2}, beside{})
		},
		"app_stopped.txt":     func(b *bytes.Buffer) error { return c.writeApp(b, plain, idle, beside{}) },
		"app_waiting.txt":     func(b *bytes.Buffer) error { return c.writeApp(b, plain, waiting, beside{}) },
		"app_hostile.txt":     func(b *bytes.Buffer) error { return c.writeApp(b, plain, hostile, beside{}) },
		"app_surge.txt":       func(b *bytes.Buffer) error { return c.writeApp(b, plain, surge, beside{}) },
		"app_maintenance.txt": func(b *bytes.Buffer) error { return c.writeApp(b, plain, maintained, beside{}) },
		"app_crashed.txt":     func(b *bytes.Buffer) error { return c.writeApp(b, plain, crashed, beside{last: last}) },
		"app_crashed_narrow.txt": func(b *bytes.Buffer) error {
			narrow := plain
			narrow.width = 60
			return c.writeApp(b, narrow, crashed, beside{last: last})
		},
		"app_port_taken.txt": func(b *bytes.Buffer) error { return c.writeApp(b, plain, portTaken(), beside{}) },
		"app_given_up.txt": func(b *bytes.Buffer) error {
			return c.writeApp(b, plain, healthyApp(), beside{givenUp: &event.Event{Time: now(), Message: "the restart was given up because \x1b[2J"}})
		},
		"app_hostile_end.txt": func(b *bytes.Buffer) error { return c.writeApp(b, plain, hostileEnd, beside{last: last}) },
		"exits.txt":           func(b *bytes.Buffer) error { return c.writeExits(b, plain, "shop", ends, false) },
		"exits_verbose.txt":   func(b *bytes.Buffer) error { return c.writeExits(b, plain, "shop", ends, true) },
		"exits_none.txt":      func(b *bytes.Buffer) error { return c.writeExits(b, plain, "shop-1", nil, false) },
		"overview_upkeep.txt": func(b *bytes.Buffer) error {
			return c.writeOverview(b, plain, overview{service, []status.App{maintained, surge}})
		},
		"app_ascii.txt": func(b *bytes.Buffer) error {
			return c.writeApp(b, style{now: now(), zone: time.UTC}, degradedApp(), beside{last: last})
		},
		"app_color.txt": func(b *bytes.Buffer) error {
			return c.writeApp(b, style{color: true, unicode: true, now: now(), zone: time.UTC}, degradedApp(), beside{last: last})
		},
		"app_other_name.txt": func(b *bytes.Buffer) error {
			return (&console{name: "Shop", data: "/srv/my data"}).writeApp(b, plain, degradedApp(), beside{last: last})
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

// TestTroubled keeps ends that somebody wanted from being shown as trouble.
func TestTroubled(t *testing.T) {
	at := func(id string, s status.State, reason status.Reason, code int64, ended time.Duration) status.Instance {
		return status.Instance{ID: id, State: s, LastExit: &status.Exit{Reason: reason, Code: code, EndedAt: now().Add(ended)}}
	}
	for _, test := range []struct {
		name string
		all  []status.Instance
		want string
	}{
		{"nothing ended", []status.Instance{{ID: "a-1", State: status.Starting}}, ""},
		{"stopped on request", []status.Instance{at("a-1", status.Stopped, status.ReasonRequested, -1, 0)}, ""},
		{"a job that did its work", []status.Instance{at("a-1", status.Exited, status.ReasonExit, 0, 0)}, ""},
		{"a job that failed", []status.Instance{at("a-1", status.Exited, status.ReasonExit, 3, 0)}, "a-1"},
		{"the newest of two", []status.Instance{at("a-1", status.Backoff, status.ReasonExit, 1, 0), at("a-2", status.Backoff, status.ReasonExit, 1, time.Second)}, "a-2"},
		{"a crash loop before all", []status.Instance{at("a-1", status.CrashLoop, status.ReasonExit, 1, 0), at("a-2", status.Backoff, status.ReasonExit, 1, time.Second)}, "a-1"},
		{"could not be started", []status.Instance{at("a-1", status.Backoff, status.ReasonStartFailed, -1, 0)}, "a-1"},
		{"a new config came in", []status.Instance{at("a-1", status.Starting, status.ReasonConfig, 0, 0)}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := troubled(status.App{Condition: status.Down, Instances: test.all})
			if (got == nil) != (test.want == "") || got != nil && got.ID != test.want {
				t.Errorf("got %+v, want %q", got, test.want)
			}
			if troubled(status.App{Condition: status.Healthy, Instances: test.all}) != nil {
				t.Error("a healthy app has trouble")
			}
		})
	}
}

func TestUnits(t *testing.T) {
	for cpu, want := range map[float64]string{-1: "0%", 0: "0%", 0.0004: "0%", 0.004: "0.4%", 0.0096: "1%", 0.034: "3%", 1: "100%", 2.5: "250%"} {
		if got := percent(cpu); got != want {
			t.Errorf("%v: %s, want %s", cpu, got, want)
		}
	}
	for bytes, want := range map[uint64]string{
		0: "0KiB", 512: "0KiB", 640 << 10: "640KiB", 1<<20 - 1: "1.0MiB", 8<<20 + 400<<10: "8.4MiB", 182 << 20: "182MiB", 1230 << 20: "1.2GiB", 3 << 40: "3.0TiB", 4000 << 40: "4000TiB",
	} {
		if got := size(bytes); got != want {
			t.Errorf("%d: %s, want %s", bytes, got, want)
		}
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
		{"ends", []string{"exits", "shop"}, exitOK, []string{"No process of shop has ended"}},
		{"ends in JSON", []string{"exits", "shop", "-o", "json"}, exitOK, []string{"[]\n"}},
		{"ends of an instance", []string{"exits", "shop-2"}, exitOK, []string{"No process of shop-2 has ended"}},
		{"ends of nobody", []string{"exits", "shop-9"}, exitFailed, []string{"not found"}},
		{"no ends", []string{"exits", "shop", "--last", "0"}, exitUsage, []string{"write a number from 1"}},
		{"unknown app", []string{"status", "shpo"}, exitFailed, []string{`holdfast: app "shpo": not found; there are: shop, worker`}},
		{"too many", []string{"status", "shop", "worker"}, exitUsage, []string{"usage: holdfast status [APP]"}},
		{"start", []string{"start", "shop", "worker"}, exitOK, []string{"starting shop\nstarting worker\n"}},
		{"stop", []string{"stop", "shop"}, exitOK, []string{"stopping shop\n"}},
		{"restart", []string{"restart", "shop", "-o", "json"}, exitOK, []string{`"action": "restart"`}},
		{"scale", []string{"scale", "shop", "4"}, exitOK, []string{"scaling shop to 4 instances\n"}},
		{"scale to one", []string{"scale", "shop", "1"}, exitOK, []string{"scaling shop to 1 instance\n"}},
		{"scale back", []string{"scale", "shop", "--reset"}, exitOK, []string{"scaling shop back to 2 instances\n"}},
		{"scale by nothing", []string{"scale", "shop"}, exitUsage, []string{"usage: holdfast scale APP N|--reset"}},
		{"scale by both", []string{"scale", "shop", "3", "--reset"}, exitUsage, []string{"usage: holdfast scale APP N|--reset"}},
		{"scale by a word", []string{"scale", "shop", "many"}, exitUsage, []string{`"many" instances: write a number from 0 to 1000`}},
		{"scale by too many", []string{"scale", "shop", "1001"}, exitUsage, []string{"from 0 to 1000"}},
		{"scale nobody", []string{"scale", "nope", "3"}, exitFailed, []string{`app "nope": not found`}},
		{"maintenance", []string{"maintenance", "on", "shop", "--note", "new disk", "--for", "30m"}, exitOK, []string{"shop is in maintenance; to end it: holdfast maintenance off shop"}},
		{"end of maintenance", []string{"maintenance", "off", "shop", "worker"}, exitOK, []string{"shop is in service again\nworker is in service again\n"}},
		{"maintenance of nobody", []string{"maintenance", "on", "nope"}, exitFailed, []string{"not found"}},
		{"maintenance for no time", []string{"maintenance", "on", "shop", "--for", "0s"}, exitUsage, []string{"such as 30m"}},
		{"maintenance list", []string{"maintenance", "ls"}, exitOK, []string{"No app is in maintenance."}},
		{"maintenance list in JSON", []string{"maintenance", "ls", "shop", "-o", "json"}, exitOK, []string{"[]\n"}},
		{"maintenance of what", []string{"maintenance", "onn"}, exitUsage, []string{`there is no command "maintenance onn"; did you mean off or on?`}},
		{"calibrate in no time", []string{"app", "calibrate", "shop", "--grace", "0s"}, exitUsage, []string{"such as 10s"}},
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
		{"completion of an order", []string{"__complete", "top", "--sort", "c"}, exitOK, []string{"cpu\n"}},
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
		{"exits", "shop"},
		{"scale", "shop", "3"},
		{"maintenance", "on", "shop"},
		{"maintenance", "off", "shop"},
		{"maintenance", "ls"},
		{"app", "calibrate", "shop"},
		{"top"},
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
