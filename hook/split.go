package hook

import (
	"strings"
	"unicode/utf8"
)

// Limits on the code fences that are carried from one part to the next. A longer
// run of backticks is not taken for a fence, a longer opening line loses its info.
const (
	maxFenceMarker = 32
	maxFenceLine   = 120
)

// closeReserve is the room kept for a closing fence: an escaped line feed and the marker.
const closeReserve = 2 + maxFenceMarker

// piece is one part of a split text. The texts of all pieces together are the
// text that was split; open and close repeat a code fence that was cut through.
type piece struct {
	open, text, close string
}

func (p piece) String() string { return p.open + p.text + p.close }

// split cuts text into pieces whose JSON form needs at most room bytes each. It
// prefers to cut between paragraphs, then lines, then words, and never inside a
// rune. With markdown a code fence that is cut is closed and opened again.
func split(text string, room int, markdown bool) []piece {
	var (
		pieces []piece
		open   fence
	)
	for text != "" {
		p := piece{open: open.openLine()}
		n := prefixWithin(text, room-jsonSize(p.open)-closeReserve)
		if n < len(text) {
			n = cutPoint(text, n)
		}
		p.text, text = text[:n], text[n:]
		if markdown {
			open = open.after(p.text)
			p.close = open.closeLine(p.text)
		}
		pieces = append(pieces, p)
	}
	return pieces
}

// cutPoint returns where to cut a text of which the first n bytes fit. A border is
// only taken where it does not leave a stub of a part.
func cutPoint(text string, n int) int {
	window := text[:n]
	if i := strings.LastIndex(window, "\n\n"); i >= n/2 {
		return i + 2
	}
	if i := strings.LastIndexByte(window, '\n'); i >= n/4 {
		return i + 1
	}
	if i := strings.LastIndexAny(window, " \t。，；！？、"); i >= n/2 {
		_, size := utf8.DecodeRuneInString(window[i:])
		return i + size
	}
	if strings.HasSuffix(window, "\r") && text[n] == '\n' {
		return n - 1
	}
	return n
}

// prefixWithin returns the length of the longest prefix of whole runes whose JSON
// form needs at most room bytes, and at least one rune.
func prefixWithin(text string, room int) int {
	used := 0
	for i, r := range text {
		used += jsonRuneSize(r)
		if used > room && i > 0 {
			return i
		}
	}
	return len(text)
}

func jsonSize(text string) int {
	size := 0
	for _, r := range text {
		size += jsonRuneSize(r)
	}
	return size
}

// jsonRuneSize returns the bytes that encoding/json needs for a rune in a string,
// with HTML escaping off.
func jsonRuneSize(r rune) int {
	switch {
	case r == '"' || r == '\\' || r == '\n' || r == '\r' || r == '\t' || r == '\b' || r == '\f':
		return 2
	case r < ' ' || r == '\u2028' || r == '\u2029':
		return 6
	}
	return utf8.RuneLen(r)
}

// fence is an open code fence of markdown; the zero value is none.
type fence struct {
	marker string // "```" or longer, or "~~~"
	line   string // the line that opened it, with its info string
}

// after returns the fence that is open behind text when f is open before it.
func (f fence) after(text string) fence {
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		marker, info := fenceMarker(line)
		switch {
		case marker == "":
		case f.marker == "":
			if marker[0] == '~' || !strings.Contains(info, "`") {
				f = fence{marker: marker, line: line}
			}
		case marker[0] == f.marker[0] && len(marker) >= len(f.marker) && strings.TrimSpace(info) == "":
			f = fence{}
		}
	}
	return f
}

// openLine returns the line that opens the fence again, or nothing.
func (f fence) openLine() string {
	switch {
	case f.marker == "":
		return ""
	case len(f.line) > maxFenceLine:
		return f.marker + "\n"
	}
	return f.line + "\n"
}

// closeLine returns what closes the fence behind text, or nothing.
func (f fence) closeLine(text string) string {
	switch {
	case f.marker == "":
		return ""
	case strings.HasSuffix(text, "\n"):
		return f.marker
	}
	return "\n" + f.marker
}

// fenceMarker returns the run of three or more backticks or tildes that a line
// begins with, after at most three spaces, and what follows it.
func fenceMarker(line string) (marker, info string) {
	trimmed := strings.TrimLeft(line, " ")
	if len(line)-len(trimmed) > 3 || trimmed == "" || (trimmed[0] != '`' && trimmed[0] != '~') {
		return "", ""
	}
	info = strings.TrimLeft(trimmed, trimmed[:1])
	marker = trimmed[:len(trimmed)-len(info)]
	if len(marker) < 3 || len(marker) > maxFenceMarker {
		return "", ""
	}
	return marker, info
}
