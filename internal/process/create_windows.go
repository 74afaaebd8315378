package process

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
	"unsafe"

	"golang.org/x/sys/windows"
)

// attributeJobList is PROC_THREAD_ATTRIBUTE_JOB_LIST: the jobs into which a process is born.
const attributeJobList = 0x2000D

// creation is one CreateProcess.
type creation struct {
	app, line, dir string
	env            []uint16
	std            [3]windows.Handle // inheritable; nothing else is inherited
	job            job
}

// run makes the process inside its job. A system that does not know the attribute (before Windows
// 10) gets the process suspended, so that it cannot start another before it is in the job.
func (c creation) run() (windows.ProcessInformation, error) {
	pi, err := c.create(true)
	if errors.Is(err, windows.ERROR_NOT_SUPPORTED) || errors.Is(err, windows.ERROR_INVALID_PARAMETER) {
		return c.suspended()
	}
	if err != nil {
		return pi, err
	}
	if in, err := inJob(pi.Process, c.job); err != nil || !in {
		discard(pi)
		return c.suspended() // the attribute was ignored
	}
	_, err = windows.ResumeThread(pi.Thread)
	if err != nil {
		discard(pi)
		return pi, fmt.Errorf("resume: %w", err)
	}
	return pi, nil
}

func (c creation) suspended() (windows.ProcessInformation, error) {
	pi, err := c.create(false)
	if err != nil {
		return pi, err
	}
	if err := windows.AssignProcessToJobObject(c.job.handle, pi.Process); err != nil {
		discard(pi)
		return pi, fmt.Errorf("put into job object: %w", err)
	}
	if _, err := windows.ResumeThread(pi.Thread); err != nil {
		discard(pi)
		return pi, fmt.Errorf("resume: %w", err)
	}
	return pi, nil
}

func discard(pi windows.ProcessInformation) {
	_ = windows.TerminateProcess(pi.Process, killedCode)
	_ = windows.CloseHandle(pi.Thread)
	_ = windows.CloseHandle(pi.Process)
}

// create makes the process suspended, in any case: so it is certain to be in its job before its
// first instruction.
func (c creation) create(inJob bool) (pi windows.ProcessInformation, err error) {
	attrs, err := windows.NewProcThreadAttributeList(2)
	if err != nil {
		return pi, err
	}
	defer attrs.Delete()
	if err := attrs.Update(windows.PROC_THREAD_ATTRIBUTE_HANDLE_LIST, unsafe.Pointer(&c.std[0]), unsafe.Sizeof(c.std)); err != nil { //nolint:gosec // the call's own convention
		return pi, fmt.Errorf("handle list: %w", err)
	}
	if inJob {
		if err := attrs.Update(attributeJobList, unsafe.Pointer(&c.job.handle), unsafe.Sizeof(c.job.handle)); err != nil { //nolint:gosec // the call's own convention
			return pi, fmt.Errorf("job list: %w", err)
		}
	}
	app, err := windows.UTF16PtrFromString(c.app)
	if err != nil {
		return pi, err
	}
	line, err := windows.UTF16FromString(c.line)
	if err != nil {
		return pi, err
	}
	if len(line) > 32767 { // CreateProcessW: lpCommandLine
		return pi, windows.ERROR_FILENAME_EXCED_RANGE
	}
	dir, err := windows.UTF16PtrFromString(c.dir)
	if err != nil {
		return pi, err
	}
	si := windows.StartupInfoEx{ProcThreadAttributeList: attrs.List()}
	si.Cb = uint32(unsafe.Sizeof(si))
	si.Flags = windows.STARTF_USESTDHANDLES
	si.StdInput, si.StdOutput, si.StdErr = c.std[0], c.std[1], c.std[2]
	// A console of its own without a window, to which Ctrl-C can be sent. Not a process group of its
	// own: CREATE_NEW_PROCESS_GROUP would turn Ctrl-C off, and the console is addressed as a whole.
	const flags = windows.CREATE_NO_WINDOW | windows.CREATE_UNICODE_ENVIRONMENT | windows.EXTENDED_STARTUPINFO_PRESENT | windows.CREATE_SUSPENDED
	err = windows.CreateProcess(app, &line[0], nil, nil, true, flags, &c.env[0], dir, &si.StartupInfo, &pi)
	return pi, err
}

func inJob(process windows.Handle, j job) (bool, error) {
	var in int32
	proc := windows.NewLazySystemDLL("kernel32.dll").NewProc("IsProcessInJob")
	r, _, err := proc.Call(uintptr(process), uintptr(j.handle), uintptr(unsafe.Pointer(&in))) //nolint:gosec // the call's own convention
	if r == 0 {
		return false, fmt.Errorf("IsProcessInJob: %w", err)
	}
	return in != 0, nil
}

// environment is env as CreateProcess wants it: sorted by upper-cased name, each name once, the
// last one winning; with SYSTEMROOT, without which sockets and random numbers do not work.
func environment(env []string, systemRoot string) []uint16 {
	type variable struct{ name, text string }
	var vars []variable
	add := func(kv string) {
		// A name may begin with "=": cmd.exe keeps the current directory of a drive in "=C:".
		i := strings.IndexByte(kv[min(1, len(kv)):], '=') + min(1, len(kv))
		if i <= 0 || kv[i] != '=' {
			return
		}
		name := strings.ToUpper(kv[:i])
		vars = slices.DeleteFunc(vars, func(v variable) bool { return v.name == name })
		vars = append(vars, variable{name, kv})
	}
	if systemRoot != "" {
		add("SYSTEMROOT=" + systemRoot)
	}
	for _, kv := range env {
		add(kv)
	}
	slices.SortFunc(vars, func(a, b variable) int {
		return slices.Compare(utf16.Encode([]rune(a.name)), utf16.Encode([]rune(b.name)))
	})
	var block []uint16
	for _, v := range vars {
		block = append(block, utf16.Encode([]rune(v.text))...)
		block = append(block, 0)
	}
	if len(block) == 0 {
		block = append(block, 0)
	}
	return append(block, 0)
}
