package main

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"holdfast/internal/api"
	"holdfast/internal/status"
)

func TestCalibrate(t *testing.T) {
	f, data := newFakeHoldfast(t)
	f.trials = []status.StopTrial{
		{Method: "sigterm", Seconds: 10, Exit: &status.Exit{Text: "killed by SIGKILL", Signal: "SIGKILL"}},
		{Method: "ctrl_break", Seconds: 10, Error: "it had not ended after 10s and was killed", Exit: &status.Exit{Text: "killed by SIGKILL"}},
		{Method: "ctrl_c", Clean: true, Seconds: 0.21, Exit: &status.Exit{Text: "exit code 0", Graceful: true}},
		{Method: "stdin_close", Seconds: 0.4, Exit: &status.Exit{Text: "exit code 3\x1b[2J", Graceful: true}},
		{Method: "http", Error: "no stop.http\a is configured"},
	}
	code, stdout, stderr := runCommand(t, "", "app", "calibrate", "shop", "--grace", "10s", "--data", data)
	if code != exitOK {
		t.Errorf("exit code %d", code)
	}
	golden(t, "calibrate.txt", strings.ReplaceAll(stdout, data, "DATA"))
	golden(t, "calibrate_progress.txt", regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d `).ReplaceAllString(stderr, "T "))
	if want := []string{"calibrate 10s shop"}; !slices.Equal(f.actions, want) {
		t.Errorf("did %q, want %q", f.actions, want)
	}
	code, stdout, stderr = runCommand(t, "", "app", "calibrate", "shop", "--data", data, "-o", "json")
	var result api.Calibration
	if err := json.Unmarshal([]byte(stdout), &result); err != nil || code != exitOK || result.Method != "ctrl_c" || stderr != "" {
		t.Errorf("exit code %d, %v: %s%s", code, err, stdout, stderr)
	}
	f.trials = f.trials[:1]
	code, stdout, stderr = runCommand(t, "", "app", "calibrate", "shop", "--data", data)
	if code != exitFailed || !strings.Contains(stderr, "nothing ends shop cleanly") || strings.Contains(stdout, "apps:") {
		t.Errorf("exit code %d, %s%s", code, stdout, stderr)
	}
	f.trials = []status.StopTrial{{Method: "sigterm", Error: "it did not become ready", Exit: &status.Exit{Text: "exit code 3"}}}
	code, stdout, stderr = runCommand(t, "", "app", "calibrate", "shop", "--data", data)
	if code != exitFailed || !strings.Contains(stderr, "not tried: it did not become ready") || !strings.Contains(stderr, "its program does not run; see: holdfast status shop") {
		t.Errorf("exit code %d, %s%s", code, stdout, stderr)
	}
	if code, _, stderr := runCommand(t, "", "app", "calibrate", "nope", "--data", data); code != exitFailed || !strings.Contains(stderr, "not found") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}
