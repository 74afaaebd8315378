package process

import (
	"fmt"

	"holdfast/internal/status"
)

// killedCode is the exit code that Kill gives on Windows, where it is the killer who chooses: 128+9,
// as a shell says it, since programs use 1 themselves.
const killedCode = 137

// unknownExit is what is left to tell when the system does not.
func unknownExit(err error) status.Exit {
	return status.Exit{Code: -1, Text: fmt.Sprintf("ended in an unknown way: %v", err)}
}

// posixCode says an exit code in words. The meanings from 126 on are a shell's: POSIX.1-2024, XCU
// 2.8.2, and for 128+n the habit of all shells.
func posixCode(code int, signalName func(int) string) string {
	text := fmt.Sprintf("exit code %d", code)
	switch {
	case code == 126:
		return text + " (a shell's word for: found but not executable)"
	case code == 127:
		return text + " (a shell's word for: command not found)"
	case code > 128 && code < 128+65:
		if name := signalName(code - 128); name != "" {
			return fmt.Sprintf("%s (128+%d: a shell's word for killed by %s%s)", text, code-128, name, signalHint(name))
		}
	}
	return text
}

// signalHint is what a signal that nobody here sent usually means.
func signalHint(name string) string {
	switch name {
	case "SIGKILL":
		return ", by somebody or for lack of memory"
	case "SIGSEGV", "SIGBUS":
		return ", a bad memory access"
	case "SIGABRT":
		return ", the program gave up"
	case "SIGILL":
		return ", an instruction that this processor does not know"
	case "SIGFPE":
		return ", an arithmetic error"
	case "SIGSYS":
		return ", a forbidden system call"
	case "SIGXCPU":
		return ", its limit of CPU time"
	case "SIGXFSZ":
		return ", its limit of file size"
	case "SIGPIPE":
		return ", nobody read what it wrote"
	default:
		return ""
	}
}

// windowsCode says an exit code of Windows in words. Codes from 0xC0000000 on are NTSTATUS values
// of unhandled exceptions: MS-ERREF 2.3.1.
func windowsCode(code uint32) string {
	if code < 0x80000000 {
		return fmt.Sprintf("exit code %d", code)
	}
	if text := ntStatus(code); text != "" {
		return fmt.Sprintf("%s (0x%08X)", text, code)
	}
	if code >= 0xC0000000 && code < 0xD0000000 {
		return fmt.Sprintf("unhandled exception (0x%08X)", code)
	}
	// A program that exits with a small negative number.
	return fmt.Sprintf("exit code %d (0x%08X)", int32(code), code) //nolint:gosec // the same bits
}

func ntStatus(code uint32) string {
	switch code {
	case 0x80000003:
		return "breakpoint reached"
	case 0xC0000005:
		return "access violation"
	case 0xC0000006:
		return "a page of the program could not be read: its disk or network share failed"
	case 0xC0000017:
		return "not enough memory"
	case 0xC000001D:
		return "an instruction that this processor does not know"
	case 0xC0000022:
		return "access denied"
	case 0xC0000094:
		return "integer division by zero"
	case 0xC00000FD:
		return "stack overflow"
	case 0xC000007B:
		return "a DLL or the program is built for another architecture, or damaged"
	case 0xC0000135:
		return "a DLL was not found: install what the program depends on"
	case 0xC0000138:
		return "a DLL lacks an ordinal that the program needs: a wrong version"
	case 0xC0000139:
		return "a DLL lacks a function that the program needs: a wrong version"
	case 0xC000013A:
		return "ended by Ctrl-C or Ctrl-Break"
	case 0xC0000142:
		return "a DLL could not be initialised: often no desktop or desktop memory for it"
	case 0xC0000374:
		return "heap corruption"
	case 0xC0000409:
		return "the program stopped itself at once (fail fast or stack buffer overrun)"
	case 0xC0000417:
		return "a C runtime function was given a bad argument"
	case 0xC000041D:
		return "unhandled exception in a callback"
	case 0xC0000420:
		return "an assertion failed"
	case 0xE0434352:
		return "unhandled .NET exception"
	case 0xE06D7363:
		return "unhandled C++ exception"
	default:
		return ""
	}
}
