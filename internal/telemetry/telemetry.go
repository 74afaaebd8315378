// Package telemetry is how Holdfast tells about itself: its log (zap, to a rotated file and, in a
// console, to the person there), the gateway's access log, the Prometheus registry, and the lines
// and Event Log entries made from events.
//
// Log lines are JSON objects with timestamp, level, message, service and, where a request is
// concerned, trace_id. The service log is written through at once, so that the last line before a
// crash is on disk; the access log is buffered for up to a second.
package telemetry

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/DeRuina/timberjack"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"holdfast/internal/config"
)

// The access log's buffer: at most so much is lost by a crash.
const (
	accessBuffer = 256 << 10
	accessFlush  = time.Second
)

// Options are what Open needs.
type Options struct {
	Logging config.Logging
	// Service is the name in every line: the installation's name.
	Service string
	// Dir is the logs folder; it is made if missing.
	Dir string
	// Console, when set, receives the lines too, in the format of the configuration; Terminal says
	// that a person reads it.
	Console  io.Writer
	Terminal bool
	// Metrics counts the lines that could not be written (nil: nobody reads the count).
	Metrics prometheus.Registerer
}

// Logs are the open logs.
type Logs struct {
	// Log is the service log.
	Log *zap.Logger
	// Access is the access log; a no-op logger when it is off.
	Access *zap.Logger

	level   zap.AtomicLevel
	closers []func() error
}

// Open makes the logs folder and opens the logs in it.
func Open(o Options) (*Logs, error) {
	if err := os.MkdirAll(o.Dir, 0o750); err != nil {
		return nil, fmt.Errorf("logs folder: %w; make it writable for the service's account", err)
	}
	l := &Logs{level: zap.NewAtomicLevelAt(level(o.Logging.Level)), Access: zap.NewNop()}
	dropped := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "holdfast_own_log_lines_dropped_total",
		Help: "Lines of Holdfast's own logs that were dropped because their file could not be written.",
	}, []string{"log"})
	if o.Metrics != nil {
		o.Metrics.MustRegister(dropped)
	}
	// That the service log cannot be written is told where it does not need its file.
	console := zapcore.NewNopCore()
	if o.Console != nil {
		console = consoleCore(o, l.level)
	}
	service := zap.Fields(zap.String("service", o.Service))
	file := l.rotated(o, "holdfast", o.Logging.File, dropped, zap.New(console, service))
	l.Log = zap.New(zapcore.NewTee(zapcore.NewCore(jsonEncoder(), zapcore.AddSync(file), l.level), console), service)
	if o.Logging.Access.Enabled {
		buffered := &zapcore.BufferedWriteSyncer{
			WS:            zapcore.AddSync(l.rotated(o, "access", o.Logging.Access.File, dropped, l.Log)),
			Size:          accessBuffer,
			FlushInterval: accessFlush,
		}
		// Closed before the file under it.
		l.closers = append(l.closers, buffered.Stop)
		l.Access = zap.New(zapcore.NewCore(jsonEncoder(), buffered, zapcore.InfoLevel), service)
	}
	return l, nil
}

// SetLevel changes the level of the service log while it is in use.
func (l *Logs) SetLevel(to config.LogLevel) { l.level.SetLevel(level(to)) }

// Close writes what is buffered and closes the files.
func (l *Logs) Close() error {
	var errs []error
	for n := len(l.closers) - 1; n >= 0; n-- {
		errs = append(errs, l.closers[n]())
	}
	return errors.Join(errs...)
}

// rotated opens <name>.log, which is rotated by size. Its writer opens the file with the first line;
// tell hears when it cannot be written.
func (l *Logs) rotated(o Options, name string, limits config.RotatedFile, dropped *prometheus.CounterVec, tell *zap.Logger) io.Writer {
	file := &timberjack.Logger{
		Filename:   filepath.Join(o.Dir, name+".log"),
		MaxSize:    megabytes(limits.MaxSize),
		MaxBackups: limits.MaxFiles,
	}
	l.closers = append(l.closers, file.Close)
	return &lossy{
		file: file, service: o.Service, dropped: dropped.WithLabelValues(name),
		failed: func(err error) {
			tell.Error("a log file cannot be written, its lines are dropped until it can", zap.String("log", name), zap.Error(err))
		},
	}
}

// megabytes is timberjack's unit, at least one.
func megabytes(s config.Size) int { return int(max(int64(s)>>20, 1)) }

func level(l config.LogLevel) zapcore.Level {
	switch l {
	case config.LevelDebug:
		return zapcore.DebugLevel
	case config.LevelWarn:
		return zapcore.WarnLevel
	case config.LevelError:
		return zapcore.ErrorLevel
	case config.LevelInfo:
		return zapcore.InfoLevel
	}
	return zapcore.InfoLevel
}

func jsonEncoder() zapcore.Encoder {
	return zapcore.NewJSONEncoder(zapcore.EncoderConfig{
		TimeKey:        "timestamp",
		LevelKey:       "level",
		MessageKey:     "message",
		NameKey:        "logger",
		StacktraceKey:  "stacktrace",
		EncodeTime:     zapcore.RFC3339NanoTimeEncoder,
		EncodeLevel:    zapcore.LowercaseLevelEncoder,
		EncodeDuration: zapcore.SecondsDurationEncoder,
	})
}

func consoleCore(o Options, level zapcore.LevelEnabler) zapcore.Core {
	if o.Logging.Format == config.FormatConsole || (o.Logging.Format == config.FormatAuto && o.Terminal) {
		return newPersonCore(o.Console, level)
	}
	return zapcore.NewCore(jsonEncoder(), zapcore.Lock(zapcore.AddSync(o.Console)), level)
}

// NewRegistry makes the Prometheus registry with what concerns the process itself.
func NewRegistry(version, goVersion string) *prometheus.Registry {
	reg := prometheus.NewRegistry()
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "holdfast_build_info",
		Help:        "Always 1; its labels tell the version.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": goVersion},
	})
	info.Set(1)
	// Holdfast's own process has the standard names; holdfast_process_ is for the instances.
	reg.MustRegister(info, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return reg
}
