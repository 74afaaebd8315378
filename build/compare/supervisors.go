//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// supervisor is one that keeps targets alive.
type supervisor struct {
	name string
	// write prepares a folder in which command keeps one target alive on each port.
	write func(dir string, ports []int) error
	// command runs it in the foreground.
	command func(dir string) []string
	// ready is a URL that answers 200 once it is ready itself; empty where there is no such thing.
	ready func(dir string) string
}

// supervisors lists those that take part, Holdfast first.
func supervisors(b *bench, o options) []supervisor {
	all := []supervisor{holdfast(b), supervisord(b), s6(b), runit(b)}
	if o.pm2 != "" {
		all = append(all, pm2(b, o.pm2))
	}
	if o.only == nil {
		return all
	}
	return slices.DeleteFunc(all, func(s supervisor) bool { return !slices.Contains(o.only, s.name) })
}

// holdfast calls a run of one second stable, as the others do, so that every restart in the
// comparison is the first one after a stable run.
func holdfast(b *bench) supervisor {
	return supervisor{
		name: "Holdfast",
		write: func(dir string, ports []int) error {
			free, err := freePorts(2)
			if err != nil {
				return err
			}
			var text strings.Builder
			fmt.Fprintf(&text, "version: 1\nmanagement: {address: \"127.0.0.1:%d\"}\nlisteners: {web: {address: \"127.0.0.1:%d\"}}\napps:\n", free[0], free[1])
			for i, port := range ports {
				fmt.Fprintf(&text, "  target%d:\n    command: [%q]\n    port: %d\n    restart: {reset_after: 1s, max_restarts: 0}\n", i, b.target, port)
			}
			if err := os.WriteFile(filepath.Join(dir, "management"), fmt.Appendf(nil, "http://127.0.0.1:%d/readyz", free[0]), 0o600); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, "holdfast.yaml"), []byte(text.String()), 0o600)
		},
		command: func(dir string) []string { return []string{b.holdfast, "--data", dir, "run"} },
		ready: func(dir string) string {
			url, err := os.ReadFile(filepath.Join(dir, "management")) //nolint:gosec // our own folder
			if err != nil {
				return ""
			}
			return string(url)
		},
	}
}

func supervisord(b *bench) supervisor {
	return supervisor{
		name: "supervisord",
		write: func(dir string, ports []int) error {
			var text strings.Builder
			fmt.Fprintf(&text, "[supervisord]\nnodaemon=true\nlogfile=%[1]s/log\npidfile=%[1]s/pid\nchildlogdir=%[1]s\nuser=root\n", dir)
			for i, port := range ports {
				fmt.Fprintf(&text, "[program:target%d]\ncommand=%s\nenvironment=PORT=\"%d\"\nautorestart=true\n", i, b.target, port)
			}
			return os.WriteFile(filepath.Join(dir, "supervisord.conf"), []byte(text.String()), 0o600)
		},
		command: func(dir string) []string {
			return []string{"/usr/bin/supervisord", "-n", "-c", filepath.Join(dir, "supervisord.conf")}
		},
	}
}

func s6(b *bench) supervisor {
	return supervisor{
		name:    "s6",
		write:   func(dir string, ports []int) error { return writeRunScripts(b, dir, ports) },
		command: func(dir string) []string { return []string{"s6-svscan", filepath.Join(dir, "service")} },
	}
}

func runit(b *bench) supervisor {
	return supervisor{
		name:    "runit",
		write:   func(dir string, ports []int) error { return writeRunScripts(b, dir, ports) },
		command: func(dir string) []string { return []string{"runsvdir", "-P", filepath.Join(dir, "service")} },
	}
}

// writeRunScripts writes the service folders that s6 and runit share in form.
func writeRunScripts(b *bench, dir string, ports []int) error {
	for i, port := range ports {
		service := filepath.Join(dir, "service", fmt.Sprintf("target%d", i))
		if err := os.MkdirAll(service, 0o700); err != nil {
			return err
		}
		script := fmt.Sprintf("#!/bin/sh\nexport PORT=%d\nexec %s\n", port, b.target)
		if err := os.WriteFile(filepath.Join(service, "run"), []byte(script), 0o700); err != nil { //nolint:gosec // it is run
			return err
		}
	}
	return nil
}

func pm2(b *bench, program string) supervisor {
	return supervisor{
		name: "PM2",
		write: func(dir string, ports []int) error {
			var apps []string
			for i, port := range ports {
				apps = append(apps, fmt.Sprintf(`{"name":"target%d","script":%q,"interpreter":"none","env":{"PORT":"%d"}}`, i, b.target, port))
			}
			text := `{"apps":[` + strings.Join(apps, ",") + `]}`
			return os.WriteFile(filepath.Join(dir, "ecosystem.json"), []byte(text), 0o600)
		},
		command: func(dir string) []string {
			return []string{"env", "PM2_HOME=" + filepath.Join(dir, "home"), program, "start", filepath.Join(dir, "ecosystem.json")}
		},
	}
}
