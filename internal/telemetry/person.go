package telemetry

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"go.uber.org/zap/zapcore"
)

// personCore writes short lines for a person in a console: the time, the level unless it is info,
// what it is about, the message, and the error or the request if there is one. The files have everything.
type personCore struct {
	zapcore.LevelEnabler
	mu  *sync.Mutex
	out io.Writer
	// about is the app, instance or listener given by With.
	about string
}

func newPersonCore(out io.Writer, level zapcore.LevelEnabler) zapcore.Core {
	return &personCore{LevelEnabler: level, mu: &sync.Mutex{}, out: out}
}

// With implements zapcore.Core.
func (c *personCore) With(fields []zapcore.Field) zapcore.Core {
	clone := *c
	if about, _ := telling(fields); about != "" {
		clone.about = about
	}
	return &clone
}

// Check implements zapcore.Core.
func (c *personCore) Check(e zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) {
		return checked.AddCore(e, c)
	}
	return checked
}

// Write implements zapcore.Core.
func (c *personCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	about, failure := telling(fields)
	if about == "" {
		about = c.about
	}
	var b strings.Builder
	b.WriteString(e.Time.Format("15:04:05.000 "))
	if e.Level != zapcore.InfoLevel {
		b.WriteString(e.Level.CapitalString() + " ")
	}
	if about != "" {
		b.WriteString(about + " ")
	}
	b.WriteString(harmless(e.Message))
	if failure != "" {
		b.WriteString(": " + harmless(failure))
	}
	if call := called(fields); call != "" {
		b.WriteString(": " + call)
	}
	b.WriteByte('\n')
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := io.WriteString(c.out, b.String())
	return err
}

// Sync implements zapcore.Core.
func (c *personCore) Sync() error { return nil }

// maxText bounds what a person is told in one go, in characters: a message may quote what a program
// wrote.
const maxText = 400

// harmless keeps what came from a program from driving the terminal, and from taking a screenful.
func harmless(text string) string {
	if len(text) <= maxText && !strings.ContainsFunc(text, unicode.IsControl) {
		return text
	}
	var b strings.Builder
	n := 0
	for _, r := range text {
		if n++; n > maxText {
			b.WriteString("...")
			break
		}
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			b.WriteByte(' ')
		case unicode.IsControl(r):
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// called is the request of a line about one: "POST /api/v1/config/reload 422".
func called(fields []zapcore.Field) string {
	var method, path, code string
	for _, f := range fields {
		switch f.Key {
		case "method":
			method = f.String
		case "path":
			path = " " + f.String
		case "status":
			code = " " + strconv.FormatInt(f.Integer, 10)
		}
	}
	if method == "" {
		return ""
	}
	return method + path + code
}

// telling picks the fields that a person needs.
func telling(fields []zapcore.Field) (about, failure string) {
	for _, f := range fields {
		switch f.Key {
		case "instance", "listener", "certificate":
			about = f.String
		case "app":
			if about == "" {
				about = f.String
			}
		case "error":
			if err, ok := f.Interface.(error); ok {
				failure = err.Error()
			}
		}
	}
	return about, failure
}
