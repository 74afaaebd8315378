package process

import (
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/internal/status"
)

const (
	// ticksPerSecond is the unit of times in /proc, the same on every system that Go runs on.
	ticksPerSecond = 100
	// keptPerTree is how many processes of a tree are measured through descriptors that stay open.
	keptPerTree = 16
	// keptShare is the share of our descriptors that may be kept open for measuring.
	keptShare = 8
)

// meter is what measuring a tree keeps. It is used with measured.mu held.
type meter struct {
	gone  bool // the tree is gone and nothing is kept any more
	pids  []int
	files map[int]*statFile
	round uint32
}

// statFile is /proc/PID/stat of one process, kept open: it never comes to mean another process, and
// reading it costs a third of opening it.
type statFile struct {
	fd    int
	dir   string // /proc/PID/fd
	round uint32
}

// kept counts descriptors that measuring holds, so that they never crowd out what apps need.
type kept struct{ n, most atomic.Int64 }

func (k *kept) prepare() {
	var lim unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &lim); err == nil {
		k.most.Store(int64(min(lim.Cur, 1<<20) / keptShare))
	}
}

func (k *kept) take() bool {
	if k.n.Add(1) <= k.most.Load() {
		return true
	}
	k.n.Add(-1)
	return false
}

// measure is called with measured.mu held.
func (c *Child) measure(now time.Time) (status.Usage, error) {
	m := &c.meter
	if m.gone {
		return status.Usage{}, os.ErrProcessDone
	}
	l := c.launcher
	buf := l.bufs.Get().(*[]byte) // the pool holds nothing else
	defer l.bufs.Put(buf)
	u := status.Usage{Time: now}
	if c.group != nil {
		err := c.group.measure(&u, *buf, &l.kept)
		return u, err
	}
	var err error
	if m.pids, err = l.tree(c, now, m.pids[:0]); err != nil {
		return u, err
	}
	m.round++
	ticks, pages := uint64(0), uint64(0)
	for _, pid := range m.pids {
		s, fds, ok := m.read(pid, *buf, &l.kept)
		if !ok {
			continue
		}
		ticks += s.ticks
		if !s.living {
			continue // its processor time is its parent's once that has waited for it
		}
		pages += s.rss
		u.Threads += s.threads
		u.Handles += fds
		u.Processes++
	}
	for pid, f := range m.files {
		if f.round != m.round {
			m.drop(pid, f, &l.kept)
		}
	}
	u.Memory = pages * uint64(os.Getpagesize()) //nolint:gosec // positive
	u.CPUSeconds = float64(ticks)/ticksPerSecond + time.Duration(c.reapedCPU.Load()).Seconds()
	return u, nil
}

// read measures one process.
func (m *meter) read(pid int, buf []byte, k *kept) (s statLine, fds int, ok bool) {
	f := m.files[pid]
	for range 2 {
		if f == nil {
			f = &statFile{dir: "/proc/" + strconv.Itoa(pid) + "/fd"}
			var err error
			if f.fd, err = retryEINTR(func() (int, error) {
				return unix.Open("/proc/"+strconv.Itoa(pid)+"/stat", unix.O_RDONLY|unix.O_CLOEXEC, 0)
			}); err != nil {
				return s, 0, false
			}
			if len(m.files) < keptPerTree && k.take() {
				if m.files == nil {
					m.files = map[int]*statFile{}
				}
				m.files[pid] = f
			} else {
				defer func() { _ = unix.Close(f.fd) }()
			}
		}
		n, err := retryEINTR(func() (int, error) { return unix.Pread(f.fd, buf, 0) })
		if err == nil {
			f.round = m.round
			s, ok = parseStatLine(buf[:n])
			return s, openFiles(f.dir, buf), ok
		}
		if m.files[pid] != f {
			return s, 0, false
		}
		m.drop(pid, f, k) // it has ended; another process may bear its pid
		f = nil
	}
	return s, 0, false
}

func (m *meter) drop(pid int, f *statFile, k *kept) {
	_ = unix.Close(f.fd)
	delete(m.files, pid)
	k.n.Add(-1)
}

// stopMeasuring gives back what measuring keeps. The tree is gone.
func (c *Child) stopMeasuring() {
	c.measured.mu.Lock()
	defer c.measured.mu.Unlock()
	c.meter.gone = true
	for pid, f := range c.meter.files {
		c.meter.drop(pid, f, &c.launcher.kept)
	}
	c.group.closeFiles(&c.launcher.kept)
}

// openFiles counts a process's descriptors; 0 when it is not ours to know. Since Linux 6.2 the size
// of the folder tells.
func openFiles(dir string, buf []byte) int {
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return 0
	}
	if st.Size > 0 {
		return int(st.Size)
	}
	fd, err := retryEINTR(func() (int, error) {
		return unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return 0
	}
	defer func() { _ = unix.Close(fd) }()
	count := 0
	for {
		n, err := retryEINTR(func() (int, error) { return unix.Getdents(fd, buf) })
		if err != nil || n <= 0 {
			return count
		}
		for range numbered(buf[:n]) {
			count++
		}
	}
}
