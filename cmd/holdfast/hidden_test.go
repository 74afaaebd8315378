package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestCommandOf(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"", ""},
		{"run", "run"},
		{"--config x.yaml run", "run"},
		{"--config=x.yaml -o json --name A run --set a=b", "run"},
		{"--data run status", "status"},
		{"-h", ""},
		{"internal-ctrl 1 c", ctrlCommand},
	} {
		if got := commandOf(strings.Fields(tt.args)); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.args, got, tt.want)
		}
	}
}

func TestHidden(t *testing.T) {
	for _, tt := range []struct {
		args string
		code int
		done bool
		want string
	}{
		{"status", 0, false, ""},
		{"run --help", 0, false, ""},
		{"demo -h", 0, false, ""},
		{"internal-ctrl", exitFailed, true, "want a process id and c or break"},
		{"internal-ctrl x c", exitFailed, true, `process id "x"`},
		{"internal-ctrl 1 shout", exitFailed, true, "internal-ctrl: "},
	} {
		var stderr bytes.Buffer
		code, done := hidden(strings.Fields(tt.args), &stderr)
		if code != tt.code || done != tt.done || !strings.Contains(stderr.String(), tt.want) {
			t.Errorf("%q: %d, %t, %q", tt.args, code, done, stderr.String())
		}
	}
}
