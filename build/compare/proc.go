//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// markName is the environment variable by which the bench finds what it started. (Holdfast keeps
// variables that begin with HOLDFAST_ to itself.)
const markName = "BENCH_MARK"

// clockTicks per second in /proc/PID/stat: USER_HZ, which is 100 on every Linux that Go runs on.
const clockTicks = 100

// footprint is the memory of a supervisor without its programs.
type footprint struct {
	name      string
	processes int
	// rss is resident memory; pss shares what several processes map (proc_pid_smaps(5)). In KiB.
	rss, pss int
	each     []string
}

// footprint sums up the marked processes that are not the target.
func (b *bench) footprint(name string) footprint {
	f := footprint{name: name}
	for _, pid := range b.marked() {
		exe, err := os.Readlink(proc(pid, "exe"))
		if err != nil || exe == b.target {
			continue
		}
		rss, pss := smaps(pid)
		f.processes++
		f.rss += rss
		f.pss += pss
		f.each = append(f.each, fmt.Sprintf("%s %.1f", filepath.Base(exe), float64(rss)/1024))
	}
	return f
}

// smaps reads Rss and Pss in KiB; zeros when the process is gone.
func smaps(pid int) (rss, pss int) {
	data, err := os.ReadFile(proc(pid, "smaps_rollup"))
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		n, err := strconv.Atoi(fields[1])
		switch {
		case err != nil:
		case fields[0] == "Rss:":
			rss = n
		case fields[0] == "Pss:":
			pss = n
		}
	}
	return rss, pss
}

// marked lists the processes that carry the mark.
func (b *bench) marked() []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	want := []byte(markName + "=" + b.mark + "\x00")
	var pids []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if environ, err := os.ReadFile(proc(pid, "environ")); err == nil && bytes.Contains(environ, want) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// killAll ends everything that the bench started and that is still there.
func (b *bench) killAll() {
	for _, pid := range b.marked() {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// ageOf is how long a process has run.
func ageOf(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(proc(pid, "stat"))
	if err != nil {
		return 0, err
	}
	uptime, err := os.ReadFile("/proc/uptime")
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 20 {
		return 0, fmt.Errorf("stat of process %d: %q", pid, stat)
	}
	born, err := strconv.ParseFloat(fields[19], 64)
	if err != nil {
		return 0, err
	}
	now, err := strconv.ParseFloat(strings.Fields(string(uptime))[0], 64)
	if err != nil {
		return 0, err
	}
	return time.Duration((now - born/clockTicks) * float64(time.Second)), nil
}

func proc(pid int, file string) string {
	return filepath.Join("/proc", strconv.Itoa(pid), file)
}
