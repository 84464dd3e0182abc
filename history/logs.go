package history

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
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
		if err := os.Rename(from, name); err != nil {
			return fmt.Errorf("move old logs away: %w", err)
		}
		_ = os.Remove(filepath.Dir(from)) // the DAG's own folder, if that was the last one in it
		return nil
	}
}

// emptyTrash removes what was moved away, also by a process that has died.
func (r *pass) emptyTrash() error {
	dir := filepath.Join(r.c.o.LogDir, trash)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for old logs: %w", err)
	}
	for _, e := range entries {
		n := r.c.files(filepath.Join(trash, e.Name()))
		if rerr := os.RemoveAll(filepath.Join(dir, e.Name())); rerr != nil {
			err = errors.Join(err, fmt.Errorf("remove old logs: %w", rerr))
			continue
		}
		r.report.Counts[Logs] += n
	}
	return err
}

// files is how many files lie below a folder of logs.
func (c *Cleaner) files(folder string) (n int) {
	// What can't be read is not counted, and the folder may go meanwhile.
	_ = filepath.WalkDir(filepath.Join(c.o.LogDir, folder), func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
		}
		return nil
	})
	return n
}
