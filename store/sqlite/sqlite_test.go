package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
	"github.com/dingdag/dingdag/store/storetest"
	"github.com/dingdag/dingdag/store/storetest/jobtest"
)

// open opens a store and closes it at the end of the test.
func open(t *testing.T, path string, o sqlite.Options) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path, o)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, create)
	jobtest.Run(t, create)
	jobtest.RunInBubbles(t, create)
	t.Run("space is given back", func(t *testing.T) {
		t.Parallel()
		storetest.SpaceIsGivenBack(t, create(t))
	})
}

// create makes an empty database.
func create(t *testing.T) storetest.Open {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db")
	return func(t *testing.T, n storetest.Node) store.Store {
		t.Helper()
		return open(t, path, sqlite.Options{Synchronous: "NORMAL", Node: n.Name, Clock: n.Clock})
	}
}
