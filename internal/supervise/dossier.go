package supervise

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"holdfast/internal/config"
	"holdfast/internal/status"
)

// Bounds of what is kept of one end. A crash-looping instance keeps ten of them, and every event of
// one has it too.
const (
	maxCause     = 1 << 10
	maxAdvice    = 600
	maxQuote     = 200
	maxHolder    = 200
	maxLines     = 50
	maxLineBytes = 16 << 10
	maxProbes    = 10
	// olderLines is what is kept of the lines of an end that is not the newest any more.
	olderLines = 5
)

// clues are what was found at an end and is not part of the exit itself.
type clues struct {
	// line is the line of its standard error that says most about the end.
	line string
	// excluded says why no program may take the port.
	excluded string
	// clashed means that the process said that a port was taken: clash, held by holder, or one that it
	// did not name (0) and that is not its own.
	clashed bool
	clash   int
	holder  string
}

// quick is a life so short that the program cannot have done its work.
const quick = time.Second

// advice says what most likely has to be done about an exit; listening are the ports on which the
// process listened, where they were looked up.
func (c clues) advice(exit status.Exit, app *config.App, ran time.Duration, listening []int) string {
	text := ""
	switch wrong := portAdvice(listening, exit.Port); {
	case exit.Reason == status.ReasonMemoryLimit:
		text = "find its leak, or raise limits.memory"
	case c.excluded != "":
		text = fmt.Sprintf("no program may take port %d (%s): change the app's port", exit.Port, c.excluded)
	case exit.PortHolder != "" && exit.Port != 0:
		text = fmt.Sprintf("port %d is held by %s: end that program or change the app's port", exit.Port, exit.PortHolder)
	case c.clash != 0 && c.clash != exit.Port && exit.Port != 0:
		text = fmt.Sprintf("it tried to listen on port %d, which is held by %s, and was told port %d: let it read PORT", c.clash, cmp.Or(c.holder, "another program"), exit.Port)
	case c.clashed && c.clash == 0:
		text = fmt.Sprintf("it tried to listen on a port that is taken, and not on its own, %d, which is free: let it read PORT", exit.Port)
	case c.clash != 0:
		text = fmt.Sprintf("port %d is held by %s: end that program or change the app's port", c.clash, cmp.Or(c.holder, "another program"))
	case wrong != "":
		text = wrong
	case exit.Reason == status.ReasonStartupProbe:
		text = neverReady(exit, app, listening)
	case exit.Reason == status.ReasonExit && exit.Signal == "SIGKILL":
		text = "neither Holdfast nor the program sent that signal: look into the system's log for \"Out of memory\", and set limits.memory"
	case exit.Reason == status.ReasonExit && exit.Code != 0:
		text = c.crash(exit, ran)
	}
	return bounded(text, maxAdvice)
}

// crash is the advice on a program that ended by itself and badly.
func (c clues) crash(exit status.Exit, ran time.Duration) string {
	switch {
	case exit.Code == 0xC0000135:
		return "a DLL that it needs is missing: run it in a console as the service's account, which names it"
	case exit.Code == 0xC000007B:
		return "it or one of its DLLs is built for another processor (32 and 64 bits mixed)"
	case ran >= quick:
		return ""
	case c.line != "":
		return fmt.Sprintf("it ended %v after its start and wrote: %s", ran.Round(time.Millisecond), c.line)
	case exit.Code == 127:
		return "a script ends so when a command is not found: give its full path"
	case exit.Code == 126:
		return "a script ends so when a file is not executable: chmod +x"
	}
	return fmt.Sprintf("it ended %v after its start and wrote nothing: run its command by hand in its directory", ran.Round(time.Millisecond))
}

// neverReady is the advice on a program whose startup probe ran out of tries.
func neverReady(exit status.Exit, app *config.App, listening []int) string {
	switch {
	case exit.Port == 0:
		return ""
	case slices.Contains(listening, exit.Port):
		return fmt.Sprintf("it listens on port %d but the probe (%s) does not succeed: correct startup_probe, or what it asks for", exit.Port, target(app.StartupProbe, exit.Port))
	case listening != nil:
		return fmt.Sprintf("it listens on no port: let it listen on 127.0.0.1 at the port in PORT (%d), or give it more time with startup_probe.failure_threshold", exit.Port)
	}
	return "give it more time with startup_probe.failure_threshold, or see in its log what it waits for"
}

// portAdvice is the advice on a process that listens elsewhere than on its own port.
func portAdvice(listening []int, own int) string {
	wrong := wrongPort(listening, own)
	if wrong == 0 {
		return ""
	}
	return fmt.Sprintf("it listens on port %d, not on %d: let it read PORT, or write port: %d", wrong, own, wrong)
}

// wrongPort is a port on which a process listens instead of its own, 0 when there is none.
func wrongPort(listening []int, own int) int {
	if own == 0 || len(listening) == 0 || slices.Contains(listening, own) {
		return 0
	}
	return listening[0]
}

// tellingLine is the line that says most about a bad end: the last one that speaks of an error, or
// else the last one.
func tellingLine(lines []string) string {
	for _, line := range slices.Backward(lines) {
		if speaks(line) {
			return quoted(line)
		}
	}
	for _, line := range slices.Backward(lines) {
		if strings.TrimSpace(line) != "" {
			return quoted(line)
		}
	}
	return ""
}

// speaks reports whether a line speaks of an error and is not one of a trace of calls.
func speaks(line string) bool {
	if strings.HasPrefix(strings.TrimSpace(line), "at ") {
		return false
	}
	line = strings.ToLower(line)
	for _, word := range []string{"error", "exception", "fatal", "panic", "cannot", "can't", "could not", "denied", "not found", "failed", "invalid"} {
		if strings.Contains(line, word) {
			return true
		}
	}
	return false
}

func quoted(line string) string { return bounded(strings.TrimSpace(line), maxQuote) }

// inUse are the words of systems and runtimes for a port that is taken.
func inUse() []string {
	return []string{
		"eaddrinuse", "address already in use", "address in use", "port is already in use", "port already in use", "already bound",
		"only one usage of each socket address", "wsaeaddrinuse", "winerror 10048", "os error 10048", "os error 98", "errno 98",
	}
}

// clashPort reports whether one of the lines says that a port is taken, and which one if it names it.
func clashPort(lines []string) (port int, clashed bool) {
	for _, line := range slices.Backward(lines) {
		low := strings.ToLower(line)
		if !slices.ContainsFunc(inUse(), func(words string) bool { return strings.Contains(low, words) }) {
			continue
		}
		return portIn(low), true
	}
	return 0, false
}

// portIn is the port that a line names: after a colon, after the word port, or as Python writes it.
func portIn(line string) int {
	for _, pattern := range []string{`:(\d{2,5})(?:\D|$)`, `port[ :='"]*(\d{2,5})(?:\D|$)`, `', (\d{2,5})\)`} {
		for _, found := range regexp.MustCompile(pattern).FindAllStringSubmatch(line, 8) {
			if n, err := strconv.Atoi(found[1]); err == nil && n > 0 && n < 1<<16 {
				return n
			}
		}
	}
	return 0
}

// merged is the newest sample with the totals that the system told at the end; either may be nil.
func merged(sample, end *status.Usage) *status.Usage {
	switch {
	case sample == nil:
		return end
	case end == nil:
		return sample
	}
	u := *sample
	u.CPUSeconds = max(u.CPUSeconds, end.CPUSeconds)
	u.PeakMemory = max(u.PeakMemory, end.PeakMemory)
	return &u
}

// boundedExit is the exit within its bounds.
func boundedExit(e status.Exit) status.Exit {
	e.Text = bounded(e.Text, maxCause)
	e.Cause = bounded(e.Cause, maxCause)
	e.PortHolder = bounded(e.PortHolder, maxHolder)
	e.Probes = e.Probes[max(0, len(e.Probes)-maxProbes):]
	e.LastLines = lastLines(e.LastLines, maxLines, maxLineBytes)
	return e
}

// lastLines are the newest lines that fit into n lines and size bytes. A single line that is too long
// is cut.
func lastLines(lines []string, n, size int) []string {
	first, left := len(lines), size
	for first > 0 && len(lines)-first < n && len(lines[first-1]) <= left {
		first--
		left -= len(lines[first])
	}
	if first == len(lines) && first > 0 {
		return []string{bounded(lines[first-1], size)}
	}
	if first == 0 {
		return lines
	}
	return slices.Clone(lines[first:]) // the others are let go
}

// older is what is kept of earlier ends.
func older(exits []status.Exit) []status.Exit {
	exits = slices.Clone(exits[:min(len(exits), keptExits-1)])
	for n := range exits {
		exits[n].LastLines = lastLines(exits[n].LastLines, olderLines, maxLineBytes/keptExits)
		exits[n].Probes = nil
	}
	return exits
}

// bounded cuts a text to at most n bytes between two characters.
func bounded(text string, n int) string {
	if len(text) <= n {
		return text
	}
	const more = "..."
	n -= len(more)
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return strings.Clone(text[:n]) + more
}
