// Package secret keeps secrets out of whatever prints values.
package secret

import (
	"fmt"
	"io"
	"log/slog"
)

// Redacted is what a secret prints as.
const Redacted = "[redacted]"

// String is a secret text. The text sits behind a pointer, so that not even a
// printer that walks unexported fields shows it. Comparing two with == compares
// the pointers.
type String struct{ text *string }

// New returns the secret text.
func New(text string) String { return String{&text} }

// Reveal returns the text itself; "" for the zero String.
func (s String) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero reports whether the text is empty.
func (s String) IsZero() bool { return s.Reveal() == "" }

// Format prints Redacted, whatever the verb; fmt itself answers %p and %T, with
// an address and a type.
func (String) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Redacted) }

// LogValue logs Redacted.
func (String) LogValue() slog.Value { return slog.StringValue(Redacted) }

// MarshalText encodes Redacted, in JSON too.
func (String) MarshalText() ([]byte, error) { return []byte(Redacted), nil }
