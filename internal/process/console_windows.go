package process

import (
	"errors"
	"fmt"
	"os"
	"os/signal"

	"golang.org/x/sys/windows"
)

// SendConsoleEvent sends a Ctrl-C ("c") or Ctrl-Break ("break") to everything on the console of a
// process. It is for a short-lived helper process only: a process has one console, so it leaves its
// own and attaches to that of the other, and the event reaches the helper as well.
func SendConsoleEvent(pid int, event string) error {
	var code uint32
	switch event {
	case "c":
		code = windows.CTRL_C_EVENT
	case "break":
		code = windows.CTRL_BREAK_EVENT
	default:
		return fmt.Errorf("event %q: want c or break", event)
	}
	// Go's handler takes both events without ending us. The Ctrl-C that nobody handles is ignored
	// besides, in case it comes before or after.
	ignored := make(chan os.Signal, 1)
	signal.Notify(ignored, os.Interrupt)
	defer signal.Stop(ignored)
	_ = consoleProc("FreeConsole") // there may be none
	if err := consoleProc("AttachConsole", uintptr(pid)); err != nil {
		switch {
		case errors.Is(err, windows.ERROR_INVALID_HANDLE):
			return errors.New("the program has no console (it is built for windows, not console): choose another stop method")
		case errors.Is(err, windows.ERROR_INVALID_PARAMETER):
			return fmt.Errorf("process %d has ended", pid)
		default:
			return fmt.Errorf("attach to its console: %w", err)
		}
	}
	_ = consoleProc("SetConsoleCtrlHandler", 0, 1)
	if err := windows.GenerateConsoleCtrlEvent(code, 0); err != nil { // 0: all on this console
		return fmt.Errorf("send: %w", err)
	}
	return nil
}
