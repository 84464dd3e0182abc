package show

import (
	"context"
	"errors"

	"golang.org/x/term"

	"github.com/dingdag/dingdag/cli/internal/signals"
)

// ReadPassword reads a line without showing it. It ends with the command, and the terminal
// shows again what is typed.
func ReadPassword(ctx context.Context, fd int) ([]byte, error) {
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
