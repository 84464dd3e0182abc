package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"syscall"
	"time"
)

// patience is how long an attempt without execution_timeout waits for its log, and for what its templates need.
const patience = 5 * time.Minute

// Open opens the log. What may pass, such as a full disk, is tried again for as long as the try
// may take; what will not, such as a name that is too long, is an error at once. Then the try has
// failed, see [Try.Fail], and its last lines stand in the log of the process.
func (y *Try) Open(ctx context.Context) error {
	limit := y.task.ExecutionTimeout
	if limit <= 0 {
		limit = patience
	}
	err := tryFor(ctx, limit, y.openLog, func(l *taskLog) { y.log = l }, func(err error, pause time.Duration) {
		y.w.o.Log.Error("a task log cannot be opened; trying again", "error", err, "in", pause)
	})
	if err == nil {
		return nil
	}
	log := y.w.o.Log.With("dag", y.run.DAGID, "run", y.run.RunID, "task", y.in.TaskID)
	y.log = &taskLog{Logger: log}
	return err
}

// tryFor opens a log until it is open, for at most limit.
func tryFor(ctx context.Context, limit time.Duration, open func() (*taskLog, error), use func(*taskLog), again func(error, time.Duration)) error {
	end := time.NewTimer(limit)
	defer end.Stop()
	for pause := range Pauses() {
		l, err := open()
		if err == nil {
			use(l)
			return nil
		}
		if !passes(err) {
			return err
		}
		again(err, pause)
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-end.C:
			return fmt.Errorf("%w, for %s", err, limit)
		case <-time.After(pause):
		}
	}
	return nil // there is no last pause
}

// passes reports whether what keeps a file from being opened may be over soon.
func passes(err error) bool {
	for _, no := range []syscall.Errno{
		syscall.ENOSPC, syscall.EDQUOT, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EIO, syscall.EAGAIN, syscall.EINTR, syscall.ESTALE,
	} {
		if errors.Is(err, no) {
			return true
		}
	}
	return false
}

// opened is what became of opening a log.
type opened struct {
	log *taskLog
	err error
}

// OpenAhead begins to open the log, which takes about as long as a commit.
func (y *Try) OpenAhead() {
	y.ahead = make(chan opened, 1)
	go func() {
		l, err := y.w.openLog(y.in.Log)
		y.ahead <- opened{l, err}
	}()
}

// openLog opens the log, or waits until OpenAhead has.
func (y *Try) openLog() (*taskLog, error) {
	if y.ahead == nil {
		return y.w.openLog(y.in.Log)
	}
	o := <-y.ahead
	y.ahead = nil // another call tries again
	return o.log, o.err
}

// Drop forgets a try that will not be opened.
func (y *Try) Drop() {
	if y.ahead == nil {
		return
	}
	if l, err := y.openLog(); err == nil {
		l.close()
	}
}

// Close ends the log.
func (y *Try) Close() { y.log.close() }

// Log is the log of the try once it is open.
func (y *Try) Log() *slog.Logger { return y.log.Logger }

// Note adds a line to the log of a try that runs nowhere; path is where [LogPath] says.
func (w *Worker) Note(path, text string) {
	l, err := w.openLog(path)
	if err != nil {
		w.o.Log.Error("write to a task log", "error", err)
		return
	}
	l.line(slog.LevelError, text)
	l.close()
}
