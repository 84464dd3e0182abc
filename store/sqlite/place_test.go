package sqlite_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store/sqlite"
)

func TestAStoreKnowsThatItsFileIsGoneOrAnotherOne(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "dingdag.db")
	s, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	require.NoError(t, err)
	defer func() { assert.NoError(t, s.Close()) }()
	require.NoError(t, s.InPlace())
	looking, err := sqlite.Open(t.Context(), path, sqlite.Options{ReadOnly: true})
	require.NoError(t, err)
	defer func() { assert.NoError(t, looking.Close()) }()
	require.NoError(t, looking.InPlace())

	away := path + ".away"
	require.NoError(t, os.Rename(path, away))
	for _, open := range []*sqlite.Store{s, looking} {
		require.ErrorContains(t, open.InPlace(), "the store "+path+" is gone")
	}
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	for _, open := range []*sqlite.Store{s, looking} {
		require.ErrorContains(t, open.InPlace(), "the store "+path+" was replaced by another file")
	}
	require.NoError(t, os.Rename(away, path))
	assert.NoError(t, s.InPlace())
	assert.NoError(t, looking.InPlace())
}
