package service

import (
	"fmt"
	"io"
)

// Level is the kind of an Event Log entry.
type Level string

// The levels of the Event Log.
const (
	LevelInfo    Level = "information"
	LevelWarning Level = "warning"
	LevelError   Level = "error"
)

// EventID gives one type of event its number in the Event Log. Numbers are public, lie between 1
// and 999 (the messages of EventCreate.exe, which displays our entries, end at 1000), and are never
// used for anything else: 1xx service, 2xx config, 3xx app, 4xx TLS and authentication, 5xx rollout.
type EventID struct {
	ID    uint32
	Type  string // the event's type on the bus: "instance.crash_loop"
	Level Level
	// Meaning is what happened; Cure is what to do about it, empty when nothing is to be done.
	Meaning, Cure string
}

// The events of this package itself.
const (
	eventStopped     = 101
	eventStartFailed = 110
	eventEnded       = 111
	eventStopFailed  = 112
)

// The events of the package's setup program.
const (
	EventInstalled    = 130
	EventUpgraded     = 131
	EventRemoved      = 132
	EventChanged      = 133
	EventSetupWarning = 138
	EventSetupFailed  = 139
)

// EventIDs is the table of all entries that Holdfast writes into the Event Log, in ascending order.
func EventIDs() []EventID {
	return []EventID{
		{100, "service.started", LevelInfo, "the service runs", ""},
		{eventStopped, "service.stopped", LevelInfo, "the service stopped as asked", ""},
		{eventStartFailed, "service.start_failed", LevelError, "the service could not start", "Do what the entry says, then: holdfast service start."},
		{eventEnded, "service.failed", LevelError, "the service ended although nobody asked it to", "Recovery starts it again; the entry and the service's log say why it ended."},
		{eventStopFailed, "service.stop_failed", LevelWarning, "the service was stopped but did not end in good order", "The service's log has the details."},
		{113, "service.leftovers_killed", LevelWarning, "processes that an earlier, killed run had left behind were ended", ""},
		{120, "gateway.paused", LevelWarning, "the gateway answers 503 until it is continued; apps keep running", "holdfast service continue"},
		{121, "gateway.resumed", LevelInfo, "the gateway serves again", ""},
		{EventInstalled, "setup.installed", LevelInfo, "the package was installed", ""},
		{EventUpgraded, "setup.upgraded", LevelInfo, "the package replaced another version of itself", ""},
		{EventRemoved, "setup.removed", LevelInfo, "the package was removed; the entry says whether its data was kept", ""},
		{EventChanged, "setup.changed", LevelInfo, "the package was repaired, or installed again with other properties", ""},
		{EventSetupWarning, "setup.warning", LevelWarning, "the package did its work, but not all of it", "Do by hand what the entry says."},
		{EventSetupFailed, "setup.failed", LevelError, "an installation, upgrade or removal could not be done; Windows Installer puts back what was before", "Do what the entry says and run it again; msiexec /l*v FILE tells every step."},

		{200, "config.reloaded", LevelInfo, "a new configuration is in force", ""},
		{210, "config.rejected", LevelError, "a new configuration was refused; the last good one stays", "holdfast check"},

		{300, "app.recovered", LevelInfo, "an app that was down serves again", ""},
		{301, "app.down", LevelError, "no instance of an app is ready", "holdfast status APP"},
		{302, "app.restart_failed", LevelError, "a restart led nowhere and was given up; what was not restarted yet runs on as it was", "Correct what the entry says, then: holdfast restart APP"},
		{303, "app.replacement_started", LevelWarning, "an additional instance stands in for one that is in a crash loop", "holdfast logs INSTANCE"},
		{304, "app.maintenance_on", LevelWarning, "an app's requests are answered 503, and nothing of it is restarted", "holdfast maintenance off APP"},
		{305, "app.maintenance_off", LevelInfo, "the maintenance of an app ended", ""},
		{310, "instance.exited", LevelWarning, "an instance ended unasked and is started again as its policy says", "holdfast logs INSTANCE"},
		{311, "instance.crash_loop", LevelError, "an instance keeps ending; it is tried once per window", "holdfast logs INSTANCE; then correct the program or its configuration"},
		{312, "instance.start_failed", LevelError, "an instance's program could not be started", "Correct command, directory or rights as the entry says."},
		{313, "instance.output_dropped", LevelWarning, "an instance wrote faster than its log could be kept; lines are missing", ""},
		{314, "instance.memory_limit", LevelWarning, "an instance used more than limits.memory; it is restarted as its policy says", "Find its leak or raise limits.memory."},
		{320, "limits.not_enforced", LevelWarning, "limits are configured that this system does not enforce", "Do what the entry says, or remove the limits."},
		{321, "state.set_aside", LevelError, "the file of scaled numbers and maintenance could not be read; the configuration's numbers count", "Scale and begin maintenance anew where it is wanted."},
		{330, "circuit.opened", LevelWarning, "a route's upstream fails; it is not asked for a while", "Find out why it fails: holdfast logs APP. The route's circuit_breaker says what counts."},
		{331, "circuit.closed", LevelInfo, "a route's upstream that failed answers well again", ""},
		{332, "upstream.ejected", LevelWarning, "a target of a route failed where others did not; it gets no requests for a while", "Find out why it fails: holdfast logs INSTANCE. The route's outlier says what counts."},
		{333, "upstream.returned", LevelInfo, "a target that was taken out of a route's balancing is back", ""},

		{400, "certificate.reloaded", LevelInfo, "a changed certificate is in force", ""},
		{410, "certificate.rejected", LevelError, "a changed certificate was refused; the last good one stays", "Correct the files that the entry names."},
		{411, "certificate.renewed", LevelInfo, "Holdfast has made, issued or obtained a new certificate, which is in force", ""},
		{412, "certificate.expiring", LevelWarning, "the end of a certificate is near", "Renew it; holdfast cert ls says who renews which."},
		{413, "certificate.failed", LevelError, "a certificate could not be made, issued or obtained; Holdfast tries again", "Do what the entry says; holdfast cert ls says when it is tried again."},
	}
}

// EventIDOf finds the row of an event type; false says that it is not for the Event Log.
func EventIDOf(eventType string) (EventID, bool) {
	for _, e := range EventIDs() {
		if e.Type == eventType {
			return e, true
		}
	}
	return EventID{}, false
}

// WriteEventIDs writes the table as the Markdown page configs/EVENTS.md.
func WriteEventIDs(w io.Writer) error {
	if _, err := fmt.Fprint(w, `# Entries in the Windows Event Log

Log Application, source as the installation is named (Holdfast). Filter by these numbers:
1xx service, 2xx config, 3xx apps, 4xx TLS and authentication, 5xx rollouts. A number never changes its meaning.

| id | level | event | meaning | what to do |
| ---: | --- | --- | --- | --- |
`); err != nil {
		return err
	}
	for _, e := range EventIDs() {
		if _, err := fmt.Fprintf(w, "| %d | %s | %s | %s | %s |\n", e.ID, e.Level, e.Type, e.Meaning, e.Cure); err != nil {
			return err
		}
	}
	return nil
}
