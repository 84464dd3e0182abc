package callbacks

import (
	"regexp"
	"strings"
	"unicode"
)

// escapes are the sequences by which programs steer a terminal: CSI (colours, the cursor),
// OSC and its like up to their end, and the short ones.
var escapes = regexp.MustCompile("(?s)\x1b\\[[0-?]*[ -/]*[@-~]|\u009b[0-?]*[ -/]*[@-~]|\x1b[\\]PX^_].*?(?:\x07|\x1b\\\\|$)|\x1b[ -/]*[0-~]")

// Clean makes a text of a task fit for a message: without the sequences that steer a
// terminal, without other control characters and without those that turn the direction of
// writing. A carriage return ends a line.
func Clean(text string) string {
	text = escapes.ReplaceAllString(strings.ToValidUTF8(text, "\uFFFD"), "")
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r) {
			return -1
		}
		return r
	}, text)
}

var (
	marks = strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`,
		"&", "&amp;", "<", "&lt;", ">", "&gt;")
	lineBegins = regexp.MustCompile(`(?m)^([ \t]*)(#|[-+=]|\d+[.)])`)
	lastMark   = regexp.MustCompile(`[#+=.)-]$`)
)

// EscapeMarkdown writes a text so that Markdown and the HTML in it show it as it is.
func EscapeMarkdown(text string) string {
	text = marks.Replace(text)
	return lineBegins.ReplaceAllStringFunc(text, func(begin string) string {
		return lastMark.ReplaceAllString(begin, `\$0`)
	})
}

// CodeSpan writes a text as a code span of Markdown, in which people can copy it.
func CodeSpan(text string) string {
	fence := "`"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	if len(fence) > 1 {
		return fence + " " + text + " " + fence
	}
	return fence + text + fence
}
