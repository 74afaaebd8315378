package process

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// job is a job object that ends everything in it when its handle, which is ours alone, is closed.
type job struct {
	handle windows.Handle
	port   windows.Handle // of a job with a limit of memory: tells when it was reached
}

// newJob makes a job object with its limits; what could not be limited is told beside the job.
func newJob(sys jobSystem, lim Limits) (j job, unlimited, err error) {
	h, err := windows.CreateJobObject(nil, nil) // not inheritable
	if err != nil {
		return job{}, nil, fmt.Errorf("create job object: %w", err)
	}
	j = job{handle: h}
	// Breakaway is not allowed. An unhandled exception ends the process without a dialog that nobody
	// would ever answer.
	const flags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | windows.JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION
	if err := sys.bound(h, flags, 0); err != nil {
		j.close()
		return job{}, nil, fmt.Errorf("set up job object: %w", err)
	}
	if lim.Memory > 0 {
		if err := sys.bound(h, flags|windows.JOB_OBJECT_LIMIT_JOB_MEMORY, lim.Memory); err != nil {
			unlimited = fmt.Errorf("limit the memory of a job object: %w", err)
		} else if j.port, err = sys.port(h); err != nil {
			unlimited = fmt.Errorf("it will not be told when limits.memory is reached: %w", err)
		}
	}
	if rate := cpuRate(lim.CPU, sys.processors()); lim.CPU > 0 && rate > 0 {
		if err := sys.rate(h, rate); err != nil {
			unlimited = errors.Join(unlimited, fmt.Errorf("limit the processor time of a job object: %w", err))
		}
	}
	return j, unlimited, nil
}

// accounting is JOBOBJECT_BASIC_ACCOUNTING_INFORMATION, which x/sys lacks.
type accounting struct {
	TotalUserTime, TotalKernelTime           int64
	ThisPeriodUserTime, ThisPeriodKernelTime int64
	TotalPageFaultCount, TotalProcesses      uint32
	ActiveProcesses, TotalTerminated         uint32
}

// active is how many processes are in the job.
func (j job) active() (int, error) {
	a, err := j.accounting()
	return int(a.ActiveProcesses), err
}

func (j job) accounting() (a accounting, err error) {
	err = windows.QueryInformationJobObject(j.handle, windows.JobObjectBasicAccountingInformation, uintptr(unsafe.Pointer(&a)), uint32(unsafe.Sizeof(a)), nil) //nolint:gosec // the call's own convention
	if err != nil {
		return a, fmt.Errorf("ask job object: %w", err)
	}
	return a, nil
}

// cpu is the processor time of all that is and was in the job.
func (a accounting) cpu() time.Duration {
	return time.Duration(100 * (a.TotalUserTime + a.TotalKernelTime))
}

// others are the processes in the job besides the leader and its console's host, which Windows and
// Wine put there as well.
func (j job) others(leader int) int {
	n := 0
	for _, pid := range j.pids(nil) {
		if int(pid) != leader && !strings.EqualFold(image(pid), "conhost.exe") {
			n++
		}
	}
	return n
}

// pids appends the processes in the job to list, 4096 at most.
func (j job) pids(list []uint32) []uint32 {
	const most = 4096
	const head = 8 / int(unsafe.Sizeof(uintptr(0)))
	for size := 64; ; size *= 4 {
		// JOBOBJECT_BASIC_PROCESS_ID_LIST: two DWORDs, then pointer-sized ids.
		buf := make([]uintptr, size+head)
		err := windows.QueryInformationJobObject(j.handle, windows.JobObjectBasicProcessIdList, uintptr(unsafe.Pointer(&buf[0])), uint32(len(buf))*uint32(unsafe.Sizeof(buf[0])), nil) //nolint:gosec // the call's own convention
		if errors.Is(err, windows.ERROR_MORE_DATA) && size < most {
			continue
		}
		if err != nil && !errors.Is(err, windows.ERROR_MORE_DATA) {
			return list
		}
		listed := *(*uint32)(unsafe.Add(unsafe.Pointer(&buf[0]), 4)) //nolint:gosec // NumberOfProcessIdsInList
		ids := buf[head:]
		for _, id := range ids[:min(int(listed), len(ids))] {
			list = append(list, uint32(id)) //nolint:gosec // process ids have 32 bits
		}
		return list
	}
}

// image is the file name of a running process, "" when it cannot be told.
func image(pid uint32) string {
	h, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, pid)
	if err != nil {
		return ""
	}
	defer func() { _ = windows.CloseHandle(h) }()
	var size uint32 = windows.MAX_LONG_PATH
	buf := make([]uint16, size)
	if err := windows.QueryFullProcessImageName(h, 0, &buf[0], &size); err != nil {
		return ""
	}
	return filepath.Base(windows.UTF16ToString(buf[:size]))
}

// terminate ends everything in the job and waits until it is gone, or until the deadline. It tells
// how many processes are left.
func (j job) terminate(deadline time.Time) (left int, err error) {
	if left, err = j.active(); err == nil && left == 0 {
		return 0, nil
	}
	if err := windows.TerminateJobObject(j.handle, killedCode); err != nil {
		return left, fmt.Errorf("terminate job object: %w", err)
	}
	for delay := time.Millisecond; ; delay = min(2*delay, 20*time.Millisecond) {
		left, err = j.active()
		if err == nil && left == 0 || !time.Now().Before(deadline) {
			return left, err
		}
		time.Sleep(delay)
	}
}

// reached tells whether the limit of memory was reached since the last call.
func (j job) reached() (yes bool) {
	const messageJobMemory = 10 // JOB_OBJECT_MSG_JOB_MEMORY_LIMIT
	for j.port != 0 {
		var message uint32
		var key, pid uintptr                                                                                                               // the latter takes the place of a pointer: it is a process id
		if err := windows.GetQueuedCompletionStatus(j.port, &message, &key, (**windows.Overlapped)(unsafe.Pointer(&pid)), 0); err != nil { //nolint:gosec // the call's own convention
			break
		}
		yes = yes || message == messageJobMemory
	}
	return yes
}

func (j job) close() {
	_ = windows.CloseHandle(j.handle)
	if j.port != 0 {
		_ = windows.CloseHandle(j.port)
	}
}
