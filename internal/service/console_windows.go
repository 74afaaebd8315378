package service

import (
	"os"
	"syscall"
)

// listened maps Ctrl-C and Ctrl-Break to SIGINT and the close of the console, log-off and shutdown
// to SIGTERM, as package os/signal does. After a close the system leaves us 5 s, which no code can
// extend; the job objects end what is left then.
func listened() []os.Signal { return []os.Signal{os.Interrupt, syscall.SIGTERM} }

// isHangup is false: Windows has no such signal.
func isHangup(os.Signal) bool { return false }

func hasTerminal() bool { return false }
