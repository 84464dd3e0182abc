package show

import (
	"io"
	"os"

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
}

// Terminal reports whether output goes to a person's screen.
func (o IO) Terminal() bool {
	f, ok := o.File()
	return ok && IsTerminal(f)
}

// File is the file that output goes to, below what masks it.
func (o IO) File() (*os.File, bool) {
	out := o.Out
	if masked, ok := out.(*Masked); ok {
		out = masked.to
	}
	f, ok := out.(*os.File)
	return f, ok
}

// Width is that of the terminal that output goes to, in columns, or 0 when it is not
// known.
func (o IO) Width() int {
	f, ok := o.File()
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}
