package process

import (
	"bytes"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"holdfast/internal/status"
)

// The files of a group that measuring reads, and keeps open where it may.
const (
	groupProcs = iota
	groupMemory
	groupCPU
	groupTasks
	groupFiles
)

func groupFile(i int) string {
	return [groupFiles]string{"cgroup.procs", "memory.stat", "cpu.stat", "pids.current"}[i]
}

// measure reads the kernel's own account of the group. Memory is what its processes have mapped,
// each page counted once; what the kernel caches of files for them is not theirs.
func (c *group) measure(u *status.Usage, buf []byte, k *kept) error {
	// The list stays at the front of the buffer while the rest serves for reading.
	procs, err := c.read(groupProcs, buf[:len(buf)/2], k)
	if err != nil {
		return os.ErrProcessDone
	}
	rest := buf[len(buf)/2:]
	var threads int
	var pages uint64
	for len(procs) > 0 {
		var line []byte
		line, procs, _ = bytes.Cut(procs, []byte{'\n'})
		pid, ok := parseUint(line)
		if !ok {
			continue
		}
		u.Processes++
		dir := "/proc/" + strconv.FormatUint(pid, 10)
		u.Handles += openFiles(dir+"/fd", rest)
		if !c.memory || !c.pids {
			if data, err := readSmall(dir + "/stat"); err == nil {
				s, _ := parseStatLine(data)
				threads += s.threads
				pages += s.rss
			}
		}
	}
	u.Threads, u.Memory = threads, pages*uint64(os.Getpagesize()) //nolint:gosec // positive
	if data, err := c.read(groupMemory, rest, k); err == nil {
		u.Memory = groupValue(data, "anon") + groupValue(data, "file_mapped")
	}
	if data, err := c.read(groupTasks, rest, k); err == nil {
		n, _ := parseUint(data)
		u.Threads = int(n) //nolint:gosec // a number of threads
	}
	if data, err := c.read(groupCPU, rest, k); err == nil {
		u.CPUSeconds = float64(groupValue(data, "usage_usec")) / 1e6
	}
	return nil
}

// read reads one of the files.
func (c *group) read(file int, buf []byte, k *kept) ([]byte, error) {
	fd := c.files[file]
	if fd == 0 {
		var err error
		if fd, err = retryEINTR(func() (int, error) {
			return unix.Open(c.dir+"/"+groupFile(file), unix.O_RDONLY|unix.O_CLOEXEC, 0)
		}); err != nil {
			return nil, err
		}
		if k.take() {
			c.files[file] = fd
		} else {
			defer func() { _ = unix.Close(fd) }()
		}
	}
	n, err := retryEINTR(func() (int, error) { return unix.Pread(fd, buf, 0) })
	return buf[:max(0, n)], err
}

// closeFiles gives back what measuring keeps.
func (c *group) closeFiles(k *kept) {
	if c == nil {
		return
	}
	for i, fd := range c.files {
		if fd != 0 {
			_ = unix.Close(fd)
			c.files[i] = 0
			k.n.Add(-1)
		}
	}
}
