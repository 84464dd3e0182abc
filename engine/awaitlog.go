package engine

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"
)

// logPatience is how long an attempt without execution_timeout waits for its log.
const logPatience = 5 * time.Minute

// awaitLog opens the log of an attempt. What may pass, such as a full disk, is tried again
// for as long as the attempt may take; what will not, such as a name that is too long, is
// an error at once. Then the attempt has failed, and its last lines stand in the engine's log.
func (a *attempt) awaitLog(ctx context.Context) error {
	limit := a.task.t.ExecutionTimeout
	if limit <= 0 {
		limit = logPatience
	}
	err := tryFor(ctx, limit, a.openLog, func(l *taskLog) { a.log = l }, func(err error, pause time.Duration) {
		a.e.o.Log.Error("a task log can't be opened; trying again", "error", err, "in", pause)
	})
	if err == nil {
		return nil
	}
	log := a.e.o.Log.With("dag", a.run.DAGID, "run", a.run.RunID, "task", a.in.TaskID)
	a.log = &taskLog{Logger: log}
	return err
}

// tryFor opens a log until it is open, for at most limit.
func tryFor(ctx context.Context, limit time.Duration, open func() (*taskLog, error), use func(*taskLog), again func(error, time.Duration)) error {
	end := time.NewTimer(limit)
	defer end.Stop()
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
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
