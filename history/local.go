package history

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// settled is how long nothing is written below a folder of logs before it may go: somebody may just have begun.
	settled = 10 * time.Minute
	// runsAtOnce is how many runs are looked up at once.
	runsAtOnce = 500

	// storeFile, below the folder of logs, holds which store these are of.
	storeFile = ".store"

	dagPrefix, runPrefix = "dag_id=", "run_id="
)

// LocalOptions are what a [Local] works on. All but Waiting and Log are required.
type LocalOptions struct {
	// Store knows which runs have logs; it is a [store.History].
	Store interface {
		Identity(ctx context.Context) (string, error)
		KeptLogs(ctx context.Context, dagID string, runIDs []string) (map[string]bool, error)
	}
	// LogDir is the folder of task logs.
	LogDir string
	// Waiting is how many logs are on their way into the log store: while there are some, all stay. nil where there is no log store.
	Waiting func() int
	Clock   func() time.Time
	// Log receives what went wrong and is tried again; nil discards it.
	Log *slog.Logger
}

// Local removes old logs from the disk of one of the processes that share a store: a [Cleaner] ends the history for all of
// them, and reaches the disk of its own machine alone.
type Local struct{ o LocalOptions }

// NewLocal returns what does that.
func NewLocal(o LocalOptions) *Local {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Local{o}
}

// Run does it at once and then again and again with a pause in between, until ctx ends. What fails is logged, and tried again the
// next time.
func (l *Local) Run(ctx context.Context, pause time.Duration) {
	again(ctx, pause, func() {
		n, err := l.Sweep(ctx)
		if err != nil && ctx.Err() == nil {
			l.o.Log.Error("not all of the old task logs could be removed from the log folder; it is tried again", "in", pause, "error", err)
		}
		if n > 0 {
			l.o.Log.Info("old task logs are removed from the log folder", "logs", n)
		}
	})
}

// Sweep removes the folders of runs that are no longer in the store or that have lost their logs there, and says how many files
// that were. A folder below which something was written a moment ago stays, and so does one with anything in it that is no task
// log. What fails of it does not keep the rest from going.
func (l *Local) Sweep(ctx context.Context) (files int, err error) {
	files, err = emptyTrash(l.o.LogDir) // of a process that has died
	errs := []error{err}
	dags, err := folders(l.o.LogDir, dagPrefix)
	if len(dags) > 0 {
		if err := l.ofThisStore(ctx); err != nil {
			return files, errors.Join(append(errs, err)...)
		}
	}
	errs = append(errs, err)
	for _, dagID := range dags {
		if ctx.Err() != nil || l.o.Waiting != nil && l.o.Waiting() > 0 {
			break
		}
		n, err := l.sweepDAG(ctx, dagID)
		files += n
		errs = append(errs, err)
	}
	return files, errors.Join(append(errs, ctx.Err())...)
}

// ofThisStore returns an error when the logs are of another store, which may know all the runs that this one does not: somebody
// has started the process with another database.
func (l *Local) ofThisStore(ctx context.Context) error {
	is, err := l.o.Store.Identity(ctx)
	if err != nil {
		return err
	}
	path := filepath.Join(l.o.LogDir, storeFile)
	was, err := os.ReadFile(path) //nolint:gosec // in the log folder
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && len(was) == 0: // it was being written when the process died
		if err := os.WriteFile(path, []byte(is), 0o600); err != nil {
			return fmt.Errorf("note which store the task logs are of: %w", err)
		}
	case err != nil:
		return fmt.Errorf("look up which store the task logs are of: %w", err)
	case string(was) != is:
		return fmt.Errorf("the task logs in %s are of another database, and none is removed: if this is the right one now, remove %s", l.o.LogDir, path)
	}
	return nil
}

// sweepDAG does it for the runs of one DAG.
func (l *Local) sweepDAG(ctx context.Context, dagID string) (files int, err error) {
	dir := filepath.Join(l.o.LogDir, dagPrefix+dagID)
	runs, err := folders(dir, runPrefix)
	if err != nil {
		return 0, err
	}
	runs = slices.DeleteFunc(runs, func(id string) bool { return !l.settled(filepath.Join(dir, runPrefix+id)) })
	for some := range slices.Chunk(runs, runsAtOnce) {
		kept, err := l.o.Store.KeptLogs(ctx, dagID, some)
		if err != nil {
			return files, err
		}
		for _, id := range some {
			if folder := filepath.Join(dir, runPrefix+id); !kept[id] && l.settled(folder) { // it may have begun again since
				if err := l.discard(folder); err != nil {
					return files, err
				}
			}
		}
		n, err := emptyTrash(l.o.LogDir)
		files += n
		if err != nil {
			return files, err
		}
	}
	return files, nil
}

// discard moves the folder of a run into the trash, and with the last one that of its DAG goes.
func (l *Local) discard(folder string) error {
	to := filepath.Join(l.o.LogDir, trash)
	if err := os.MkdirAll(to, 0o750); err != nil {
		return fmt.Errorf("make room for old logs: %w", err)
	}
	name, err := os.MkdirTemp(to, "local-")
	if err != nil {
		return fmt.Errorf("make room for old logs: %w", err)
	}
	return moveAway(folder, filepath.Join(name, filepath.Base(folder)))
}

// settled reports whether nothing but task logs is below the folder of a run, and nothing was written there a moment ago.
func (l *Local) settled(folder string) bool {
	before := l.o.Clock().Add(-settled)
	errKeep := errors.New("it stays")
	return nil == filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path != folder && !isLog(strings.TrimPrefix(path, folder+string(filepath.Separator)), d) {
			return errKeep
		}
		if info, err := d.Info(); err != nil || info.ModTime().After(before) {
			return errKeep
		}
		return nil
	})
}

// isLog reports whether something below the folder of a run is a log or a folder of logs: task_id=…/attempt=1.log, or with
// map_index=… between.
func isLog(path string, d fs.DirEntry) bool {
	parts := strings.Split(filepath.ToSlash(path), "/")
	last := parts[len(parts)-1]
	folders := parts
	if d.Type().IsRegular() {
		if folders = parts[:len(parts)-1]; len(folders) == 0 || !strings.HasPrefix(last, "attempt=") || !strings.HasSuffix(last, ".log") {
			return false
		}
	} else if !d.IsDir() {
		return false
	}
	return len(folders) <= 2 && strings.HasPrefix(folders[0], "task_id=") && (len(folders) == 1 || strings.HasPrefix(folders[1], "map_index="))
}

// folders are the ids in the names of the folders in a folder that begin with a prefix. A link to one is not ours, and no id is
// other than UTF-8.
func folders(dir, prefix string) (ids []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("look for old logs: %w", err)
	}
	for _, e := range entries {
		if id, ok := strings.CutPrefix(e.Name(), prefix); ok && id != "" && e.IsDir() && utf8.ValidString(id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}
