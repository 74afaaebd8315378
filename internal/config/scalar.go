package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Scalars implement encoding.TextUnmarshaler; their errors name the allowed values, because they
// are shown to a person as they are.

// Duration is a time span with a unit: 500ms, 30s, 5m, 1h30m.
type Duration time.Duration

// D is the span as the standard library's type.
func (d Duration) D() time.Duration { return time.Duration(d) }

// UnmarshalText reads a span with its unit; 0 needs none.
func (d *Duration) UnmarshalText(text []byte) error {
	s := string(text)
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 {
		return fmt.Errorf("%q is not a duration: write a number with a unit, such as 500ms, 30s, 5m or 1h30m", s)
	}
	*d = Duration(v)
	return nil
}

// MarshalText writes the span with its unit, without the zero parts of time.Duration's own form.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// String is the shortest form: 1m, not 1m0s.
func (d Duration) String() string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// Size is a number of bytes with a unit: 64KiB, 50MiB, 1GiB, 10MB; a plain number is bytes.
type Size int64

// sizeUnits in the order in which String tries them; longer suffixes first for parsing.
func sizeUnits() []struct {
	suffix string
	bytes  int64
} {
	return []struct {
		suffix string
		bytes  int64
	}{
		{"TiB", 1 << 40},
		{"GiB", 1 << 30},
		{"MiB", 1 << 20},
		{"KiB", 1 << 10},
		{"TB", 1e12},
		{"GB", 1e9},
		{"MB", 1e6},
		{"KB", 1e3},
		{"B", 1},
	}
}

// UnmarshalText reads a number with an optional unit.
func (s *Size) UnmarshalText(text []byte) error {
	in := strings.TrimSpace(string(text))
	number, factor := in, int64(1)
	for _, u := range sizeUnits() {
		if rest, ok := strings.CutSuffix(in, u.suffix); ok {
			number, factor = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	v, err := strconv.ParseFloat(number, 64)
	if err != nil || v < 0 || math.IsNaN(v) || v*float64(factor) >= math.MaxInt64 {
		return fmt.Errorf("%q is not a size: write a number with a unit, such as 64KiB, 50MiB or 1GiB", in)
	}
	*s = Size(v * float64(factor))
	return nil
}

// MarshalText writes the size with the largest binary unit that divides it.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// String is the size with the largest binary unit that divides it.
func (s Size) String() string {
	for _, u := range sizeUnits()[:4] {
		if s != 0 && int64(s)%u.bytes == 0 {
			return strconv.FormatInt(int64(s)/u.bytes, 10) + u.suffix
		}
	}
	return strconv.FormatInt(int64(s), 10) + "B"
}

// Port is auto (PortAuto), none (PortNone) or a TCP port number.
type Port int

const (
	// PortAuto lets Holdfast choose a free port from 20000 to 29999.
	PortAuto Port = 0
	// PortNone is for a program that listens nowhere.
	PortNone Port = -1
)

// UnmarshalText reads auto, none or a number from 1 to 65535.
func (p *Port) UnmarshalText(text []byte) error {
	switch s := string(text); s {
	case "auto":
		*p = PortAuto
	case "none":
		*p = PortNone
	default:
		v, err := strconv.Atoi(s)
		if err != nil || v < 1 || v > 65535 {
			return fmt.Errorf("%q is not a port: write auto, none or a number from 1 to 65535", s)
		}
		*p = Port(v)
	}
	return nil
}

// MarshalText is the inverse of UnmarshalText.
func (p Port) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// String is auto, none or the number.
func (p Port) String() string {
	switch p {
	case PortAuto:
		return "auto"
	case PortNone:
		return "none"
	default:
		return strconv.Itoa(int(p))
	}
}

// Cores is an amount of processor time per time: 1.5 is one and a half processors.
type Cores float64

// UnmarshalText reads a number from 0 to 4096.
func (c *Cores) UnmarshalText(text []byte) error {
	v, err := strconv.ParseFloat(string(text), 64)
	if err != nil || v < 0 || v > 4096 || v != 0 && v < 0.01 || math.IsNaN(v) {
		return fmt.Errorf("%q is not a number of processors: write a number such as 0.5 or 2", text)
	}
	*c = Cores(v)
	return nil
}

// MarshalText is the inverse of UnmarshalText.
func (c Cores) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// String is the number.
func (c Cores) String() string { return strconv.FormatFloat(float64(c), 'f', -1, 64) }

// Number is a count or a rate: 0.5, 2000.
type Number float64

// UnmarshalText reads a number from 0 to 1e9.
func (n *Number) UnmarshalText(text []byte) error {
	v, err := strconv.ParseFloat(string(text), 64)
	if err != nil || v < 0 || v > 1e9 || math.IsNaN(v) {
		return fmt.Errorf("%q is not a number from 0 to 1000000000: write a number such as 0.5 or 2000", text)
	}
	*n = Number(v)
	return nil
}

// MarshalText is the inverse of UnmarshalText.
func (n Number) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// String is the number.
func (n Number) String() string { return strconv.FormatFloat(float64(n), 'f', -1, 64) }

// Ratio is a part of a whole: 0.1 is a tenth.
type Ratio float64

// UnmarshalText reads a number from 0 to 1.
func (r *Ratio) UnmarshalText(text []byte) error {
	v, err := strconv.ParseFloat(string(text), 64)
	if err != nil || v < 0 || v > 1 || math.IsNaN(v) {
		if percent, ok := strings.CutSuffix(string(text), "%"); ok {
			if p, err := strconv.ParseFloat(percent, 64); err == nil && p >= 0 && p <= 100 {
				return fmt.Errorf("%q is not a ratio: write %s", text, strconv.FormatFloat(p/100, 'f', -1, 64))
			}
		}
		return fmt.Errorf("%q is not a ratio: write a number from 0 to 1, such as 0.5", text)
	}
	*r = Ratio(v)
	return nil
}

// MarshalText is the inverse of UnmarshalText.
func (r Ratio) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// String is the number.
func (r Ratio) String() string { return strconv.FormatFloat(float64(r), 'f', -1, 64) }

// OneOrMany is a list that may be written as a single value.
type OneOrMany []string

// The enumerations. Each has its values in one function, which the reader, the JSON schema and the
// reference page use.
type (
	// LogLevel is the least severe level that is logged.
	LogLevel string
	// LogFormat is the form of the console's log lines.
	LogFormat string
	// RestartPolicy says after which ends an app is restarted.
	RestartPolicy string
	// StopMethod is how a program is asked to end.
	StopMethod string
	// Balance picks one of an app's ready instances.
	Balance string
	// Encoding is how a program encodes what it writes.
	Encoding string
	// Protocol is what a route's targets are spoken to in.
	Protocol string
	// FlowControl is what happens to requests beyond a rate.
	FlowControl string
	// BreakerStrategy is what opens a circuit breaker.
	BreakerStrategy string
	// CertificateMode says whether a client needs a certificate.
	CertificateMode string
	// StoreLocation is one of the two roots of the Windows certificate stores.
	StoreLocation string
	// Challenge is how an ACME authority is shown that a name is ours.
	Challenge string
)

// The values of the enumerations.
const (
	LevelDebug LogLevel = "debug"
	LevelInfo  LogLevel = "info"
	LevelWarn  LogLevel = "warn"
	LevelError LogLevel = "error"

	FormatAuto    LogFormat = "auto"
	FormatJSON    LogFormat = "json"
	FormatConsole LogFormat = "console"

	RestartAlways    RestartPolicy = "always"
	RestartOnFailure RestartPolicy = "on_failure"
	RestartNever     RestartPolicy = "never"

	StopSigterm    StopMethod = "sigterm"
	StopCtrlC      StopMethod = "ctrl_c"
	StopCtrlBreak  StopMethod = "ctrl_break"
	StopStdinClose StopMethod = "stdin_close"
	StopHTTPCall   StopMethod = "http"

	RoundRobin Balance = "round_robin"
	LeastConn  Balance = "least_conn"
	RandomTwo  Balance = "random_two"
	Hash       Balance = "hash"

	ProtocolHTTP1 Protocol = "http1"
	ProtocolH2    Protocol = "h2"
	ProtocolH2C   Protocol = "h2c"

	FlowReject         FlowControl = "reject"
	FlowThrottle       FlowControl = "throttle"
	FlowWarmUp         FlowControl = "warm_up"
	FlowWarmUpThrottle FlowControl = "warm_up_throttle"

	ErrorRatio BreakerStrategy = "error_ratio"
	ErrorCount BreakerStrategy = "error_count"
	SlowRatio  BreakerStrategy = "slow_ratio"

	CertificateRequire CertificateMode = "require"
	CertificateRequest CertificateMode = "request"

	LocalMachine StoreLocation = "LocalMachine"
	CurrentUser  StoreLocation = "CurrentUser"

	ChallengeHTTP    Challenge = "http"
	ChallengeTLSALPN Challenge = "tls_alpn"

	EncodingAuto    Encoding = "auto"
	EncodingUTF8    Encoding = "utf-8"
	EncodingUTF16LE Encoding = "utf-16le"
	EncodingUTF16BE Encoding = "utf-16be"
	EncodingOEM     Encoding = "oem"
	EncodingANSI    Encoding = "ansi"
	EncodingGBK     Encoding = "gbk"
	EncodingGB18030 Encoding = "gb18030"
	EncodingBig5    Encoding = "big5"
	EncodingSJIS    Encoding = "shift_jis"
	EncodingEUCKR   Encoding = "euc-kr"
	EncodingCP437   Encoding = "cp437"
	EncodingCP850   Encoding = "cp850"
	EncodingCP866   Encoding = "cp866"
	EncodingCP1251  Encoding = "windows-1251"
	EncodingCP1252  Encoding = "windows-1252"
)

// Values lists what may be written for a LogLevel.
func (LogLevel) Values() []string { return []string{"debug", "info", "warn", "error"} }

// Values lists what may be written for a LogFormat.
func (LogFormat) Values() []string { return []string{"auto", "json", "console"} }

// Values lists what may be written for a RestartPolicy.
func (RestartPolicy) Values() []string { return []string{"always", "on_failure", "never"} }

// Values lists what may be written for a StopMethod.
func (StopMethod) Values() []string {
	return []string{"sigterm", "ctrl_c", "ctrl_break", "stdin_close", "http"}
}

// Values lists what may be written for a Balance.
func (Balance) Values() []string { return []string{"round_robin", "least_conn", "random_two", "hash"} }

// Values lists what may be written for a Protocol.
func (Protocol) Values() []string { return []string{"http1", "h2", "h2c"} }

// Values lists what may be written for a FlowControl.
func (FlowControl) Values() []string {
	return []string{"reject", "throttle", "warm_up", "warm_up_throttle"}
}

// Values lists what may be written for a BreakerStrategy.
func (BreakerStrategy) Values() []string { return []string{"error_ratio", "error_count", "slow_ratio"} }

// Values lists what may be written for a CertificateMode.
func (CertificateMode) Values() []string { return []string{"require", "request"} }

// Values lists what may be written for a StoreLocation.
func (StoreLocation) Values() []string { return []string{"LocalMachine", "CurrentUser"} }

// Values lists what may be written for a Challenge.
func (Challenge) Values() []string { return []string{"tls_alpn", "http"} }

// Values lists what may be written for an Encoding. On Linux, which has no code pages, oem and ansi are
// the encoding of the locale.
func (Encoding) Values() []string {
	return []string{
		"auto", "utf-8", "utf-16le", "utf-16be", "oem", "ansi", "gbk", "gb18030", "big5", "shift_jis", "euc-kr",
		"cp437", "cp850", "cp866", "windows-1251", "windows-1252",
	}
}
