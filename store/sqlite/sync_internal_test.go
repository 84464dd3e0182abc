//go:build unix

package sqlite

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"modernc.org/sqlite"
)

// Commits wait for the data alone, and for all of it.
func TestCommitsAreSynced(t *testing.T) { //nolint:paralleltest // the switch is the process's
	before, err := sqlite.Fdatasync(false)
	require.NoError(t, err)
	t.Cleanup(func() { _, _ = sqlite.Fdatasync(before) })
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "db"), Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	assert.True(t, sqlite.FdatasyncEnabled())
	var synchronous int
	require.NoError(t, s.write.QueryRowContext(t.Context(), "PRAGMA synchronous").Scan(&synchronous))
	assert.Equal(t, 2, synchronous, "FULL")
}
