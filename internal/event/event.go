// Package event tells what happened. Rooms publish typed bodies; a bounded Bus gives every body an
// id and a time, keeps the newest in memory and hands them to subscribers.
//
// Publishing never blocks: a subscriber that does not keep up loses events and is told how many
// (Subscription.Dropped), and traffic never depends on the Bus. The Bus owns no goroutine.
package event

import (
	"strconv"
	"time"
)

// Type names a kind of event; it is public ("instance.exited").
type Type string

// Severity orders events by what an administrator should do about them.
type Severity string

const (
	// Info needs nothing to be done.
	Info Severity = "info"
	// Warning was handled, and deserves a look.
	Warning Severity = "warning"
	// Error needs a person.
	Error Severity = "error"
)

// rank orders severities; an unknown one is below all.
func (s Severity) rank() int {
	switch s {
	case Error:
		return 3
	case Warning:
		return 2
	case Info:
		return 1
	default:
		return 0
	}
}

// Body is what happened: a struct of its own for every Type. All bodies are in this package.
type Body interface {
	Type() Type
	Severity() Severity
	// Message says it in one sentence for a person, without the subject's name.
	Message() string
	// subject is the app and instance it is about; both are empty for the service itself.
	subject() (app, instance string)
}

// Event is a Body with its place in history.
type Event struct {
	// ID counts from 1 since Holdfast started.
	ID       uint64    `json:"id"`
	Time     time.Time `json:"time"`
	Type     Type      `json:"type"`
	Severity Severity  `json:"severity"`
	App      string    `json:"app,omitempty"`
	Instance string    `json:"instance,omitempty"`
	Message  string    `json:"message"`
	// Data is the Body, with its own fields.
	Data any `json:"data,omitempty"`
}

// About is the part of a body that says which app, and which of its instances if only one, it is
// about.
type About struct {
	App      string `json:"-"`
	Instance string `json:"-"`
}

func (a About) subject() (string, string) { return a.App, a.Instance }

// itself is embedded in bodies about Holdfast itself.
type itself struct{}

func (itself) subject() (string, string) { return "", "" }

// Seconds is a time span that is a number of seconds in JSON.
type Seconds time.Duration

// MarshalJSON implements json.Marshaler.
func (s Seconds) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, time.Duration(s).Seconds(), 'f', -1, 64), nil
}

// String rounds to milliseconds.
func (s Seconds) String() string { return time.Duration(s).Round(time.Millisecond).String() }
