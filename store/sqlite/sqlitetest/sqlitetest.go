// Package sqlitetest gives tests stores whose tables are there already. Making them by all
// migrations takes most of the time of a short test, and seconds under the race detector.
package sqlitetest

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/dingdag/dingdag/store/sqlite"
)

// Empty returns the file of a store that was opened once and holds nothing. Nobody may change it.
var Empty = sync.OnceValues(func() (file []byte, err error) {
	dir, err := os.MkdirTemp("", "store")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "db")
	s, err := sqlite.Open(context.Background(), path, sqlite.Options{Synchronous: "NORMAL"})
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil { // writes the log into the file
		return nil, err
	}
	return os.ReadFile(path) //nolint:gosec // made above
})

// Open opens a store as [sqlite.Open] does. A file that is missing begins as one that has all
// tables.
func Open(tb testing.TB, path string, o sqlite.Options) *sqlite.Store {
	tb.Helper()
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		file, err := Empty()
		if err == nil {
			err = os.WriteFile(path, file, 0o600)
		}
		if err != nil {
			tb.Fatalf("make a store: %v", err)
		}
	}
	s, err := sqlite.Open(context.Background(), path, o)
	if err != nil {
		tb.Fatalf("open the store: %v", err)
	}
	return s
}
