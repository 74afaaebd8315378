package process

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/internal/status"
)

// group is the cgroup of one start of an instance. Without one all methods do nothing.
type group struct {
	*groups
	dir     string
	limits  Limits
	limited bool            // memory.max is in force
	files   [groupFiles]int // kept open for measuring; 0 is not open
}

// make makes a cgroup. What could not be limited is told beside the group, which works without.
func (g *groups) make(name string, lim Limits) (*group, error) {
	if g.base == "" {
		return nil, nil //nolint:nilnil // a nil group is one that does nothing
	}
	c := &group{groups: g, dir: filepath.Join(g.base, name), limits: lim}
	if err := os.Mkdir(c.dir, 0o755); err != nil { //nolint:gosec // a cgroup, as the kernel makes its own
		return nil, fmt.Errorf("make a control group: %w", err)
	}
	var errs []error
	if lim.Memory > 0 && g.memory {
		err := writeGroup(c.dir, "memory.max", strconv.FormatUint(lim.Memory, 10))
		if c.limited = err == nil; !c.limited {
			errs = append(errs, err)
		}
		// All of the instance ends, not the one of its processes that happens to be the largest. And
		// what is beyond the limit is not to be found on the disk. Older kernels lack these files.
		_ = writeGroup(c.dir, "memory.oom.group", "1")
		_ = writeGroup(c.dir, "memory.swap.max", "0")
	}
	if lim.CPU > 0 && g.cpu {
		errs = append(errs, writeGroup(c.dir, "cpu.max", cpuMax(lim.CPU)))
	}
	return c, errors.Join(errs...)
}

// open is a descriptor for clone3's CLONE_INTO_CGROUP.
func (c *group) open() (int, error) {
	return retryEINTR(func() (int, error) { return unix.Open(c.dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0) })
}

// take moves a process that was not born into the group, and what it has started since.
func (c *group) take(pid int) error {
	if err := writeGroup(c.dir, "cgroup.procs", strconv.Itoa(pid)); err != nil {
		return err
	}
	for range 10 {
		tree, err := below([]int{pid})
		if err != nil {
			return err
		}
		in, moved := c.members(), false
		for _, p := range tree {
			if !slices.Contains(in, p.pid) {
				moved = true
				_ = writeGroup(c.dir, "cgroup.procs", strconv.Itoa(p.pid)) // it may have ended
			}
		}
		if !moved {
			return nil
		}
	}
	return nil
}

// members are the processes of the group itself, not of groups that they made below it.
func (c *group) members() []int {
	if c == nil {
		return nil
	}
	var list []int
	for _, f := range fieldsOf(c.dir + "/cgroup.procs") {
		if pid, err := strconv.Atoi(f); err == nil {
			list = append(list, pid)
		}
	}
	return list
}

// kill ends everything in the group and below it at once; not even a fork bomb escapes. Kernels
// before 5.14 lack cgroup.kill: then no more forks are let through, and the sweep does the rest.
func (c *group) kill() {
	if c == nil {
		return
	}
	if writeGroup(c.dir, "cgroup.kill", "1") != nil && c.pids {
		_ = writeGroup(c.dir, "pids.max", "0")
	}
}

// remove gives the group back. The kernel may need a moment after the last process's end.
func (c *group) remove() error {
	if c == nil {
		return nil
	}
	var err error
	for delay := time.Millisecond; delay < 256*time.Millisecond; delay *= 2 {
		if err = removeGroup(c.dir); err == nil {
			return nil
		}
		time.Sleep(delay)
	}
	return err
}

// removeGroup removes a cgroup with those below it: their files go with them.
func removeGroup(dir string) error {
	var dirs []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			dirs = append(dirs, path)
		}
		return nil //nolint:nilerr // what is gone already need not be removed
	})
	for _, d := range slices.Backward(dirs) {
		if e := unix.Rmdir(d); e != nil && !errors.Is(e, unix.ENOENT) {
			err = &os.PathError{Op: "remove", Path: d, Err: e}
		}
	}
	return err
}

// judge says in the exit what the kernel did for lack of memory: memory.events.
func (c *group) judge(exit *status.Exit, t *totals) {
	if c == nil {
		return
	}
	data, err := readSmall(c.dir + "/memory.events")
	if err != nil {
		return
	}
	if groupValue(data, "oom_kill") == 0 {
		return
	}
	// Only a group's own limit counts as its "oom"; a parent's or the machine's does not.
	if !c.limited || groupValue(data, "oom") == 0 {
		if exit.Signal == "SIGKILL" {
			exit.Text = "killed by the kernel because the machine, or all of Holdfast together, had no memory left"
		}
		return
	}
	what := "using more than limits.memory (" + sizeText(c.limits.Memory) + ")"
	exit.Reason = status.ReasonMemoryLimit
	if exit.Signal == "SIGKILL" {
		exit.Text = "killed by the kernel for " + what
	} else {
		exit.Text += "; the kernel had killed a process of it for " + what
	}
	t.peak = max(t.peak, c.limits.Memory)
}

// groupValue finds a line "key number" of a cgroup's file; 0 when there is none.
func groupValue(data []byte, key string) uint64 {
	for len(data) > 0 {
		var line []byte
		line, data, _ = bytes.Cut(data, []byte{'\n'})
		if v, ok := bytes.CutPrefix(line, []byte(key)); ok && len(v) > 1 && v[0] == ' ' {
			n, _ := parseUint(v[1:])
			return n
		}
	}
	return 0
}

// parseUint reads a number up to the first byte that is no digit, without allocating.
func parseUint(b []byte) (n uint64, ok bool) {
	for _, d := range b {
		if d < '0' || d > '9' {
			break
		}
		n, ok = n*10+uint64(d-'0'), true
	}
	return n, ok
}

// reapGroups ends and removes what an earlier run left behind. current tells the groups of this one.
func (g *groups) reapGroups(current string) (killed int, err error) {
	if g.base == "" {
		return 0, nil
	}
	entries, err := os.ReadDir(g.base)
	if err != nil {
		return 0, fmt.Errorf("control groups of an earlier run: %w", err)
	}
	for _, e := range entries {
		if !e.IsDir() || strings.Contains(e.Name(), current) {
			continue
		}
		c := &group{groups: g, dir: filepath.Join(g.base, e.Name())}
		killed += len(c.members())
		_, left, sweepErr := sweep(func() ([]proc, error) {
			c.kill()
			var found []proc
			for _, pid := range c.members() {
				if p, ok := readProc(pid); ok && p.living {
					found = append(found, p)
				}
			}
			return found, nil
		}, time.Now().Add(sweepTime), time.Sleep)
		if left == 0 && sweepErr == nil {
			sweepErr = c.remove()
		}
		if sweepErr != nil {
			err = errors.Join(err, fmt.Errorf("control group of an earlier run: %w", sweepErr))
		}
	}
	return killed, err
}
