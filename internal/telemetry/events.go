package telemetry

import (
	"context"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"holdfast/internal/event"
)

// eventBuffer is how many events may wait for the log; more are dropped and counted by the bus.
const eventBuffer = 1024

// Events writes every event to the log, and hands it to notify for the Windows Event Log (nil: not).
type Events struct {
	sub    *event.Subscription
	log    *zap.Logger
	notify func(event.Event)
}

// NewEvents subscribes at once, so that nothing published before Run is lost.
func NewEvents(bus *event.Bus, log *zap.Logger, notify func(event.Event)) *Events {
	return &Events{sub: bus.Subscribe(eventBuffer), log: log, notify: notify}
}

// Run writes until ctx ends, and then what is still waiting.
func (e *Events) Run(ctx context.Context) error {
	defer context.AfterFunc(ctx, e.sub.Close)()
	var dropped uint64
	for ev := range e.sub.C {
		if n := e.sub.Dropped(); n > dropped {
			e.log.Warn("events were dropped before they reached the log", zap.Uint64("count", n-dropped))
			dropped = n
		}
		e.write(ev)
	}
	return nil
}

func (e *Events) write(ev event.Event) {
	fields := make([]zap.Field, 0, 8)
	fields = append(fields, zap.String("event", string(ev.Type)), zap.Uint64("event_id", ev.ID))
	if ev.App != "" {
		fields = append(fields, zap.String("app", ev.App))
	}
	if ev.Instance != "" {
		fields = append(fields, zap.String("instance", ev.Instance))
	}
	fields = append(fields, details(ev.Data)...)
	e.log.Log(severity(ev.Severity), ev.Message, fields...)
	if e.notify != nil {
		e.notify(ev)
	}
}

func severity(s event.Severity) zapcore.Level {
	switch s {
	case event.Error:
		return zapcore.ErrorLevel
	case event.Warning:
		return zapcore.WarnLevel
	case event.Info:
		return zapcore.InfoLevel
	}
	return zapcore.InfoLevel
}
