package process

import (
	"errors"
	"unsafe"

	"golang.org/x/sys/windows"
)

// jobSystem is what limiting a job object asks of Windows: tests see what was asked for.
type jobSystem interface {
	// bound sets the flags of JOBOBJECT_EXTENDED_LIMIT_INFORMATION, and the memory of the whole job.
	bound(job windows.Handle, flags uint32, memory uint64) error
	// bounds reads them back.
	bounds(job windows.Handle) (flags uint32, memory uint64, err error)
	// rate sets a hard cap of processor time in 1/10000 of that of all processors.
	rate(job windows.Handle, rate uint32) error
	// rated reads it back.
	rated(job windows.Handle) (rate uint32, err error)
	// port has the job tell of limits that are reached.
	port(job windows.Handle) (windows.Handle, error)
	// processors are those of the whole machine.
	processors() int
}

type windowsJobs struct{}

func (windowsJobs) bound(job windows.Handle, flags uint32, memory uint64) error {
	info := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{}
	info.BasicLimitInformation.LimitFlags = flags
	info.JobMemoryLimit = uintptr(memory)
	_, err := windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation, uintptr(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info))) //nolint:gosec // the call's own convention
	return err
}

func (windowsJobs) bounds(job windows.Handle) (flags uint32, memory uint64, err error) {
	info := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{}
	err = windows.QueryInformationJobObject(job, windows.JobObjectExtendedLimitInformation, uintptr(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info)), nil) //nolint:gosec // the call's own convention
	return info.BasicLimitInformation.LimitFlags, uint64(info.JobMemoryLimit), err
}

// cpuRateControl is JOBOBJECT_CPU_RATE_CONTROL_INFORMATION, which x/sys lacks.
type cpuRateControl struct{ flags, rate uint32 }

func (windowsJobs) rate(job windows.Handle, rate uint32) error {
	const enable, hardCap = 1, 4 // JOB_OBJECT_CPU_RATE_CONTROL_*
	info := cpuRateControl{enable | hardCap, rate}
	_, err := windows.SetInformationJobObject(job, windows.JobObjectCpuRateControlInformation, uintptr(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info))) //nolint:gosec // the call's own convention
	return err
}

func (windowsJobs) rated(job windows.Handle) (uint32, error) {
	info := cpuRateControl{}
	err := windows.QueryInformationJobObject(job, windows.JobObjectCpuRateControlInformation, uintptr(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info)), nil) //nolint:gosec // the call's own convention
	return info.rate, err
}

func (windowsJobs) port(job windows.Handle) (windows.Handle, error) {
	port, err := windows.CreateIoCompletionPort(windows.InvalidHandle, 0, 0, 1)
	if err != nil {
		return 0, err
	}
	// JOBOBJECT_ASSOCIATE_COMPLETION_PORT, which x/sys lacks.
	info := struct {
		key  uintptr
		port windows.Handle
	}{port: port}
	_, err = windows.SetInformationJobObject(job, windows.JobObjectAssociateCompletionPortInformation, uintptr(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info))) //nolint:gosec // the call's own convention
	if err != nil {
		_ = windows.CloseHandle(port)
		return 0, err
	}
	return port, nil
}

func (windowsJobs) processors() int {
	return int(windows.GetActiveProcessorCount(windows.ALL_PROCESSOR_GROUPS))
}

// enforced is what a system makes of limits: one that takes them and forgets them does not keep them.
type enforced struct {
	memory, cpu bool
	why         string
}

func tryLimits(sys jobSystem) (e enforced) {
	j, _, err := newJob(sys, Limits{})
	if err != nil {
		e.why = err.Error()
		return e
	}
	defer j.close()
	const memory, rate = 64 << 20, 5000
	const flags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | windows.JOB_OBJECT_LIMIT_JOB_MEMORY
	err = sys.bound(j.handle, flags, memory)
	if gotFlags, gotMemory, e2 := sys.bounds(j.handle); err == nil {
		e.memory, err = gotFlags&windows.JOB_OBJECT_LIMIT_JOB_MEMORY != 0 && gotMemory == memory, e2
	}
	if !e.memory {
		e.why = "this Windows does not keep a limit of memory on a job object" + because(err) + "; Wine is one that does not"
	}
	err = sys.rate(j.handle, rate)
	if got, e2 := sys.rated(j.handle); err == nil {
		e.cpu, err = got == rate, e2
	}
	if !e.cpu {
		if e.why != "" {
			e.why += "; "
		}
		e.why += "it does not keep a limit of processor time" + because(err) + ": on a Remote Desktop host turn off fair sharing of processor time (DFSS), and see that no job object around Holdfast has a limit"
	}
	return e
}

func because(err error) string {
	if err == nil || errors.Is(err, windows.ERROR_SUCCESS) {
		return ""
	}
	return " (" + err.Error() + ")"
}
