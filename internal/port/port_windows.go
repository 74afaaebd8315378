package port

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// netshTimeout is for a machine under load; netsh takes a tenth of a second.
const netshTimeout = 5 * time.Second

func newSystem() system { return windowsSystem{} }

type windowsSystem struct{}

// listeners asks for TCP_TABLE_OWNER_PID_LISTENER of both families
// (learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-getextendedtcptable).
func (windowsSystem) listeners() []listener {
	return append(parseTable(tcpTable(windows.AF_INET), rowOf4()), parseTable(tcpTable(windows.AF_INET6), rowOf6())...)
}

func tcpTable(family uint32) []byte {
	const ownerPidListener, tries, most = 3, 5, 64 << 20
	proc := windows.NewLazySystemDLL("iphlpapi.dll").NewProc("GetExtendedTcpTable")
	if proc.Find() != nil {
		return nil
	}
	size := uint32(1 << 14)
	for range tries { // it may grow between two calls
		if size > most {
			break
		}
		table := make([]byte, size)
		r, _, _ := proc.Call(uintptr(unsafe.Pointer(&table[0])), uintptr(unsafe.Pointer(&size)), 0, uintptr(family), ownerPidListener, 0) //nolint:gosec // the call's own convention
		if r == 0 {
			return table
		}
		if syscall.Errno(r) != windows.ERROR_INSUFFICIENT_BUFFER {
			return nil
		}
	}
	return nil
}

// sockets: the table tells the process itself.
func (windowsSystem) sockets([]listener, []int) map[int][]int { return nil }

func (windowsSystem) processes() []process {
	snapshot, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPPROCESS, 0)
	if err != nil {
		return nil
	}
	defer windows.CloseHandle(snapshot) //nolint:errcheck // nothing can be done
	var all []process
	var e windows.ProcessEntry32
	e.Size = uint32(unsafe.Sizeof(e))
	for err = windows.Process32First(snapshot, &e); err == nil; err = windows.Process32Next(snapshot, &e) {
		all = append(all, process{pid: int(e.ProcessID), parent: int(e.ParentProcessID), started: started(e.ProcessID)})
	}
	return all
}

// started is when a process was made, in units of 100 ns; 0 when the system does not tell.
func started(pid uint32) uint64 {
	h, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, pid)
	if err != nil {
		return 0
	}
	defer windows.CloseHandle(h) //nolint:errcheck // nothing can be done
	var created, exited, kernel, user windows.Filetime
	if windows.GetProcessTimes(h, &created, &exited, &kernel, &user) != nil {
		return 0
	}
	return uint64(created.HighDateTime)<<32 | uint64(created.LowDateTime)
}

func (windowsSystem) name(pid int) string {
	const kernel = 4
	if pid == kernel {
		return httpSys
	}
	h, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(pid)) //nolint:gosec // a process id of the system
	if err != nil {
		return entryName(uint32(pid)) //nolint:gosec // a process id of the system
	}
	defer windows.CloseHandle(h) //nolint:errcheck // nothing can be done
	name := make([]uint16, windows.MAX_LONG_PATH)
	size := uint32(windows.MAX_LONG_PATH)
	if err := windows.QueryFullProcessImageName(h, 0, &name[0], &size); err != nil {
		return entryName(uint32(pid)) //nolint:gosec // a process id of the system
	}
	return filepath.Base(windows.UTF16ToString(name[:size]))
}

// entryName is the name that is told of processes that are closed to this account.
func entryName(pid uint32) string {
	snapshot, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPPROCESS, 0)
	if err != nil {
		return ""
	}
	defer windows.CloseHandle(snapshot) //nolint:errcheck // nothing can be done
	var e windows.ProcessEntry32
	e.Size = uint32(unsafe.Sizeof(e))
	for err = windows.Process32First(snapshot, &e); err == nil; err = windows.Process32Next(snapshot, &e) {
		if e.ProcessID == pid {
			return windows.UTF16ToString(e.ExeFile[:])
		}
	}
	return ""
}

func (windowsSystem) user(string) string { return "" }

func (windowsSystem) rights() Rights { return Rights{Own: true, Programs: true} }

// ranges runs netsh: there is no documented call.
func (windowsSystem) ranges() ([]Range, bool) {
	system, err := windows.GetSystemDirectory()
	if err != nil {
		return nil, false
	}
	ctx, cancel := context.WithTimeout(context.Background(), netshTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(system, "netsh.exe"), "interface", "ipv4", "show", "excludedportrange", "protocol=tcp") //nolint:gosec // the system's program, with arguments of our own
	cmd.Dir = system
	cmd.WaitDelay = time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{HideWindow: true, CreationFlags: windows.CREATE_NO_WINDOW}
	out, err := cmd.Output()
	if err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		return nil, false
	}
	return parseRanges(out), true
}
