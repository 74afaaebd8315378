//go:build e2e && linux

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// markName is the environment variable by which a test finds its processes. (Holdfast keeps
// variables that begin with HOLDFAST_ to itself.)
const markName = "E2E_MARK"

// process is one living process; a zombie is not alive.
type process struct {
	pid, parent int
	// born is the start time in clock ticks since boot: with pid it names one process for good.
	born    uint64
	command string
}

func (p process) String() string { return fmt.Sprintf("%d (%s)", p.pid, p.command) }

// alive reports whether this very process still runs.
func (p process) alive() bool {
	now, ok := readProcess(p.pid)
	return ok && now.born == p.born
}

// readProcess reads /proc/PID/stat (proc_pid_stat(5)); false when there is none or it is a zombie.
func readProcess(pid int) (process, bool) {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return process{}, false
	}
	text := string(data)
	begin, end := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	if begin < 0 || end < begin {
		return process{}, false
	}
	fields := strings.Fields(text[end+1:]) // from field 3, the state
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return process{}, false
	}
	parent, _ := strconv.Atoi(fields[1])
	born, _ := strconv.ParseUint(fields[19], 10, 64)
	return process{pid: pid, parent: parent, born: born, command: text[begin+1 : end]}, true
}

// allProcesses lists every living process.
func allProcesses() []process {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var all []process
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

// marked lists the living processes that carry the mark.
func marked(mark string) []process {
	want := []byte(markName + "=" + mark)
	return slices.DeleteFunc(allProcesses(), func(p process) bool {
		environ, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.pid), "environ"))
		return err != nil || !slices.ContainsFunc(bytes.Split(environ, []byte{0}), func(v []byte) bool { return bytes.Equal(v, want) })
	})
}

// tree lists the living descendants of pid, and pid itself first. It finds those that overwrote
// their environment, as nginx' workers do.
func tree(pid int) []process {
	all := allProcesses()
	var found []process
	for _, p := range all {
		if p.pid == pid {
			found = append(found, p)
		}
	}
	for i := 0; i < len(found); i++ {
		for _, p := range all {
			if p.parent == found[i].pid {
				found = append(found, p)
			}
		}
	}
	return found
}

// living are those of ps that still run.
func living(ps []process) []process {
	return slices.DeleteFunc(slices.Clone(ps), func(p process) bool { return !p.alive() })
}

// killAll ends processes that a test must not leave behind.
func killAll(ps []process) {
	for _, p := range ps {
		if p.alive() {
			_ = syscall.Kill(p.pid, syscall.SIGKILL)
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
