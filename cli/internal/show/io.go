package show

import (
	"io"
	"os"

	"github.com/mattn/go-isatty"
	"golang.org/x/term"
)

// IO is what a command reads and writes, see the public type of the same name.
type IO struct {
	In       io.Reader
	Out, Err io.Writer
	// LookupEnv reads the environment.
	LookupEnv func(string) (string, bool)
	// Environ lists the environment, and is nil where nobody may see it whole.
	Environ func() []string
	// Files are the files that the command line names; nil are those of this machine.
	Files Files
}

// Console is what is known of the other end of a reader or a writer. The zero Console is no terminal.
type Console struct {
	// Terminal says that a person is there.
	Terminal bool
	// Width is how many columns the terminal has; 0 when that is not known.
	Width int
	// Plain says that the terminal shows no colours: NO_COLOR is set (no-color.org), or it is dumb.
	Plain bool
}

// Consoler is a reader or a writer that is no file of this process and knows what is at its other end.
type Consoler interface {
	Console() Console
}

// ConsoleOf is what is known of the other end of a reader or a writer, below what masks and guards it.
func ConsoleOf(end any) Console {
	switch e := end.(type) {
	case *Masked:
		return ConsoleOf(e.to)
	case *Guard:
		return ConsoleOf(e.to)
	case Consoler:
		return e.Console()
	case *os.File:
		if e == nil || !isatty.IsTerminal(e.Fd()) {
			return Console{}
		}
		c := Console{Terminal: true, Plain: os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb"}
		if width, _, err := term.GetSize(int(e.Fd())); err == nil {
			c.Width = width
		}
		return c
	default:
		return Console{}
	}
}

// IsTerminal reports whether a person is at the other end of a reader or a writer.
func IsTerminal(end any) bool { return ConsoleOf(end).Terminal }

// Terminal reports whether output goes to a person's screen.
func (o IO) Terminal() bool { return IsTerminal(o.Out) }

// File is the file that output goes to, below what masks and guards it.
func (o IO) File() (*os.File, bool) {
	out := o.Out
	if masked, ok := out.(*Masked); ok {
		out = masked.to
	}
	if g, ok := out.(*Guard); ok {
		out = g.to
	}
	f, ok := out.(*os.File)
	return f, ok
}

// Width is that of the terminal that output goes to, in columns, or 0 when it is not
// known.
func (o IO) Width() int { return ConsoleOf(o.Out).Width }
