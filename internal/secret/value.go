// Package secret keeps values that must not be shown. So far it holds the type that cannot print
// itself; the stores (DPAPI, key file) move in here too.
package secret

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"unique"
)

// Mask is what a Value shows instead of itself.
const Mask = "******"

// Value is a string that no printer, encoder or logger can reveal by accident. The zero Value is
// the empty string. Two Values are equal (==) when their contents are.
//
// The text is behind a handle because package fmt looks through a struct's fields itself, without
// asking their methods, when a verb does not fit.
type Value struct{ text unique.Handle[string] }

// New wraps text.
func New(text string) Value {
	if text == "" {
		return Value{}
	}
	return Value{unique.Make(text)}
}

// Reveal returns the text. Call it only where the text is used.
func (v Value) Reveal() string {
	if v.IsZero() {
		return ""
	}
	return v.text.Value()
}

// IsZero reports whether the text is empty.
func (v Value) IsZero() bool { return v == Value{} }

// UnmarshalText lets configuration decoders fill a Value.
func (v *Value) UnmarshalText(text []byte) error {
	*v = New(string(text))
	return nil
}

// String implements fmt.Stringer.
func (v Value) String() string { return Mask }

// GoString implements fmt.GoStringer.
func (v Value) GoString() string { return Mask }

// Format masks every verb, also %x and %q.
func (v Value) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(Mask)) }

// MarshalText implements encoding.TextMarshaler.
func (v Value) MarshalText() ([]byte, error) { return []byte(Mask), nil }

// MarshalJSON implements json.Marshaler.
func (v Value) MarshalJSON() ([]byte, error) { return json.Marshal(Mask) }

// MarshalYAML implements the YAML encoder's interface.
func (v Value) MarshalYAML() (any, error) { return Mask, nil }

// LogValue implements slog.LogValuer.
func (v Value) LogValue() slog.Value { return slog.StringValue(Mask) }
