package sqlite_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store/sqlite"
	"github.com/dingdag/dingdag/store/sqlstore/sqlcheck"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	of := func() map[string]sqlcheck.Finding {
		got := map[string]sqlcheck.Finding{}
		for _, f := range sqlite.Check(t.Context(), path, time.Now) {
			got[f.Check] = f
		}
		return got
	}
	got := of()
	assert.Equal(t, sqlcheck.Failed, got["file"].Status)
	assert.Contains(t, got["file"].Detail, "there is no store yet")
	assert.NoFileExists(t, path)

	s := open(t, path, sqlite.Options{Node: "worker-7"})
	_, err := s.Beat(t.Context(), time.Minute)
	require.NoError(t, err)
	got = of()
	for _, check := range []string{"file", "integrity", "tables", "size", "processes"} {
		assert.Equal(t, sqlcheck.OK, got[check].Status, "%v", got[check])
	}
	assert.Contains(t, got["processes"].Detail, "worker-7")
	assert.Contains(t, got["commit"].Detail, "takes ")

	require.NoError(t, s.Close())
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	for i := 9 * 4096; i < 9*4096+200; i++ {
		text[i] = 0xAA
	}
	require.NoError(t, os.WriteFile(path, text, 0o600))
	got = of()
	assert.Equal(t, sqlcheck.Failed, got["integrity"].Status)
	assert.Contains(t, got["integrity"].Detail, "restore it from a backup")
}
