package split

import "strings"

// Limits on the code fences that are carried from one part to the next. A longer
// run of backticks is not taken for a fence, a longer opening line loses its info.
const (
	maxFenceMarker = 32
	maxFenceLine   = 120
)

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
