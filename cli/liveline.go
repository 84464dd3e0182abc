package cli

import (
	"fmt"
	"io"
	"os"

	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"
)

// liveLine is a line of a terminal that is written over again and again. The zero value
// is of no use; [newLiveLine] makes one.
type liveLine struct {
	out   io.Writer
	width func() int // of the terminal now, in columns; 0 when it is not known
	shown string
}

// newLiveLine returns the line of o, which must be a terminal.
func newLiveLine(o IO) *liveLine {
	return &liveLine{out: o.Out, width: o.width}
}

// show replaces the line. It is cut to the width of the terminal: one that wraps could
// not be written over.
func (l *liveLine) show(line string) {
	if room := l.width() - 1; room > 0 && text.StringWidthWithoutEscSequences(line) > room {
		line = text.Snip(line, room, "…")
	}
	if line == l.shown {
		return
	}
	l.shown = line
	fmt.Fprint(l.out, "\r\x1b[K"+line)
}

// clear makes room for another line.
func (l *liveLine) clear() {
	if l.shown != "" {
		fmt.Fprint(l.out, "\r\x1b[K")
		l.shown = ""
	}
}

// file is the file that output goes to, below what masks it.
func (o IO) file() (*os.File, bool) {
	out := o.Out
	if masked, ok := out.(maskedOut); ok {
		out = masked.to
	}
	f, ok := out.(*os.File)
	return f, ok
}

// width is that of the terminal that output goes to, in columns, or 0 when it is not
// known.
func (o IO) width() int {
	f, ok := o.file()
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}
