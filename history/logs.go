package history

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/dingdag/dingdag/store"
)

// trash is the folder below that of the logs into which folders go that are to be removed: to move one
// takes a moment, and then nobody writes there any more. No DAG's folder has this name.
const trash = ".removed"

// discard moves a folder of logs away. It is called in the transaction that says that its run, or its
// logs, are gone: in no other one can somebody make a run whose logs would lie there.
func (c *Cleaner) discard(folder string, key int64) error { return Discard(c.o.LogDir, folder, key) }

// Discard does it below a folder of logs. What it moves away is removed by the next [Cleaner.Clean].
func Discard(logDir, folder string, key int64) error {
	from := filepath.Join(logDir, folder)
	if _, err := os.Lstat(from); errors.Is(err, fs.ErrNotExist) {
		return nil // no task has begun, or they are gone already
	}
	to := filepath.Join(logDir, trash)
	if err := os.MkdirAll(to, 0o750); err != nil {
		return fmt.Errorf("make room for old logs: %w", err)
	}
	for n := 0; ; n++ {
		name := filepath.Join(to, strconv.FormatInt(key, 10)+"-"+strconv.Itoa(n))
		if _, err := os.Lstat(name); err == nil {
			continue // of an earlier time, that could not be removed
		}
		return moveAway(from, name)
	}
}

// moveAway moves a folder of logs into the trash. Somebody else may have done so a moment ago.
func moveAway(from, to string) error {
	if err := os.Rename(from, to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("move old logs away: %w", err)
	}
	_ = os.Remove(filepath.Dir(from)) // the DAG's own folder, if that was the last one in it
	return nil
}

// discardStored notes that the logs of a run are to be removed from the log store, in the transaction that says that they are gone.
func (c *Cleaner) discardStored(ctx context.Context, tx store.Tx, run *store.Run) error {
	if c.o.Logs == nil {
		return nil
	}
	return tx.PutLogRemoval(ctx, &store.LogRemoval{Folder: run.LogFolder(), Before: c.o.Clock()})
}

// removalsAtOnce is how many folders of the log store are looked up at once.
const removalsAtOnce = 64

// storedLogs removes logs from the log store, also those that somebody else has noted. What fails stays on record.
func (r *pass) storedLogs(ctx context.Context) error {
	for after := int64(0); ; {
		all, err := r.c.o.Store.LogRemovals(ctx, after, removalsAtOnce)
		if err != nil || len(all) == 0 {
			return err
		}
		for _, one := range all {
			if after = one.ID; r.c.o.Logs != nil {
				n, err := r.c.o.Logs.Remove(ctx, one.Folder, one.Before)
				r.report.Counts[Logs] += n
				if err != nil {
					return fmt.Errorf("remove old logs: %w", err) // the others would fail likewise
				}
			}
			if err := r.c.o.Store.Tx(ctx, func(tx store.Tx) error { return tx.DropLogRemoval(ctx, one.ID) }); err != nil {
				return err
			}
		}
	}
}

// countLogs counts the logs of a run, wherever they are.
func (r *pass) countLogs(ctx context.Context, run *store.Run) error {
	r.report.Counts[Logs] += r.c.files(run.LogFolder())
	if r.c.o.Logs == nil {
		return nil
	}
	n, err := r.c.o.Logs.Count(ctx, filepath.ToSlash(run.LogFolder()))
	r.report.Counts[Logs] += n
	return err
}

// emptyTrash removes what was moved away, also by a process that has died.
func (r *pass) emptyTrash() error {
	n, err := emptyTrash(r.c.o.LogDir)
	if n > 0 {
		r.report.Counts[Logs] += n
	}
	return err
}

// emptyTrash does it below a folder of logs, and says how many files there were.
func emptyTrash(logDir string) (files int, err error) {
	dir := filepath.Join(logDir, trash)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("look for old logs: %w", err)
	}
	for _, e := range entries {
		n := filesBelow(filepath.Join(dir, e.Name()))
		if rerr := os.RemoveAll(filepath.Join(dir, e.Name())); rerr != nil {
			err = errors.Join(err, fmt.Errorf("remove old logs: %w", rerr))
			continue
		}
		files += n
	}
	return files, err
}

// files is how many files lie below a folder of logs.
func (c *Cleaner) files(folder string) int { return filesBelow(filepath.Join(c.o.LogDir, folder)) }

func filesBelow(dir string) (n int) {
	// What can't be read is not counted, and the folder may go meanwhile.
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
		}
		return nil
	})
	return n
}
