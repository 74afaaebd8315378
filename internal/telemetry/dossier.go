package telemetry

import (
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"holdfast/internal/event"
	"holdfast/internal/status"
)

// details are the fields of an event besides what it is about. The end of a process has typed ones,
// under the names of the API, so that a log store can count and compare them: exit.reason,
// exit.usage.memory_bytes and so on.
func details(body any) []zap.Field {
	switch b := body.(type) {
	case event.InstanceExited:
		return []zap.Field{zap.Object("exit", dossier(b.Exit)), zap.Int("orphans", b.Orphans), zap.String("next", b.Next)}
	case event.InstanceStopped:
		if b.Exit.Graceful { // as it was asked to: nobody has to find out why
			b.Exit.LastLines, b.Exit.Probes = nil, nil
		}
		return []zap.Field{zap.Object("exit", dossier(b.Exit)), zap.Int("killed", b.Killed)}
	case event.InstanceStartFailed:
		return []zap.Field{zap.Object("exit", dossier(b.Exit)), zap.String("next", b.Next)}
	case event.InstanceCrashLoop:
		return []zap.Field{zap.Object("exit", dossier(b.Exit)), zap.Int("restarts", b.Restarts), zap.Float64("window_seconds", time.Duration(b.Window).Seconds())}
	default:
		return []zap.Field{zap.Any("data", body)}
	}
}

// dossier is all that is known about the end of a process. What is not known is left out.
type dossier status.Exit

// MarshalLogObject implements zapcore.ObjectMarshaler.
func (d dossier) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	enc.AddString("reason", string(d.Reason))
	enc.AddInt64("code", d.Code)
	text := func(key, value string) {
		if value != "" {
			enc.AddString(key, value)
		}
	}
	text("signal", d.Signal)
	text("text", d.Text)
	text("cause", d.Cause)
	if d.PID != 0 {
		enc.AddInt("pid", d.PID)
	}
	if !d.StartedAt.IsZero() {
		enc.AddTime("started_at", d.StartedAt)
		enc.AddFloat64("lived_seconds", d.EndedAt.Sub(d.StartedAt).Seconds())
	}
	enc.AddTime("ended_at", d.EndedAt)
	enc.AddBool("graceful", d.Graceful)
	if d.Port != 0 {
		enc.AddInt("port", d.Port)
	}
	text("port_holder", d.PortHolder)
	text("advice", d.Advice)
	text("next", d.Next)
	if d.Usage != nil {
		if err := enc.AddObject("usage", usage(*d.Usage)); err != nil {
			return err
		}
	}
	if len(d.Probes) > 0 {
		if err := enc.AddArray("probes", probes(d.Probes)); err != nil {
			return err
		}
	}
	if len(d.LastLines) > 0 {
		return enc.AddArray("last_lines", written(d.LastLines))
	}
	return nil
}

// usage is what a process used.
type usage status.Usage

// MarshalLogObject implements zapcore.ObjectMarshaler.
func (u usage) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	enc.AddFloat64("cpu", u.CPU)
	enc.AddFloat64("cpu_seconds", u.CPUSeconds)
	enc.AddUint64("memory_bytes", u.Memory)
	if u.PeakMemory != 0 {
		enc.AddUint64("peak_memory_bytes", u.PeakMemory)
	}
	enc.AddInt("handles", u.Handles)
	enc.AddInt("threads", u.Threads)
	enc.AddInt("processes", u.Processes)
	return nil
}

// probes are checks, oldest first.
type probes []status.ProbeResult

// MarshalLogArray implements zapcore.ArrayMarshaler.
func (p probes) MarshalLogArray(enc zapcore.ArrayEncoder) error {
	for _, r := range p {
		if err := enc.AppendObject(probeResult(r)); err != nil {
			return err
		}
	}
	return nil
}

type probeResult status.ProbeResult

// MarshalLogObject implements zapcore.ObjectMarshaler.
func (r probeResult) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	enc.AddTime("time", r.Time)
	enc.AddString("probe", r.Probe)
	enc.AddFloat64("seconds", r.Seconds)
	if r.Error != "" {
		enc.AddString("error", r.Error)
	}
	return nil
}

// written are lines of a program.
type written []string

// MarshalLogArray implements zapcore.ArrayMarshaler.
func (l written) MarshalLogArray(enc zapcore.ArrayEncoder) error {
	for _, text := range l {
		enc.AppendString(text)
	}
	return nil
}
