package process

import (
	"golang.org/x/sys/unix"

	"holdfast/internal/status"
)

// exitOf tells a wait status in words.
func exitOf(ws unix.WaitStatus) status.Exit {
	if ws.Signaled() {
		name := unix.SignalName(ws.Signal())
		if name == "" {
			name = ws.Signal().String() // a real-time signal
		}
		text := "killed by " + name + signalHint(name)
		if ws.CoreDump() {
			text += " (core dumped)"
		}
		return status.Exit{Code: -1, Signal: name, Text: text}
	}
	code := ws.ExitStatus()
	return status.Exit{Code: int64(code), Text: posixCode(code, func(n int) string { return unix.SignalName(unix.Signal(n)) })}
}
