package main

import (
	"bytes"
	"strings"
	"testing"
)

// runCLI is one call of the program: its exit code and what it printed.
func runCLI(args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = run(args, strings.NewReader(""), &out, &err)
	return code, out.String(), err.String()
}

func TestUsageErrors(t *testing.T) {
	tests := []struct {
		name string
		args []string
		want string // on stderr
	}{
		{"no such command", []string{"frobnicate"}, "there is no command \"frobnicate\"\nsee: holdfast --help"},
		{"nearly a command", []string{"statsu"}, "did you mean status?"},
		{"nearly a subcommand", []string{"service", "instal"}, "there is no command \"service instal\"; did you mean install?\nsee: holdfast service --help"},
		{"too many arguments", []string{"version", "now"}, "usage: holdfast version"},
		{"too few arguments", []string{"logs"}, "usage: holdfast logs APP"},
		{"unknown flag", []string{"version", "--colour"}, "see: holdfast version --help"},
		{"unknown output form", []string{"version", "-o", "xml"}, "write table, json or yaml"},
		{"bad name", []string{"status", "--name", "../x"}, "begin with a letter or digit"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, stdout, stderr := runCLI(tt.args...)
			if code != exitUsage || stdout != "" || !strings.Contains(stderr, tt.want) {
				t.Errorf("exit %d, stdout %q, stderr %q; want exit %d and %q", code, stdout, stderr, exitUsage, tt.want)
			}
		})
	}
}

func TestHelpAndVersion(t *testing.T) {
	for _, args := range [][]string{{}, {"--help"}, {"service"}, {"run", "--help"}} {
		if code, stdout, stderr := runCLI(args...); code != exitOK || !strings.Contains(stdout, "Usage:") || stderr != "" {
			t.Errorf("holdfast %v: exit %d, stdout %q, stderr %q", args, code, stdout, stderr)
		}
	}
	if code, stdout, _ := runCLI("version", "-o", "json"); code != exitOK || !strings.Contains(stdout, `"version": "0.0.0-dev"`) {
		t.Errorf("version -o json: exit %d, %q", code, stdout)
	}
	if code, stdout, _ := runCLI("version", "-o", "yaml"); code != exitOK || !strings.Contains(stdout, "version: 0.0.0-dev\n") {
		t.Errorf("version -o yaml: exit %d, %q", code, stdout)
	}
}

func TestEveryCommandTeaches(t *testing.T) {
	root := newRootCommand(&console{})
	for _, cmd := range root.Commands() {
		if cmd.Hidden {
			continue
		}
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: short help %q", cmd.Name(), cmd.Short)
		}
		if cmd.Name() != "version" && cmd.Name() != "completion" && !cmd.HasSubCommands() && cmd.Example == "" {
			t.Errorf("%s has no example in its help", cmd.Name())
		}
	}
}
