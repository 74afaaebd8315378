//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// fleet is what Holdfast itself takes for many instances of busybox httpd, each with both probes every
// second.
type fleet struct {
	instances int
	start     time.Duration
	cpu       float64 // of one core
	idle, rss int     // KiB: without an app, and with all of them
	ready     int     // at the end
}

// perInstance is the resident memory of one instance beyond the idle size, in KiB.
func (f *fleet) perInstance() float64 { return float64(f.rss-f.idle) / float64(f.instances) }

// scale measures apps of five instances each.
func (b *bench) scale(ctx context.Context, apps int, settle, length time.Duration) (fleet, error) {
	const instances = 5
	f := fleet{instances: apps * instances}
	program, err := exec.LookPath("busybox")
	if err != nil {
		return f, err
	}
	idle, err := b.start(ctx, holdfast(b), 0)
	if err != nil {
		return f, err
	}
	if err = untilGood(ctx, holdfast(b).ready(idle.dir)); err == nil {
		err = sleep(ctx, settle)
	}
	f.idle = b.resident(b.holdfast)
	b.stop(idle)
	if err != nil {
		return f, err
	}
	s := holdfast(b)
	write := s.write
	s.write = func(dir string, _ []int) error {
		if err := write(dir, nil); err != nil {
			return err
		}
		site := filepath.Join(dir, "site")
		if err := os.Mkdir(site, 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(site, "index.html"), []byte("well\n"), 0o600); err != nil {
			return err
		}
		var text strings.Builder
		for n := range apps {
			fmt.Fprintf(&text, "  tiny%d:\n    command: [%q, httpd, -f, -p, \"127.0.0.1:${port}\", -h, %q]\n    instances: %d\n"+
				"    readiness_probe: {http_get: {path: /}, period: 1s}\n    liveness_probe: {http_get: {path: /}, period: 1s}\n", n, program, site, instances)
		}
		file := filepath.Join(dir, "holdfast.yaml")
		config, err := os.ReadFile(file) //nolint:gosec // our own folder
		if err != nil {
			return err
		}
		return os.WriteFile(file, append(config, text.String()...), 0o600) //nolint:gosec // our own folder
	}
	begin := time.Now()
	run, err := b.start(ctx, s, 0)
	if err != nil {
		return f, err
	}
	defer b.stop(run)
	for f.ready < f.instances {
		if time.Since(begin) > 5*time.Minute {
			return f, fmt.Errorf("only %d of %d instances are ready", f.ready, f.instances)
		}
		if err := sleep(ctx, 200*time.Millisecond); err != nil {
			return f, err
		}
		f.ready = readyInstances(ctx, s.ready(run.dir))
	}
	f.start = time.Since(begin)
	if err := sleep(ctx, settle); err != nil {
		return f, err
	}
	before, at := b.processorTime(b.holdfast), time.Now()
	if err := sleep(ctx, length); err != nil {
		return f, err
	}
	f.cpu = (b.processorTime(b.holdfast) - before).Seconds() / time.Since(at).Seconds()
	f.rss = b.resident(b.holdfast)
	f.ready = readyInstances(ctx, s.ready(run.dir))
	return f, nil
}

// readyInstances counts them over all apps; 0 while nobody answers.
func readyInstances(ctx context.Context, readyz string) int {
	url := strings.TrimSuffix(readyz, "/readyz") + "/api/v1/apps?limit=500"
	status, body, err := ask(ctx, &http.Client{Timeout: answerLimit, Transport: &http.Transport{DisableKeepAlives: true}}, url)
	if err != nil || status != http.StatusOK {
		return 0
	}
	var answer struct {
		Data []struct {
			Ready int `json:"ready"`
		} `json:"data"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return 0
	}
	n := 0
	for _, a := range answer.Data {
		n += a.Ready
	}
	return n
}

// of are the marked processes of one program.
func (b *bench) of(program string) []int {
	var pids []int
	for _, pid := range b.marked() {
		if exe, err := os.Readlink(proc(pid, "exe")); err == nil && exe == program {
			pids = append(pids, pid)
		}
	}
	return pids
}

// resident is the memory of a program's processes, in KiB.
func (b *bench) resident(program string) int {
	sum := 0
	for _, pid := range b.of(program) {
		rss, _ := smaps(pid)
		sum += rss
	}
	return sum
}

// processorTime is what a program's processes have used, without their children.
func (b *bench) processorTime(program string) time.Duration {
	ticks := 0
	for _, pid := range b.of(program) {
		stat, err := os.ReadFile(proc(pid, "stat"))
		if err != nil {
			continue
		}
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		for _, n := range []int{11, 12} { // utime, stime (proc_pid_stat(5))
			if n < len(fields) {
				t, _ := strconv.Atoi(fields[n])
				ticks += t
			}
		}
	}
	return time.Duration(ticks) * time.Second / clockTicks
}

// writeScale adds the table as markdown.
func writeScale(b *strings.Builder, fleets []fleet) {
	if len(fleets) == 0 {
		return
	}
	fmt.Fprintf(b, "\n**Many instances** (busybox httpd, five to an app, both probes every second; Holdfast itself, without them)\n\n"+
		"| instances | all ready after | of one core | for each | resident | idle | for each |\n| ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n")
	for i := range fleets {
		f := &fleets[i]
		fmt.Fprintf(b, "| %d (%d ready at the end) | %.1f s | %.1f %% | %.0f µs a second | %.1f MiB | %.1f MiB | %.0f KiB |\n", f.instances, f.ready, f.start.Seconds(),
			100*f.cpu, 1e6*f.cpu/float64(f.instances), float64(f.rss)/1024, float64(f.idle)/1024, f.perInstance())
	}
}
