//go:build linux

package rig

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// markName is the environment variable by which a test finds its processes. (Holdfast keeps
// variables that begin with HOLDFAST_ to itself.)
const markName = "E2E_MARK"

// Process is one living process; a zombie is not alive.
type Process struct {
	PID, parent int
	// born is the start time in clock ticks since boot: with pid it names one process for good.
	born    uint64
	command string
}

func (p Process) String() string { return fmt.Sprintf("%d (%s)", p.PID, p.command) }

// alive reports whether this very process still runs.
func (p Process) alive() bool {
	now, ok := readProcess(p.PID)
	return ok && now.born == p.born
}

// readProcess reads /proc/PID/stat (proc_pid_stat(5)); false when there is none or it is a zombie.
func readProcess(pid int) (Process, bool) {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return Process{}, false
	}
	text := string(data)
	begin, end := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	if begin < 0 || end < begin {
		return Process{}, false
	}
	fields := strings.Fields(text[end+1:]) // from field 3, the state
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return Process{}, false
	}
	parent, _ := strconv.Atoi(fields[1])
	born, _ := strconv.ParseUint(fields[19], 10, 64)
	return Process{PID: pid, parent: parent, born: born, command: text[begin+1 : end]}, true
}

// allProcesses lists every living process.
func allProcesses() []Process {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var all []Process
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if p, ok := readProcess(pid); ok {
			all = append(all, p)
		}
	}
	return all
}

// Marked lists the living processes that carry the mark.
func Marked(mark string) []Process {
	want := []byte(markName + "=" + mark)
	return slices.DeleteFunc(allProcesses(), func(p Process) bool {
		environ, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.PID), "environ"))
		return err != nil || !slices.ContainsFunc(bytes.Split(environ, []byte{0}), func(v []byte) bool { return bytes.Equal(v, want) })
	})
}

// Tree lists the living descendants of pid, and pid itself first. It finds those that overwrote
// their environment, as nginx' workers do.
func Tree(pid int) []Process {
	all := allProcesses()
	var found []Process
	for _, p := range all {
		if p.PID == pid {
			found = append(found, p)
		}
	}
	for i := 0; i < len(found); i++ {
		for _, p := range all {
			if p.parent == found[i].PID {
				found = append(found, p)
			}
		}
	}
	return found
}

// Living are those of ps that still run.
func Living(ps []Process) []Process {
	return slices.DeleteFunc(slices.Clone(ps), func(p Process) bool { return !p.alive() })
}

// KillAll ends processes that a test must not leave behind.
func KillAll(ps []Process) {
	for _, p := range ps {
		if p.alive() {
			_ = syscall.Kill(p.PID, syscall.SIGKILL)
		}
	}
}

// residentKiB is the resident memory of a process (VmRSS), 0 when it is gone.
func residentKiB(pid int) int {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
			return kib
		}
	}
	return 0
}

// CPU is the processor time that processes have used, without their children's (proc_pid_stat(5);
// USER_HZ is 100 on every Linux that Go runs on).
func CPU(pids ...int) time.Duration {
	var ticks uint64
	for _, pid := range pids {
		data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
		if err != nil {
			continue
		}
		fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
		for _, n := range []int{11, 12} { // utime, stime
			if n < len(fields) {
				t, _ := strconv.ParseUint(fields[n], 10, 64)
				ticks += t
			}
		}
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
