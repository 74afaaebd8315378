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
type job struct{ handle windows.Handle }

func newJob() (job, error) {
	h, err := windows.CreateJobObject(nil, nil) // not inheritable
	if err != nil {
		return job{}, fmt.Errorf("create job object: %w", err)
	}
	info := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{}
	// Breakaway is not allowed. An unhandled exception ends the process without a dialog that nobody
	// would ever answer.
	info.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | windows.JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION
	_, err = windows.SetInformationJobObject(h, windows.JobObjectExtendedLimitInformation, uintptr(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info))) //nolint:gosec // the call's own convention
	if err != nil {
		_ = windows.CloseHandle(h)
		return job{}, fmt.Errorf("set up job object: %w", err)
	}
	return job{h}, nil
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
	var a accounting
	err := windows.QueryInformationJobObject(j.handle, windows.JobObjectBasicAccountingInformation, uintptr(unsafe.Pointer(&a)), uint32(unsafe.Sizeof(a)), nil) //nolint:gosec // the call's own convention
	if err != nil {
		return 0, fmt.Errorf("ask job object: %w", err)
	}
	return int(a.ActiveProcesses), nil
}

// others are the processes in the job besides the leader and its console's host, which Windows and
// Wine put there as well.
func (j job) others(leader int) int {
	var list struct {
		Assigned, Listed uint32
		PIDs             [1024]uintptr // JOBOBJECT_BASIC_PROCESS_ID_LIST
	}
	err := windows.QueryInformationJobObject(j.handle, windows.JobObjectBasicProcessIdList, uintptr(unsafe.Pointer(&list)), uint32(unsafe.Sizeof(list)), nil) //nolint:gosec // the call's own convention
	if err != nil && !errors.Is(err, windows.ERROR_MORE_DATA) {
		return 0
	}
	n := 0
	for _, id := range list.PIDs[:min(int(list.Listed), len(list.PIDs))] {
		pid := uint32(id) //nolint:gosec // process ids have 32 bits
		if int(pid) != leader && !strings.EqualFold(image(pid), "conhost.exe") {
			n++
		}
	}
	return n
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

func (j job) close() { _ = windows.CloseHandle(j.handle) }
