package process

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// proc is one process as /proc/PID/stat tells it: proc(5). pid and start together name a process
// for good; a pid alone may come to mean another one.
type proc struct {
	pid, parent, session int
	living               bool // not a zombie
	start                uint64
}

func readProc(pid int) (proc, bool) {
	data, err := readSmall("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return proc{}, false
	}
	return parseStat(pid, data)
}

func parseStat(pid int, data []byte) (proc, bool) {
	// The name in parentheses may itself hold spaces and parentheses.
	f := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	if len(f) < 20 {
		return proc{}, false
	}
	var n [4]int
	for i, s := range []string{f[1], f[3], f[17]} {
		v, err := strconv.Atoi(s)
		if err != nil {
			return proc{}, false
		}
		n[i] = v
	}
	start, err := strconv.ParseUint(f[19], 10, 64)
	if err != nil {
		return proc{}, false
	}
	// A process whose first thread has ended looks like a zombie while its other threads run.
	living := f[0] != "Z" && f[0] != "X" || n[2] > 1
	return proc{pid: pid, parent: n[0], session: n[1], living: living, start: start}, true
}

// readSmall reads a file of /proc. os.ReadFile would try to register it with the poller.
func readSmall(path string) ([]byte, error) {
	fd, err := retryEINTR(func() (int, error) { return unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0) })
	if err != nil {
		return nil, err
	}
	defer func() { _ = unix.Close(fd) }()
	buf := make([]byte, 0, 1<<10)
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := retryEINTR(func() (int, error) { return unix.Read(fd, buf[len(buf):cap(buf)]) })
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return buf, nil
		}
		buf = buf[:len(buf)+n]
	}
}

func retryEINTR(f func() (int, error)) (int, error) {
	for {
		n, err := f()
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}

// children are the processes whose parent is pid, by any of its threads. A kernel without
// /proc/PID/task/TID/children is asked the long way.
func children(pid int) ([]int, error) {
	task := "/proc/" + strconv.Itoa(pid) + "/task"
	threads, err := pids(task)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) {
			return nil, nil
		}
		return nil, err
	}
	var kids []int
	for _, tid := range threads {
		dir := filepath.Join(task, strconv.Itoa(tid))
		data, err := readSmall(dir + "/children")
		switch {
		case err == nil:
		case errors.Is(err, unix.ESRCH):
			continue
		case errors.Is(err, unix.ENOENT):
			if _, err := os.Stat(dir); err != nil {
				continue // the thread has ended
			}
			return childrenByParent(pid)
		default:
			return nil, err
		}
		for f := range strings.FieldsSeq(string(data)) {
			if kid, err := strconv.Atoi(f); err == nil {
				kids = append(kids, kid)
			}
		}
	}
	return kids, nil
}

func childrenByParent(pid int) ([]int, error) {
	all, err := pids("/proc")
	if err != nil {
		return nil, err
	}
	var kids []int
	for _, p := range all {
		if q, ok := readProc(p); ok && q.parent == pid {
			kids = append(kids, p)
		}
	}
	return kids, nil
}

// pids are the numeric names in a folder of /proc.
func pids(dir string) ([]int, error) {
	f, err := os.Open(dir) //nolint:gosec // always below /proc
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	names, err := f.Readdirnames(-1)
	if err != nil && len(names) == 0 {
		return nil, err
	}
	list := make([]int, 0, len(names))
	for _, n := range names {
		if pid, err := strconv.Atoi(n); err == nil && pid > 0 && pid <= math.MaxInt32 {
			list = append(list, pid)
		}
	}
	return list, nil
}

// below are the living processes among roots and all their descendants.
func below(roots []int) ([]proc, error) {
	var found []proc
	seen := map[int]bool{}
	for len(roots) > 0 {
		pid := roots[len(roots)-1]
		roots = roots[:len(roots)-1]
		if seen[pid] {
			continue
		}
		seen[pid] = true
		if p, ok := readProc(pid); !ok {
			continue
		} else if p.living {
			found = append(found, p)
		}
		kids, err := children(pid)
		if err != nil {
			return found, err
		}
		roots = append(roots, kids...)
	}
	return found, nil
}

// send signals exactly this process, not one that has come to bear its pid.
func (p proc) send(sig unix.Signal) error {
	fd, err := unix.PidfdOpen(p.pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil { // an old kernel, or no descriptor left
		return ignoreGone(unix.Kill(p.pid, sig))
	}
	defer func() { _ = unix.Close(fd) }()
	if again, ok := readProc(p.pid); ok && again.start != p.start {
		return nil
	}
	return ignoreGone(unix.PidfdSendSignal(fd, sig, nil, 0))
}

func ignoreGone(err error) error {
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	return err
}
