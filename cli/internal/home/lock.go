package home

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/dingdag/dingdag/cli/internal/command"
)

func (h *Home) lockPath() string { return filepath.Join(h.Settings.Home, "dingdag.lock") }

// Lock makes this process the only one that works on the home folder, which it makes unless
// it is there.
func (h *Home) Lock() error {
	if err := h.Make(); err != nil {
		return err
	}
	path := h.lockPath()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // below the home folder
	if err != nil {
		return fmt.Errorf("lock the home folder: %w", command.WithoutOp(err))
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		who, _ := os.ReadFile(path) //nolint:gosec // as above
		return errors.Join(fmt.Errorf("another dingdag is already running on %s (PID %s): stop it, or use another --home", h.Settings.Home, who), f.Close())
	}
	h.OnClose(f.Close)
	if h.Shared() { // the database knows who else works with it
		return writePID(f)
	}
	store, err := os.OpenFile(h.storePath(), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("lock the store: %w", command.WithoutOp(err))
	}
	// It is closed after SQLite has closed the store: closing it gives back SQLite's own
	// locks, which are of another kind.
	h.OnClose(store.Close)
	if err := syscall.Flock(int(store.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fmt.Errorf("another dingdag is already running on %s, whose dingdag.lock was removed: stop it, or use another --home", h.storePath())
	}
	return writePID(f)
}

// writePID says in a lock who has it.
func writePID(f *os.File) error {
	err := f.Truncate(0)
	if err == nil {
		_, err = fmt.Fprintf(f, "%d", os.Getpid())
	}
	if err != nil {
		return fmt.Errorf("lock the home folder: %w", command.WithoutOp(err))
	}
	return nil
}

// Alone reports whether nobody works on the home folder, who would hold its lock. Of a database
// the leases alone tell. The settings have been read.
func (h *Home) Alone() (bool, error) {
	if h.Shared() {
		return true, nil
	}
	f, err := os.Open(h.lockPath())
	if errors.Is(err, fs.ErrNotExist) {
		locked, err := h.storeLocked()
		return !locked, err
	}
	if err != nil {
		return false, fmt.Errorf("check the lock of the home folder: %w", command.WithoutOp(err))
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) // closing it gives it back
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, f.Close()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return false, err
	}
	locked, err := h.storeLocked()
	return !locked, err
}

// storeLocked reports whether somebody works on the store. What it opens stays open until
// the store is closed, for the reason that Lock tells.
func (h *Home) storeLocked() (bool, error) {
	store, err := os.Open(h.storePath())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("check the lock of the store: %w", command.WithoutOp(err))
	}
	h.closes = slices.Insert(h.closes, 0, store.Close) // the first is the last
	err = syscall.Flock(int(store.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return true, nil
	}
	if err == nil {
		err = syscall.Flock(int(store.Fd()), syscall.LOCK_UN)
	}
	return false, err
}
