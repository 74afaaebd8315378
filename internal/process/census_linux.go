package process

import (
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// census knows the parents of all processes of the machine. Reading the folder /proc costs less than
// half a microsecond per process, and only who is new in it, or has lost its parent, is looked at:
// so one reading serves for all trees, whatever number of threads and processes they have.
type census struct {
	mu    sync.Mutex
	taken time.Time
	round uint32
	known map[int]*resident
	buf   []byte
	// adopted are our children that we did not start, by the run they stem from.
	adopted map[uint32][]int
}

// resident is a process. Its folder's inode tells it from another that bears its pid later.
type resident struct {
	inode, parentInode uint64
	parent             int
	first, next        int // its first child; its next sibling
	round              uint32
	run                uint32 // of an adopted one
	asked, ours        bool   // whether run was asked for; whether it is one
}

// tree appends the processes of c to pids.
func (l *Launcher) tree(c *Child, now time.Time, pids []int) ([]int, error) {
	e := &l.census
	e.mu.Lock()
	defer e.mu.Unlock()
	if now.Sub(e.taken) >= usageAge || e.taken.Before(c.started) {
		if err := e.take(l); err != nil {
			return pids, err
		}
		e.taken = now
	}
	l.mu.Lock()
	leads := l.children[c.pid] == c
	l.mu.Unlock()
	begin := len(pids)
	if leads {
		pids = append(pids, c.pid)
	}
	pids = append(pids, e.adopted[c.run]...)
	for i := begin; i < len(pids); i++ {
		r := e.known[pids[i]]
		if r == nil {
			continue
		}
		for kid := r.first; kid != 0 && len(pids)-begin <= len(e.known); kid = e.known[kid].next {
			pids = append(pids, kid)
		}
	}
	return pids, nil
}

// take reads the folder. Called with mu held.
func (e *census) take(l *Launcher) error {
	if e.known == nil {
		e.known, e.adopted, e.buf = map[int]*resident{}, map[uint32][]int{}, make([]byte, 32<<10)
	}
	e.round++
	if err := e.list(); err != nil {
		return err
	}
	clear(e.adopted)
	self := os.Getpid()
	for pid, r := range e.known {
		if r.round != e.round {
			delete(e.known, pid)
			continue
		}
		r.first, r.next = 0, 0
	}
	for pid, r := range e.known {
		if p := e.known[r.parent]; p == nil || p.inode != r.parentInode {
			e.look(pid, r)
		}
		p := e.known[r.parent]
		if p == nil {
			continue
		}
		if r.parent == self {
			e.adopt(l, pid, r)
			continue
		}
		r.next, p.first = p.first, pid
	}
	return nil
}

// list takes up who is in /proc.
func (e *census) list() error {
	fd, err := retryEINTR(func() (int, error) { return unix.Open("/proc", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0) })
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	for {
		n, err := retryEINTR(func() (int, error) { return unix.Getdents(fd, e.buf) })
		if err != nil || n <= 0 {
			return err
		}
		for pid, inode := range numbered(e.buf[:n]) {
			e.see(pid, inode)
		}
	}
}

func (e *census) see(pid int, inode uint64) {
	r := e.known[pid]
	if r == nil || r.inode != inode {
		r = &resident{inode: inode}
		e.known[pid] = r
	}
	r.round = e.round
}

// look reads who its parent is.
func (e *census) look(pid int, r *resident) {
	r.parent, r.parentInode, r.asked = 0, 0, false
	p, ok := readProc(pid)
	if !ok {
		return
	}
	if parent := e.known[p.parent]; parent != nil {
		r.parent, r.parentInode = p.parent, parent.inode
	}
}

// adopt finds out whose an adopted child is.
func (e *census) adopt(l *Launcher, pid int, r *resident) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.children[pid] != nil {
		return
	}
	if !r.asked {
		r.run, r.ours = l.runOf(pid)
		r.asked = true
	}
	if r.ours {
		e.adopted[r.run] = append(e.adopted[r.run], pid)
	}
}
