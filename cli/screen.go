package cli

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"unicode"

	"github.com/mattn/go-isatty"
)

// colour is what programs write to colour text (SGR). It means nothing beyond that, so it
// is left out where other escapes are shown.
var colour = regexp.MustCompile("\x1b\\[[0-9;:]*m")

// harmless makes text that comes from tasks and services fit to be shown on a terminal:
// colours are left out, and every other control character is shown instead of obeyed, as
// cat -v does, so that a log can neither rewrite the screen nor answer for the person
// before it. Line feeds and tabs stay, and so does a carriage return before a line feed.
func harmless(text string) string {
	if strings.IndexFunc(text, controls) < 0 {
		return text
	}
	text = colour.ReplaceAllString(text, "")
	text = strings.ReplaceAll(text, "\r\n", "\n")
	var b strings.Builder
	for _, r := range text {
		switch {
		case !controls(r):
			b.WriteRune(r)
		case r == 0x7f:
			b.WriteString("^?")
		case r < 0x20:
			b.WriteString("^" + string(r+'@'))
		default:
			fmt.Fprintf(&b, "<U+%04X>", r)
		}
	}
	return b.String()
}

// harmlessAttr makes an attribute or the message of a log harmless, for a handler that writes
// colours of its own between them.
func harmlessAttr(_ []string, a slog.Attr) slog.Attr {
	a.Value = a.Value.Resolve()
	a.Key = harmless(a.Key)
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(harmless(a.Value.String()))
	case slog.KindAny:
		if _, level := a.Value.Any().(slog.Level); !level {
			a.Value = slog.StringValue(harmless(a.Value.String())) // as it would be printed
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

// screenWriter makes lines harmless. The last one goes through with flush when it has no
// end.
type screenWriter struct {
	to   io.Writer
	held []byte
}

// logWriter returns where to print text of task logs, and a function that ends it: w
// itself, or what makes it harmless when w is a terminal.
func (a *app) logWriter() (w io.Writer, end func() error) {
	if !a.terminal() {
		return a.Out, func() error { return nil }
	}
	s := &screenWriter{to: a.Out}
	return s, s.flush
}

// Write implements [io.Writer].
func (s *screenWriter) Write(p []byte) (int, error) {
	s.held = append(s.held, p...)
	end := bytes.LastIndexByte(s.held, '\n') + 1
	if end == 0 {
		return len(p), nil
	}
	text := harmless(string(s.held[:end]))
	s.held = append(s.held[:0], s.held[end:]...)
	if _, err := io.WriteString(s.to, text); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (s *screenWriter) flush() error {
	_, err := io.WriteString(s.to, harmless(string(s.held)))
	s.held = nil
	return err
}

// shown is text for w, harmless when that is a terminal.
func shown(w io.Writer, text string) string {
	if f, ok := (IO{Out: w}).file(); ok && isTerminal(f) {
		return harmless(text)
	}
	return text
}

func isTerminal(f *os.File) bool { return isatty.IsTerminal(f.Fd()) }
