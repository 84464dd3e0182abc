package connections

import "log/slog"

const masked = "***"

// Secret is text that must not be shown. It prints as "***" through fmt, slog,
// JSON and YAML; [Secret.Reveal] is the only way to the text itself.
type Secret string

// Reveal returns the secret text.
func (s Secret) Reveal() string { return string(s) }

// String returns "***".
func (s Secret) String() string { return masked }

// GoString returns "***".
func (s Secret) GoString() string { return masked }

// LogValue returns "***".
func (s Secret) LogValue() slog.Value { return slog.StringValue(masked) }

// MarshalJSON encodes "***".
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + masked + `"`), nil }

// MarshalYAML encodes "***".
func (s Secret) MarshalYAML() (any, error) { return masked, nil }
