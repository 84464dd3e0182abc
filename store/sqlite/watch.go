package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/fsnotify/fsnotify"
)

// looks are the pauses before each look at the store after its file has changed: a commit shows
// only once it is on the disk, and is seen at the latest after twice the time that this takes.
// ownLooks are those after a change that may well be of this process. In all of them the file is not
// watched, so that the writes of this process wake nobody more often.
var (
	looks = []time.Duration{
		time.Millisecond, time.Millisecond, 2 * time.Millisecond, 4 * time.Millisecond, 8 * time.Millisecond, 16 * time.Millisecond, 32 * time.Millisecond,
	}
	ownLooks = []time.Duration{3 * time.Millisecond, 15 * time.Millisecond, 60 * time.Millisecond}
)

// lastLook is when it is looked for a commit that was being written while nobody watched.
const lastLook = 250 * time.Millisecond

// Watch calls noticed at once and soon after another process has committed something, until
// ctx ends. It costs nothing while nobody writes. A commit that takes longer than its looks may be noticed
// with the next one only.
func (s *Store) Watch(ctx context.Context, noticed func()) error {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch the store: %w", err)
	}
	defer w.Close() //nolint:errcheck // nothing was written
	file := s.path + "-wal"
	seen, err := s.foreign(ctx)
	noticed() // of what came before
	look := func() bool {
		now, verr := s.foreign(ctx)
		changed := verr == nil && now != seen
		if err = verr; changed {
			seen = now
			noticed()
		}
		return changed
	}
	for err == nil {
		own := s.commits.Load()
		if err = w.Add(file); err != nil {
			break
		}
		look() // at what came while nobody watched
		late := time.NewTimer(lastLook)
		for waiting := true; waiting; {
			select {
			case <-w.Events:
				waiting = false
			case err = <-w.Errors:
				waiting = false
			case <-late.C:
				look()
			case <-ctx.Done():
				return nil
			}
		}
		late.Stop()
		_ = w.Remove(file) // it may be gone
		pauses := looks
		if s.commits.Load() != own {
			pauses = ownLooks
		}
		for _, pause := range pauses {
			if !sleep(ctx, pause) {
				return nil
			}
			drain(w.Events)
			if err != nil || look() {
				break
			}
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("watch the store %s: %w", s.path, err)
}

// foreign is a number that changes with each commit of another process: the one connection
// that writes is asked, whose own commits do not change it.
func (s *Store) foreign(ctx context.Context) (version int64, err error) {
	err = s.write.QueryRowContext(ctx, "PRAGMA data_version").Scan(&version)
	return version, err
}

// drain drops what happened while nobody watched.
func drain(events <-chan fsnotify.Event) {
	for {
		select {
		case <-events:
		default:
			return
		}
	}
}

// sleep waits and reports true, or false when ctx ended before that.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
