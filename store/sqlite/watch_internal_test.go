package sqlite

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
)

// What others commit is noticed each time, what the store commits itself never.
func TestWatch(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	open := func() *Store {
		s, err := Open(t.Context(), path, Options{Synchronous: "NORMAL"})
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, s.Close()) })
		return s
	}
	commit := func(s *Store) {
		require.NoError(t, s.Tx(t.Context(), func(tx store.Tx) error {
			return tx.InsertRequest(t.Context(), &store.Request{Kind: "any", Payload: []byte("{}"), CreatedAt: time.Now()})
		}))
	}
	own, other := open(), open()
	begun := own.commits.Load()
	before, err := own.foreign(t.Context())
	require.NoError(t, err)
	commit(own)
	after, err := own.foreign(t.Context())
	require.NoError(t, err)
	require.Equal(t, before, after)

	ctx, cancel := context.WithCancel(t.Context())
	noticed, ended := make(chan struct{}, 100), make(chan error)
	go func() { ended <- own.Watch(ctx, func() { noticed <- struct{}{} }) }()
	<-noticed // what there is
	for range 3 {
		commit(own)
		commit(other)
		<-noticed
	}
	assert.Equal(t, begun+4, own.commits.Load(), "its own are counted, and no others")
	cancel()
	require.NoError(t, <-ended)
	assert.Empty(t, noticed)
}
