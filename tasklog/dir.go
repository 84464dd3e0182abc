package tasklog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Dir is a log folder of which nothing is known but its files.
type Dir string

// folderFile holds what tells a log folder apart from others.
const folderFile = ".folder"

// Held is how long the file of a log is.
func (d Dir) Held(name string) (Held, error) {
	h := Held{Size: -1}
	id, err := os.ReadFile(filepath.Join(string(d), folderFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return h, fmt.Errorf("look into the log folder: %w", err)
	}
	h.Folder = string(id)
	info, err := os.Stat(filepath.Join(string(d), name))
	switch {
	case err == nil && !info.Mode().IsRegular(), errors.Is(err, fs.ErrNotExist):
		return h, nil
	case err != nil:
		return h, fmt.Errorf("look for a task log: %w", err)
	}
	h.Size = info.Size()
	return h, nil
}

// Mark gives the folder, which it makes, what tells it apart from others, unless it has that.
func (d Dir) Mark(id string) error {
	if err := os.MkdirAll(string(d), 0o750); err != nil {
		return fmt.Errorf("make the log folder: %w", err)
	}
	path := filepath.Join(string(d), folderFile)
	if _, err := os.Lstat(path); err == nil {
		return nil
	}
	// Nobody reads half of it: another machine may do the same at the same time.
	f, err := os.CreateTemp(string(d), folderFile+"-*")
	if err != nil {
		return fmt.Errorf("mark the log folder: %w", err)
	}
	_, err = f.WriteString(id)
	if err = errors.Join(err, f.Close()); err == nil {
		if err = os.Link(f.Name(), path); errors.Is(err, fs.ErrExist) {
			err = nil
		}
	}
	if err = errors.Join(err, os.Remove(f.Name())); err != nil {
		return fmt.Errorf("mark the log folder: %w", err)
	}
	return nil
}

// part is the part that a span of a machine is of.
func (s Span) part(node string) Part {
	return Part{Start: time.UnixMilli(s.Start).UTC(), Node: node, Size: s.To - s.From}
}
