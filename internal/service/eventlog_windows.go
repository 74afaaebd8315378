package service

import (
	"fmt"

	"golang.org/x/sys/windows/svc/eventlog"
)

// OpenEventLog opens the Application log for entries of id. A source that is not registered is no
// error: its entries then lack their wording around the text.
func OpenEventLog(id Identity) (EventLog, error) {
	log, err := eventlog.Open(id.EventSource())
	if err != nil {
		return nil, fmt.Errorf("event source %s: open: %w", id.EventSource(), err)
	}
	return windowsEventLog{log}, nil
}

type windowsEventLog struct{ log *eventlog.Log }

func (l windowsEventLog) Write(level Level, id uint32, text string) error {
	write := l.log.Info
	switch level {
	case LevelWarning:
		write = l.log.Warning
	case LevelError:
		write = l.log.Error
	case LevelInfo:
	}
	if err := write(id, eventText(text)); err != nil {
		return fmt.Errorf("event %d: write: %w", id, err)
	}
	return nil
}

func (l windowsEventLog) Close() error { return l.log.Close() }

// writeEnding leaves the last word about a service.
func writeEnding(id Identity, e ending) error {
	log, err := OpenEventLog(id)
	if err != nil {
		return err
	}
	level, event, text := endingEntry(id.Name, e)
	if err := log.Write(level, event, text); err != nil {
		_ = log.Close()
		return err
	}
	return log.Close()
}
