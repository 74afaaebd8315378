package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"holdfast/internal/process"
)

// ctrlCommand is the hidden subcommand that becomes process.SendConsoleEvent.
const ctrlCommand = "internal-ctrl"

// hidden serves what is not a command for people. It comes before cobra and everything else, since
// a guardian should cost next to nothing. done tells that the program is to exit with code.
func hidden(args []string, stderr io.Writer) (code int, done bool) {
	switch command := commandOf(args); command {
	case "run", "demo":
		if slices.Contains(args, "--help") || slices.Contains(args, "-h") {
			return 0, false
		}
		code, guarded, err := process.Guard()
		if err != nil {
			_, _ = fmt.Fprintf(stderr, "holdfast: %v\n", err)
			return exitFailed, true
		}
		return code, guarded
	case ctrlCommand:
		if err := sendConsoleEvent(args[slices.Index(args, ctrlCommand)+1:]); err != nil {
			_, _ = fmt.Fprintf(stderr, "holdfast: %s: %v\n", ctrlCommand, err)
			return exitFailed, true
		}
		return exitOK, true
	default:
		return 0, false
	}
}

// commandOf is the first argument that is neither a global flag nor the value of one.
func commandOf(args []string) string {
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case a == "-o" || a == "--output" || a == "--name" || a == "--data" || a == "--config":
			i++
		case !strings.HasPrefix(a, "-"):
			return a
		}
	}
	return ""
}

func sendConsoleEvent(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("want a process id and c or break, got %q", args)
	}
	pid, err := strconv.Atoi(args[0])
	if err != nil {
		return fmt.Errorf("process id %q: %w", args[0], err)
	}
	return process.SendConsoleEvent(pid, args[1])
}
