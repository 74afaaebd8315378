package service

import (
	"strings"
	"testing"
	"time"
)

func TestNotification(t *testing.T) {
	const at = 1500 * time.Microsecond
	tests := []struct {
		name     string
		r, was   report
		watchdog bool
		want     string
	}{
		{"starting", report{state: starting, stage: "listeners\nREADY=1"}, report{}, false, "EXTEND_TIMEOUT_USEC=30000000\nSTATUS=Starting: listeners READY=1"},
		{"running", report{state: running}, report{}, false, "READY=1\nSTATUS=Serving"},
		{"alive", report{state: running, again: true}, report{state: running}, true, "WATCHDOG=1"},
		{"nothing new", report{state: running, again: true}, report{state: running}, false, ""},
		{"reloading", report{state: running, reloading: true}, report{state: running}, false, "RELOADING=1\nMONOTONIC_USEC=1500\nSTATUS=Reloading the configuration"},
		{"still reloading", report{state: running, reloading: true, again: true}, report{state: running, reloading: true}, true, "WATCHDOG=1"},
		{"reloaded", report{state: running}, report{state: running, reloading: true}, false, "READY=1\nSTATUS=Serving"},
		{"stopping", report{state: stopping}, report{state: running}, true, "STOPPING=1\nEXTEND_TIMEOUT_USEC=30000000\nSTATUS=Stopping\nWATCHDOG=1"},
		{"still stopping", report{state: stopping, again: true}, report{state: stopping}, false, "EXTEND_TIMEOUT_USEC=30000000\nSTATUS=Stopping"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := notification(tt.r, tt.was, at, tt.watchdog); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestWatchdogInterval(t *testing.T) {
	tests := []struct {
		name, usec, pid string
		want            time.Duration
	}{
		{"none", "", "", 0},
		{"for anybody", "30000000", "", 15 * time.Second},
		{"for us", "30000000", "10", 15 * time.Second},
		{"for our guardian", "30000000", "9", 15 * time.Second},
		{"for another", "30000000", "8", 0},
		{"no number", "soon", "10", 0},
		{"negative", "-5", "10", 0},
		{"absurd", "9223372036854775807", "10", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			env := func(key string) (string, bool) {
				v := map[string]string{"WATCHDOG_USEC": tt.usec, "WATCHDOG_PID": tt.pid}[key]
				return v, v != ""
			}
			if got := watchdogInterval(env, 10, 9); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func FuzzStatusLineIsOneLine(f *testing.F) {
	f.Add("a\nMAINPID=1")
	f.Fuzz(func(t *testing.T, stage string) {
		if got := statusLine(report{state: starting, stage: stage}); strings.ContainsAny(got, "\n\r") {
			t.Errorf("%q would be read as more than one assignment", got)
		}
	})
}
