package show

import (
	"fmt"
	"io"

	"github.com/jedib0t/go-pretty/v6/text"
)

// lineAnew begins the line of a terminal anew: the cursor goes to its beginning, and what is there is removed.
const lineAnew = "\r\x1b[K"

// LiveLine is a line of a terminal that is written over again and again. The zero value
// is of no use; [NewLiveLine] makes one.
type LiveLine struct {
	out   io.Writer
	width func() int // of the terminal now, in columns; 0 when it is not known
	shown string
}

// NewLiveLine returns the line of o, which must be a terminal.
func NewLiveLine(o IO) *LiveLine {
	return &LiveLine{out: o.Out, width: o.Width}
}

// Show replaces the line. It is cut to the width of the terminal: one that wraps could
// not be written over.
func (l *LiveLine) Show(line string) {
	if room := l.width() - 1; room > 0 && text.StringWidthWithoutEscSequences(line) > room {
		line = text.Snip(line, room, "…")
	}
	if line == l.shown {
		return
	}
	l.shown = line
	fmt.Fprint(l.out, lineAnew+line)
}

// Clear makes room for another line.
func (l *LiveLine) Clear() {
	if l.shown != "" {
		fmt.Fprint(l.out, lineAnew)
		l.shown = ""
	}
}
