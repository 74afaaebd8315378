package config

import (
	"runtime"
	"time"
)

const (
	second = Duration(time.Second)
	minute = Duration(time.Minute)
)

// Default is what an empty configuration means. It and the Default functions of this file are the
// only place where defaults are written down.
func Default() Config {
	file := RotatedFile{MaxSize: 50 << 20, MaxFiles: 10}
	web := DefaultListener()
	web.Address = ":8080"
	return Config{
		Version:    Version,
		Management: Management{Address: "127.0.0.1:9180"},
		Listeners:  map[string]Listener{"web": web},
		Logging: Logging{
			Level:  LevelInfo,
			Format: FormatAuto,
			File:   file,
			Access: AccessLog{Enabled: true, File: file},
		},
	}
}

// DefaultListener is what a listener is without its address.
func DefaultListener() Listener {
	return Listener{
		HTTP2:             true,
		ReadHeaderTimeout: 10 * second,
		IdleTimeout:       2 * minute,
		MaxHeaderSize:     32 << 10,

		MaxConnections: 10000, MaxConnectionsPerClient: 1000, MaxStreams: 250, MinDataRate: 240,
	}
}

// DefaultApp is what an app is without its command and directory, and before the probes that
// DefaultProbe adds to an app with a port.
func DefaultApp() App {
	return App{
		Port:      PortAuto,
		Instances: 1,
		Autostart: true,
		Restart: Restart{
			Policy:         RestartAlways,
			Backoff:        second,
			MaxBackoff:     minute,
			MaxRestarts:    10,
			Window:         5 * minute,
			ResetAfter:     10 * second,
			NoRestartCodes: []int64{125},
			Overlap:        true,
		},
		Stop:   Stop{Method: defaultStopMethod(), Drain: 10 * second, Grace: 15 * second},
		Output: Output{File: Default().Logging.File, Encoding: EncodingAuto},
	}
}

func defaultStopMethod() StopMethod {
	if runtime.GOOS == "windows" {
		return StopCtrlC
	}
	return StopSigterm
}

// DefaultProbe is an HTTP or TCP probe: the startup probe, or one of the two others.
func DefaultProbe(startup, http bool) Probe {
	p := Probe{TCPSocket: &TCPSocket{}, Period: 5 * second, Timeout: second, FailureThreshold: 2, SuccessThreshold: 1}
	if http {
		p = Probe{HTTPGet: &HTTPGet{Path: "/"}, Period: 10 * second, Timeout: 2 * second, FailureThreshold: 3, SuccessThreshold: 1}
	}
	if startup {
		p.Period, p.FailureThreshold = second, 60
	}
	return p
}

// DefaultOnFailure is an on_failure without its command.
func DefaultOnFailure() OnFailure { return OnFailure{Timeout: 30 * second} }
