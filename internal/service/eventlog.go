package service

import (
	"fmt"
	"strings"
)

// EventLog is where a Windows administrator looks first. OpenEventLog gives the system's; elsewhere
// it keeps nothing, because the journal has standard error already.
type EventLog interface {
	// Write adds one entry; id is one of EventIDs.
	Write(level Level, id uint32, text string) error
	Close() error
}

// eventTextMax is less than what ReportEvent takes of one string: 31839 characters.
const eventTextMax = 30000

// eventText is text as an entry can hold it: ReportEvent ends at a zero character, and the viewer
// reads "%1" as a parameter.
func eventText(text string) string {
	var b strings.Builder
	n := 0
	for i, r := range text {
		if n++; n > eventTextMax {
			b.WriteString(" …")
			break
		}
		if r == 0 {
			r = ' '
		}
		b.WriteRune(r)
		if r == '%' && i+1 < len(text) && text[i+1] >= '0' && text[i+1] <= '9' {
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// endingEntry is the last word about a service.
func endingEntry(name string, e ending) (level Level, id uint32, text string) {
	switch {
	case e.err == nil:
		return LevelInfo, eventStopped, name + " has stopped."
	case e.asked:
		level, id, text = LevelWarning, eventStopFailed, name+" was stopped but did not end in good order"
	case e.ready:
		level, id, text = LevelError, eventEnded, name+" ended although nobody asked it to"
	default:
		level, id, text = LevelError, eventStartFailed, name+" could not start"
	}
	text = fmt.Sprintf("%s: %v.\n\nWhat to do: %s\n\nExit code %d.", text, e.err, cure(e.code), e.code)
	return level, id, text
}
