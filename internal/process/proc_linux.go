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
	l, ok := parseStatLine(data)
	return proc{pid: pid, parent: l.parent, session: l.session, living: l.living, start: l.start}, ok
}

// statLine is what is used of /proc/PID/stat: proc_pid_stat(5).
type statLine struct {
	parent, session, threads int
	living                   bool
	ticks                    uint64 // of processor time, its own and that of the children it waited for
	start                    uint64 // in ticks after boot
	rss                      uint64 // in pages
}

// parseStatLine does not allocate: it is what measuring consists of.
func parseStatLine(data []byte) (l statLine, ok bool) {
	// The name in parentheses may itself hold spaces and parentheses.
	rest := data[bytes.LastIndexByte(data, ')')+1:]
	var state byte
	field := 2
	for len(rest) > 0 && field < 24 {
		var word []byte
		word, rest, _ = bytes.Cut(rest, []byte{' '})
		if word = bytes.TrimRight(word, "\n"); len(word) == 0 {
			continue
		}
		field++
		n, number := parseUint(word)
		switch field {
		case 3:
			state = word[0]
			continue
		case 4:
			l.parent = int(n) //nolint:gosec // a process id
		case 6:
			l.session = int(n) //nolint:gosec // a process id
		case 14, 15, 16, 17:
			l.ticks += n
		case 20:
			l.threads = int(n) //nolint:gosec // a number of threads
		case 22:
			l.start = n
		case 24:
			l.rss = n
		default:
			continue
		}
		if !number {
			return statLine{}, false
		}
	}
	// A process whose first thread has ended looks like a zombie while its other threads run.
	l.living = state != 'Z' && state != 'X' || l.threads > 1
	return l, field >= 22
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

// children are the processes whose parent is pid, by any of its threads but besides. A kernel without
// /proc/PID/task/TID/children is asked the long way, which tells of all threads.
func children(pid, besides int) ([]int, error) {
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
		if tid == besides {
			continue
		}
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
		kids, err := children(pid, 0)
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
