//nolint:thelper // tests, not helpers: failures belong to their lines
package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
)

func brokenThingsAreKept(t *testing.T, open Open) {
	s := open(t, Node{})
	put := func(dagID, taskID string, mapIndex, failures int, more ...func(*store.Broken)) *store.Broken {
		b := &store.Broken{DAGID: dagID, TaskID: taskID, MapIndex: mapIndex, Since: midnight, Failures: failures, RunID: "r"}
		for _, change := range more {
			change(b)
		}
		write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.PutBroken(ctx, b) })
		return b
	}
	runs := put("d", "", -1, 1)
	plain, whole, third, fourth := put("d", "a", -1, 1), put("d", "m", -1, 2), put("d", "m", 3, 1), put("d", "m", 4, 1)
	put("e", "a", -1, 1)
	at := func(taskID string, mapIndex int) []*store.Broken {
		bs, err := s.BrokenInstances(t.Context(), "d", taskID, mapIndex)
		require.NoError(t, err)
		return bs
	}
	assert.Equal(t, []*store.Broken{runs}, at("", -1))
	assert.Equal(t, []*store.Broken{plain}, at("a", -1))
	assert.Equal(t, []*store.Broken{whole, fourth}, at("m", 4))
	assert.Equal(t, []*store.Broken{whole}, at("m", 0))
	assert.Equal(t, []*store.Broken{whole, third, fourth}, at("m", -1), "it is no longer mapped")
	assert.Empty(t, at("b", -1))

	// What is written again replaces what was there.
	plain = put("d", "a", -1, 2, func(b *store.Broken) {
		b.Since, b.RunID, b.LogicalDate, b.RunStart = midnight.Add(time.Hour), "s", midnight.Add(time.Minute), midnight.Add(time.Second)
	})
	all, err := s.BrokenOf(t.Context(), "d")
	require.NoError(t, err)
	assert.Equal(t, []*store.Broken{runs, plain, whole, third, fourth}, all)

	write(t, s, func(ctx context.Context, tx store.Tx) error {
		require.NoError(t, tx.DeleteBroken(ctx, third))
		require.NoError(t, tx.DeleteBroken(ctx, runs))
		return tx.DeleteBroken(ctx, runs) // it is gone already
	})
	all, err = s.BrokenOf(t.Context(), "d")
	require.NoError(t, err)
	assert.Equal(t, []*store.Broken{plain, whole, fourth}, all)
}
