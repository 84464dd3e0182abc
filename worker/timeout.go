package worker

import (
	"context"
	"time"
)

const (
	// lateBy is how late the timer of a timeout is when the process did not get to run: it
	// was stopped, or the machine was.
	lateBy = 100 * time.Millisecond
	// lateGrace is how long what ended in that time has to be seen.
	lateGrace = time.Second
)

// withTimeout ends a context after d with a cause, unless ended is closed before. It
// judges by when the work ended, not by when that was seen: after the process was stopped
// for a minute, a child that ended meanwhile is seen a moment after the timer.
func (w *Worker) withTimeout(parent context.Context, d time.Duration, cause error, ended <-chan struct{}) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(parent)
	due := w.o.Clock().Add(d)
	go func() {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		if w.o.Clock().Sub(due) > lateBy {
			t.Reset(lateGrace)
			select {
			case <-ended:
				return
			case <-ctx.Done():
				return
			case <-t.C:
			}
		}
		cancel(cause)
	}()
	return ctx, func() { cancel(nil) }
}
