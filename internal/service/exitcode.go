package service

import (
	"fmt"
	"io"
	"strconv"
)

// Exit codes of the binary, as CLI and as service. They are public and never renumbered; ExitCodes
// explains them. The SCM shows a service's failure as 1066 with the code as the service-specific
// one. The Go runtime ends with 2 after a panic, with all stacks on standard error.
const (
	ExitOK           = 0
	ExitFailed       = 1
	ExitUsage        = 2
	ExitConfig       = 3
	ExitDenied       = 4
	ExitUnreachable  = 5
	ExitEnded        = 10
	ExitStartTimeout = 11
	ExitStopTimeout  = 12
	ExitListen       = 13
	ExitRunning      = 14
	ExitData         = 15
	ExitForced       = 130
)

// ExitCode explains one exit code.
type ExitCode struct {
	Code int
	// Meaning is what happened; Cure is what to do about it, empty when nothing is to be done.
	Meaning, Cure string
}

// ExitCodes is the table of all exit codes, in ascending order.
func ExitCodes() []ExitCode {
	return []ExitCode{
		{ExitOK, "done, or stopped as asked", ""},
		{ExitFailed, "failed for a reason that has no code of its own", "Read the message; the service's log has the details."},
		{ExitUsage, "wrong command line (or, with stacks on standard error, a crash of Holdfast itself)", "See: holdfast COMMAND --help."},
		{ExitConfig, "the configuration is invalid", "See every problem with its cure: holdfast check."},
		{ExitDenied, "the account lacks a right", "Run as administrator (Windows) or with sudo (Linux), or give the service's account the right that the message names."},
		{ExitUnreachable, "the service does not answer", "See whether it runs: holdfast service status."},
		{ExitEnded, "the service ended although nobody asked it to", "The service manager's recovery starts it again; the service's log says what came before."},
		{ExitStartTimeout, "the start made no progress", "The service's log names the stage and has the stacks; free what it waits for and start again."},
		{ExitStopTimeout, "the stop took too long and was cut short", "The service's log has the stacks; shorten the grace periods (apps.*.stop.grace) if apps need that long."},
		{ExitListen, "a listener cannot be bound", "Free the address that the message names, or change it under listeners or management."},
		{ExitRunning, "this installation runs already", "Stop the other one (holdfast service stop), or give this one a name or data folder of its own (--name, --data)."},
		{ExitData, "the data folder cannot be used", "Give the service's account the right to write there, or choose another with --data."},
		{ExitForced, "ended at once by a second Ctrl-C or SIGTERM", ""},
	}
}

// Cure is what to do about an exit code; empty when nothing is to be done, or when it is none of ours.
func Cure(code int) string { return cure(code) }

func cure(code int) string {
	for _, c := range ExitCodes() {
		if c.Code == code {
			return c.Cure
		}
	}
	return ""
}

// meaning is what an exit code says.
func meaning(code int) string {
	for _, c := range ExitCodes() {
		if c.Code == code {
			return c.Meaning
		}
	}
	const terminated = 1067 // ERROR_PROCESS_ABORTED, which the SCM sets itself
	if code == terminated {
		return "the process ended without telling the service manager"
	}
	return "a code of the system; see: net helpmsg " + strconv.Itoa(code)
}

// WriteExitCodes writes the table as the Markdown page configs/EXITCODES.md.
func WriteExitCodes(w io.Writer) error {
	if _, err := fmt.Fprint(w, `# Exit codes

The same for every command and for the service. On Windows the service control manager shows a
service that failed as error 1066 with this number as the service-specific code
(`+"`sc.exe query`, `holdfast service status`"+`).

| code | meaning | what to do |
| ---: | --- | --- |
`); err != nil {
		return err
	}
	for _, c := range ExitCodes() {
		if _, err := fmt.Fprintf(w, "| %d | %s | %s |\n", c.Code, c.Meaning, c.Cure); err != nil {
			return err
		}
	}
	return nil
}
