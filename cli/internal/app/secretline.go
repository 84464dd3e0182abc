package app

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/dingdag/dingdag/cli/internal/show"
)

// maxSecret bounds what is read from standard input, in bytes.
const maxSecret = 1 << 20

// ReadSecret reads standard input to its end, or a line that is not echoed when it
// is a terminal. The line end is dropped.
func (a *App) ReadSecret(ctx context.Context, name string) (string, error) {
	var b []byte
	var err error
	hidden := hiddenLine(a.In)
	if hidden != nil {
		a.Notef("type the %s, which is not shown, and Enter", name)
		b, err = hidden(ctx)
	} else {
		b, err = io.ReadAll(io.LimitReader(a.In, maxSecret))
	}
	if err != nil {
		return "", fmt.Errorf("read the %s from standard input: %w", name, err)
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}

// hiddenLine reads a line that is not shown from the terminal at the other end of an input, and is nil where there is none.
func hiddenLine(in io.Reader) func(context.Context) ([]byte, error) {
	if !show.IsTerminal(in) {
		return nil
	}
	switch from := in.(type) {
	case show.LineReader:
		return from.ReadHidden
	case *os.File:
		return func(ctx context.Context) ([]byte, error) { return show.ReadPassword(ctx, int(from.Fd())) }
	default:
		return nil
	}
}
