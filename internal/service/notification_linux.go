package service

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// What systemd hears, by sd_notify(3).
const (
	// extension is how much longer a pending state may last after each sign of life.
	extension = 30 * time.Second
	// chatter is how often we give a sign of life where no watchdog sets the pace.
	chatter = 5 * time.Second
)

// notification is what systemd is to be told with r, as the lines of one datagram. monotonic is
// the time of CLOCK_MONOTONIC; watchdog is whether systemd waits for signs of life.
func notification(r report, was report, monotonic time.Duration, watchdog bool) string {
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	switch {
	case r.state.pending():
		if r.state == stopping && !r.again {
			add("STOPPING=1")
		}
		add("EXTEND_TIMEOUT_USEC=%d", extension.Microseconds())
		add("STATUS=%s", statusLine(r))
	case r.reloading && !was.reloading:
		add("RELOADING=1")
		add("MONOTONIC_USEC=%d", monotonic.Microseconds())
		add("STATUS=%s", statusLine(r))
	case !r.again:
		add("READY=1") // also ends a reload
		add("STATUS=%s", statusLine(r))
	}
	if watchdog {
		add("WATCHDOG=1")
	}
	return strings.Join(lines, "\n")
}

// statusLine is what `systemctl status` shows.
func statusLine(r report) string {
	switch r.state {
	case starting:
		if r.stage == "" {
			return "Starting"
		}
		return oneLine("Starting: " + r.stage)
	case running:
		if r.reloading {
			return "Reloading the configuration"
		}
		return "Serving"
	case pausing, paused:
		return "Paused: requests are answered with 503"
	case resuming:
		return "Continuing"
	case stopping:
		return "Stopping"
	}
	return ""
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// watchdogInterval is how often systemd wants WATCHDOG=1, 0 for never: half of WATCHDOG_USEC, as
// sd_watchdog_enabled(3) advises. WATCHDOG_PID names the process that systemd started; that is us,
// or the guardian that started us (NotifyAccess=all lets us speak for it).
func watchdogInterval(env func(string) (string, bool), pid, parent int) time.Duration {
	usec, _ := env("WATCHDOG_USEC")
	n, err := strconv.ParseInt(usec, 10, 64)
	if err != nil || n <= 0 || n > int64(24*time.Hour/time.Microsecond) {
		return 0
	}
	if want, ok := env("WATCHDOG_PID"); ok && want != strconv.Itoa(pid) && want != strconv.Itoa(parent) {
		return 0
	}
	return time.Duration(n) * time.Microsecond / 2
}
