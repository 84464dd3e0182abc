// Package folder keeps the logs of all machines in a folder that they share, such as one of NFS. Each part of a log is a
// file, in the folder that the log has below the log folder, see [tasklog.PartName].
package folder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/tasklog"
)

// tempPrefix is what the names of files begin with that are not whole yet.
const tempPrefix = ".new-"

// Store is a folder. Nothing in it is locked: files appear whole, under their names, and go.
type Store struct{ dir string }

// New is the store in a folder, which is made when the first log comes.
func New(dir string) *Store { return &Store{filepath.Clean(dir)} }

// String is the folder.
func (s *Store) String() string { return s.dir }

// Close does nothing: no file stays open.
func (s *Store) Close() error { return nil }

// Put writes a part into a file of its own, see [tasklog.Store].
func (s *Store) Put(ctx context.Context, name string, p tasklog.Part, text io.Reader) (err error) {
	if err := tasklog.CheckName(name); err != nil {
		return err
	}
	to := filepath.Join(s.dir, tasklog.PartName(name, p))
	f, err := create(filepath.Dir(to))
	if err != nil {
		return fmt.Errorf("keep a task log in %s: %w", s.dir, err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("keep a task log in %s: %w", s.dir, errors.Join(err, f.Close(), os.Remove(f.Name())))
		}
	}()
	n, err := io.Copy(f, &reader{ctx, io.LimitReader(text, p.Size)})
	switch {
	case err != nil:
		return err
	case n < p.Size:
		return io.ErrUnexpectedEOF
	}
	if err = errors.Join(f.Sync(), f.Chmod(0o640)); err != nil { // a server may find out only now that it has no room
		return err
	}
	if err = f.Close(); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), to)
}

// create makes a file in a folder, which may be removed with old logs before there is something in it.
func create(dir string) (f *os.File, err error) {
	for range 3 {
		if err = os.MkdirAll(dir, 0o750); err != nil {
			return nil, err
		}
		if f, err = os.CreateTemp(dir, tempPrefix+"*"); !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
	}
	return nil, err
}

// reader reads until a context ends.
type reader struct {
	ctx context.Context //nolint:containedctx // of one call
	r   io.Reader
}

func (r *reader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(b)
}

// Parts lists the parts of a log, see [tasklog.Store].
func (s *Store) Parts(_ context.Context, name string) (parts []tasklog.Part, err error) {
	if err := tasklog.CheckName(name); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(filepath.Join(s.dir, path.Dir(name)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list task logs: %w", err)
	}
	for _, e := range entries {
		of, p, ok := tasklog.ParsePart(path.Join(path.Dir(name), e.Name()))
		if !ok || of != name {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // it has gone meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("list task logs: %w", err)
		}
		p.Size = info.Size()
		parts = append(parts, p)
	}
	slices.SortFunc(parts, tasklog.Part.Compare)
	return parts, nil
}

// ReadAt reads from a part, see [tasklog.Store].
func (s *Store) ReadAt(_ context.Context, name string, p tasklog.Part, b []byte, off int64) (n int, err error) {
	if err := tasklog.CheckName(name); err != nil {
		return 0, err
	}
	f, err := os.Open(filepath.Join(s.dir, tasklog.PartName(name, p)))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("read from %s: %w", s.dir, tasklog.ErrNone)
	}
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }() // it was only read
	return f.ReadAt(b, off)
}

// Remove removes parts that began before a moment, and folders that are empty then, see [tasklog.Store].
func (s *Store) Remove(ctx context.Context, folder string, before time.Time) (n int, err error) {
	var dirs []string
	err = s.walk(ctx, folder, func(file string) { dirs = append(dirs, file) }, func(file string, p *tasklog.Part) error {
		if p == nil || !p.Start.Before(before) {
			return nil
		}
		err := os.Remove(file)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			n++
		}
		return err
	})
	for _, dir := range slices.Backward(dirs) {
		_ = os.Remove(dir) // it stays when there is something in it
	}
	if err != nil {
		return n, fmt.Errorf("remove task logs from %s: %w", s.dir, err)
	}
	if len(dirs) > 0 {
		_ = os.Remove(filepath.Dir(filepath.Join(s.dir, folder))) // the DAG's own, if that was the last one in it
	}
	return n, nil
}

// Count counts parts, see [tasklog.Store].
func (s *Store) Count(ctx context.Context, folder string) (n int, err error) {
	err = s.walk(ctx, folder, func(string) {}, func(_ string, p *tasklog.Part) error {
		if p != nil {
			n++
		}
		return nil
	})
	return n, err
}

// walk goes through what is below a folder: first a folder, then what is in it. A file that is not whole comes as a part that
// began an hour after it was written last; others that are no part come as nil.
func (s *Store) walk(ctx context.Context, folder string, dir func(string), file func(string, *tasklog.Part) error) error {
	if err := tasklog.CheckFolder(folder); err != nil {
		return err
	}
	return filepath.WalkDir(filepath.Join(s.dir, folder), func(name string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		if e.IsDir() {
			dir(name)
			return nil
		}
		if _, p, ok := tasklog.ParsePart(filepath.ToSlash(name)); ok {
			return file(name, &p)
		}
		if strings.HasPrefix(e.Name(), tempPrefix) { // of a process that has died, or is writing it now
			info, err := e.Info()
			if err != nil {
				return nil //nolint:nilerr // it has gone meanwhile
			}
			return file(name, &tasklog.Part{Start: info.ModTime().Add(leftFor)})
		}
		return file(name, nil)
	})
}

// leftFor is how long a file that is not whole is left alone, so that whoever writes it can end.
const leftFor = time.Hour
