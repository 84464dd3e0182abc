package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/cli/internal/signals"
)

// maxSecret bounds what is read from standard input, in bytes.
const maxSecret = 1 << 20

// ReadSecret reads standard input to its end, or a line that is not echoed when it
// is a terminal. The line end is dropped.
func (a *App) ReadSecret(ctx context.Context, name string) (string, error) {
	var b []byte
	var err error
	if f, ok := a.In.(*os.File); ok && show.IsTerminal(f) {
		a.Notef("type the %s, which is not shown, and Enter", name)
		b, err = readPassword(ctx, int(f.Fd()))
	} else {
		b, err = io.ReadAll(io.LimitReader(a.In, maxSecret))
	}
	if err != nil {
		return "", fmt.Errorf("read the %s from standard input: %w", name, err)
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}

// readPassword reads a line without showing it. It ends with the command, and the terminal
// shows again what is typed.
func readPassword(ctx context.Context, fd int) ([]byte, error) {
	before, err := term.GetState(fd)
	if err != nil {
		return nil, err
	}
	type line struct {
		text []byte
		err  error
	}
	read := make(chan line, 1)
	go func() {
		text, err := term.ReadPassword(fd)
		read <- line{text, err}
	}()
	select {
	case l := <-read:
		return l.text, l.err
	case <-ctx.Done():
		return nil, errors.Join(signals.ErrInterrupted, term.Restore(fd, before))
	}
}
