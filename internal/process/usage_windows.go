package process

import (
	"errors"
	"os"
	"slices"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"holdfast/internal/status"
)

// meter is what measuring a tree keeps. It is used with measured.mu held.
type meter struct {
	gone    bool // the tree is gone and nothing is kept any more
	pids    []uint32
	procs   map[uint32]*opened
	round   uint32
	reached bool // the limit of memory, between the last two measurements
}

// opened is a process of the job. While its handle is open no other process can bear its id.
type opened struct {
	handle windows.Handle
	round  uint32
}

// measure is called with measured.mu held. The console's host counts as part of the tree.
func (c *Child) measure(now time.Time) (status.Usage, error) {
	m := &c.meter
	u := status.Usage{Time: now}
	if m.gone {
		return u, os.ErrProcessDone
	}
	a, err := c.job.accounting()
	if err != nil {
		return u, err
	}
	u.CPUSeconds = a.cpu().Seconds()
	m.reached = c.job.reached()
	m.round++
	m.pids = c.job.pids(m.pids[:0])
	threads := c.launcher.threads.count(now, m.pids)
	for _, pid := range m.pids {
		p := m.open(c.job, pid)
		if p == nil {
			continue // it has ended
		}
		p.round = m.round
		u.Processes++
		mem := memoryOf(p.handle)
		u.Memory += uint64(mem.workingSet)
		if int(pid) == c.pid {
			u.PeakMemory = uint64(mem.peakWorkingSet)
		}
		var handles uint32
		if consoleProc("GetProcessHandleCount", uintptr(p.handle), uintptr(unsafe.Pointer(&handles))) == nil { //nolint:gosec // the call's own convention
			u.Handles += int(handles)
		}
		u.Threads += threads[pid]
	}
	for pid, p := range m.procs {
		if p.round != m.round {
			_ = windows.CloseHandle(p.handle)
			delete(m.procs, pid)
		}
	}
	return u, nil
}

func (m *meter) open(j job, pid uint32) *opened {
	if p := m.procs[pid]; p != nil {
		return p
	}
	h, err := windows.OpenProcess(windows.PROCESS_QUERY_INFORMATION, false, pid)
	if err != nil { // a protected process, for one
		h, err = windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, pid)
	}
	if err != nil {
		return nil
	}
	if in, err := inJob(h, j); err != nil || !in {
		_ = windows.CloseHandle(h)
		return nil
	}
	if m.procs == nil {
		m.procs = map[uint32]*opened{}
	}
	p := &opened{handle: h}
	m.procs[pid] = p
	return p
}

// stopMeasuring gives back what measuring keeps. The tree is gone.
func (c *Child) stopMeasuring() {
	c.measured.mu.Lock()
	defer c.measured.mu.Unlock()
	c.meter.gone = true
	for pid, p := range c.meter.procs {
		_ = windows.CloseHandle(p.handle)
		delete(c.meter.procs, pid)
	}
}

// atEnd completes the exit of the leader with what the job tells.
func (c *Child) atEnd(exit *status.Exit) (t totals) {
	c.measured.mu.Lock()
	defer c.measured.mu.Unlock()
	if c.meter.gone {
		return t
	}
	if a, err := c.job.accounting(); err == nil {
		t.cpu = a.cpu()
	}
	t.peak = uint64(memoryOf(c.process).peakWorkingSet)
	// The system ends nothing: allocations fail, and few programs survive that.
	if reached := c.job.reached(); (reached || c.meter.reached) && exit.Code != 0 {
		exit.Reason = status.ReasonMemoryLimit
		exit.Text += "; shortly before, it had used all of limits.memory (" + sizeText(c.spec.Limits.Memory) + ") and allocations failed"
	}
	return t
}

// memoryCounters is PROCESS_MEMORY_COUNTERS, which x/sys lacks.
type memoryCounters struct {
	size, faults                    uint32
	peakWorkingSet, workingSet      uintptr
	peakPagedPool, pagedPool        uintptr
	peakNonPagedPool, nonPagedPool  uintptr
	pagefileUsage, peakPagefileUsed uintptr
}

func memoryOf(process windows.Handle) (m memoryCounters) {
	m.size = uint32(unsafe.Sizeof(m))
	if consoleProc("K32GetProcessMemoryInfo", uintptr(process), uintptr(unsafe.Pointer(&m)), uintptr(m.size)) != nil { //nolint:gosec // the call's own convention
		return memoryCounters{}
	}
	return m
}

// threadCount knows how many threads every process of the machine has; one look serves for all trees.
type threadCount struct {
	mu    sync.Mutex
	taken time.Time
	of    map[uint32]int
}

// count knows at least pids. It is not changed any more once it is returned.
func (t *threadCount) count(now time.Time, pids []uint32) map[uint32]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	unknown := func(pid uint32) bool { return t.of[pid] == 0 }
	if now.Sub(t.taken) < usageAge && !slices.ContainsFunc(pids, unknown) {
		return t.of
	}
	snapshot, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPPROCESS, 0)
	if err != nil {
		return t.of
	}
	defer func() { _ = windows.CloseHandle(snapshot) }()
	of := make(map[uint32]int, len(t.of))
	e := windows.ProcessEntry32{}
	e.Size = uint32(unsafe.Sizeof(e))
	for err = windows.Process32First(snapshot, &e); err == nil; err = windows.Process32Next(snapshot, &e) {
		of[e.ProcessID] = int(e.Threads)
	}
	if errors.Is(err, windows.ERROR_NO_MORE_FILES) {
		t.of, t.taken = of, now
	}
	return t.of
}
