// Package draw writes markup piece by piece, where a template would take many times as long or would be harder to read, and has
// the marks by which a state is told beside its colour.
package draw

import (
	"slices"
	"strconv"
	"strings"
)

// Markup is markup that is finished: only a [Writer] makes it.
type Markup struct{ text string }

// String is the markup.
func (m Markup) String() string { return m.text }

// Writer writes markup. Its zero value is ready.
type Writer struct{ strings.Builder }

// Raw writes what is ours or escaped already.
func (w *Writer) Raw(parts ...string) *Writer {
	for _, p := range parts {
		_, _ = w.WriteString(p) // a builder takes everything
	}
	return w
}

// Text writes anybody's text, escaped for elements and for attributes in quotes.
func (w *Writer) Text(s string) *Writer {
	if strings.ContainsAny(s, `&<>"'`+"\x00") {
		s = escaper.Replace(s)
	}
	_, _ = w.WriteString(s)
	return w
}

// Done is what was written.
func (w *Writer) Done() Markup { return Markup{w.String()} }

// escaper escapes as html/template does.
var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;", "\x00", "\uFFFD") //nolint:gochecknoglobals // a constant

// signs are what a state is told by beside its colour.
var signs = map[string]string{ //nolint:gochecknoglobals // a constant
	"success": "✓", "failed": "✕", "running": "▸", "queued": "⋯", "scheduled": "○", "skipped": "»", "upstream_failed": "!",
	"up_for_retry": "↻", "up_for_reschedule": "↺", "deferred": "‖", "restarting": "⟳", "removed": "−", "none": " ",
}

// order is that of states in a sum: what is wrong first.
var order = []string{ //nolint:gochecknoglobals // a constant
	"failed", "upstream_failed", "up_for_retry", "restarting", "running", "deferred", "up_for_reschedule", "queued", "scheduled", "success", "skipped", "removed", "none",
}

// States are the words of all states, what is wrong first. The last one is none.
func States() []string { return slices.Clone(order) }

// Known is the word of a state, none for one that nobody knows.
func Known(state string) string {
	if _, ok := signs[state]; ok {
		return state
	}
	return "none"
}

// Sign is what a state is told by beside its colour.
func Sign(state string) string { return signs[Known(state)] }

// Sum is how many there are in each state, as say has them, what is wrong first.
func Sum(n map[string]int, between string, say func(n int, state string) string) string {
	var parts []string
	for _, s := range order {
		if n[s] > 0 {
			parts = append(parts, say(n[s], s))
		}
	}
	return strings.Join(parts, between)
}

// Signs is how many there are in each state, with signs instead of words.
func Signs(n map[string]int) string {
	return Sum(n, "  ", func(n int, state string) string { return strings.TrimSpace(strconv.Itoa(n) + " " + signs[state]) })
}
