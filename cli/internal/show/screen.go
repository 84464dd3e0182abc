package show

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// colour is what programs write to colour text (SGR). It means nothing beyond that, so it
// is left out where other escapes are shown.
var colour = regexp.MustCompile("\x1b\\[[0-9;:]*m")

// Harmless makes text that comes from tasks and services fit to be shown on a terminal:
// colours are left out, and every other control character is shown instead of obeyed, as
// cat -v does, so that a log can neither rewrite the screen nor answer for the person
// before it. Line feeds and tabs stay, and so does a carriage return before a line feed.
func Harmless(text string) string {
	if strings.IndexFunc(text, suspect) < 0 {
		return text
	}
	text = colour.ReplaceAllString(text, "")
	text = strings.ReplaceAll(text, "\r\n", "\n")
	var b strings.Builder
	for i, r := range text {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], string(utf8.RuneError)):
			b.WriteString(hidden(text[i]))
		case !controls(r):
			b.WriteRune(r)
		default:
			b.WriteString(caret(r))
		}
	}
	return b.String()
}

// caret is how a control character is shown.
func caret(r rune) string {
	switch {
	case r == 0x7f:
		return "^?"
	case r < 0x20:
		return "^" + string(r+'@')
	default:
		return fmt.Sprintf("<U+%04X>", r)
	}
}

// HarmlessAttr makes an attribute or the message of a log harmless, for a handler that writes
// colours of its own between them.
func HarmlessAttr(_ []string, a slog.Attr) slog.Attr {
	a.Value = a.Value.Resolve()
	a.Key = Harmless(a.Key)
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(Harmless(a.Value.String()))
	case slog.KindAny:
		if _, level := a.Value.Any().(slog.Level); !level {
			a.Value = slog.StringValue(Harmless(a.Value.String())) // as it would be printed
		}
	default: // numbers, times and the like hold no text
	}
	return a
}

// controls reports whether a terminal may obey a character instead of showing it: control
// characters, and those that turn the direction of text around.
func controls(r rune) bool {
	switch {
	case r == '\n' || r == '\t':
		return false
	case unicode.IsControl(r):
		return true
	}
	return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

// Screen makes lines harmless for a terminal. The last one goes through with Flush when it has
// no end.
type Screen struct {
	to   io.Writer
	held []byte
}

// NewScreen makes a [Screen] in front of a terminal.
func NewScreen(to io.Writer) *Screen { return &Screen{to: to} }

// LogWriter returns where to print text of task logs, and a function that ends it: w
// itself, or what makes it harmless when w is a terminal.
func (o IO) LogWriter() (w io.Writer, end func() error) {
	if !o.Terminal() {
		return o.Out, func() error { return nil }
	}
	s := NewScreen(o.Out)
	return s, s.Flush
}

// Write implements [io.Writer].
func (s *Screen) Write(p []byte) (int, error) {
	s.held = append(s.held, p...)
	end := bytes.LastIndexByte(s.held, '\n') + 1
	if end == 0 {
		return len(p), nil
	}
	text := Harmless(string(s.held[:end]))
	s.held = append(s.held[:0], s.held[end:]...)
	if _, err := io.WriteString(s.to, text); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush writes what has no line end.
func (s *Screen) Flush() error {
	_, err := io.WriteString(s.to, Harmless(string(s.held)))
	s.held = nil
	return err
}

// Shown is text for w, harmless when that is a terminal.
func Shown(w io.Writer, text string) string {
	if IsTerminal(w) {
		return Harmless(text)
	}
	return text
}
