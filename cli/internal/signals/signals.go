// Package signals says what signals do to a command.
package signals

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// exitInterrupted is the exit code of a command that a second signal ends on the spot.
const exitInterrupted = 130

// hurryKey is the key of a context's [hurrying].
type hurryKey struct{}

// Interrupted returns a channel that is closed by the first signal, whatever else ends ctx;
// it never is where signals are somebody else's.
func Interrupted(ctx context.Context) <-chan struct{} {
	h, ok := ctx.Value(hurryKey{}).(*hurrying)
	if !ok {
		return nil
	}
	return h.first
}

// hurrying is what a second signal does to a command that takes its time to stop.
type hurrying struct {
	mu      sync.Mutex
	claimed bool
	first   chan struct{} // closed by the first signal
	now     chan struct{}
}

// Notify returns a context that the first SIGINT, SIGTERM or SIGHUP ends, so that commands
// stop in good order; SIGHUP not, where somebody has had it ignored (nohup). A second
// SIGINT or SIGTERM hurries a command that asked for that, see [Hurry], and ends any other
// one on the spot, as a third one ends all.
func Notify(parent context.Context) (ctx context.Context, stop func()) {
	h := &hurrying{first: make(chan struct{}), now: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.WithValue(parent, hurryKey{}, h))
	c := make(chan os.Signal, 4)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(c, syscall.SIGHUP)
	}
	over := make(chan struct{})
	go func() {
		for n := 1; ; {
			select {
			case <-over:
				return
			case s := <-c:
				switch {
				case n == 1:
					close(h.first)
					cancel()
				case s == syscall.SIGHUP: // it comes with others when a terminal goes
					continue
				case n == 2 && h.hurry():
				default:
					os.Exit(exitInterrupted)
				}
				n++
			}
		}
	}()
	return ctx, func() {
		signal.Stop(c)
		close(over)
		cancel()
	}
}

// hurry tells the command that asked for it, and reports whether one did.
func (h *hurrying) hurry() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.claimed {
		close(h.now)
	}
	return h.claimed
}

// Hurry returns a channel that is closed when a second signal asks a command to stop at
// once. It never is where signals are somebody else's.
func Hurry(ctx context.Context) <-chan struct{} {
	h, ok := ctx.Value(hurryKey{}).(*hurrying)
	if !ok {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.claimed = true
	return h.now
}

// OutliveReaders keeps a service alive when nobody reads its output any more: what it
// writes there is lost, and its work goes on. Commands that only print end then, as every
// program does in front of head. Children get the signal as usual.
func OutliveReaders() (stop func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGPIPE)
	return func() { signal.Stop(c) }
}

// ErrInterrupted ends a command that a signal has ended.
var ErrInterrupted = errors.New("interrupted")
