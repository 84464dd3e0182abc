package sqlite

import (
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlcommit"
)

// Each kind of work is told with how long it took.
func TestObserve(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	now, seen := time.Unix(100, 0), map[sqlcommit.Stage][]time.Duration{}
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "db"), Options{
		Clock: func() time.Time { mu.Lock(); defer mu.Unlock(); return now },
		Observe: func(k sqlcommit.Stage, took time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			seen[k] = append(seen[k], took)
		},
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	mu.Lock()
	clear(seen)
	mu.Unlock()
	before := s.Commits()
	require.NoError(t, s.Tx(t.Context(), func(store.Tx) error {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(time.Second)
		return nil
	}))
	failed := errors.New("no")
	require.ErrorIs(t, s.Tx(t.Context(), func(store.Tx) error { return failed }), failed)
	_, err = s.Pools(t.Context())
	require.NoError(t, err)
	mu.Lock()
	defer mu.Unlock()
	assert.Equal(t, map[sqlcommit.Stage][]time.Duration{sqlcommit.Waiting: {0, 0}, sqlcommit.Writing: {time.Second}, sqlcommit.Committing: {0}, sqlcommit.Reading: {0}}, seen, "what is taken back commits nothing")
	assert.Equal(t, before+2, s.Commits())
}
