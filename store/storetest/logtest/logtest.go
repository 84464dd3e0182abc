// Package logtest has the tests of task logs that every store passes.
//
//nolint:thelper // tests, not helpers: failures belong to their lines
package logtest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
)

const (
	run  = "dag_id=d 日报/run_id=r"
	name = run + "/task_id=t/attempt=1.log"
)

func at(s int) time.Time { return time.Date(2026, 1, 1, 0, 0, s, 0, time.UTC) }

func write(t *testing.T, s store.Store, fn func(tx store.Tx) error) {
	t.Helper()
	require.NoError(t, s.Tx(t.Context(), fn))
}

// put adds a part of chunks.
func put(t *testing.T, s store.Store, log string, start time.Time, node string, chunks ...string) *store.TaskLogPart {
	t.Helper()
	p := &store.TaskLogPart{Name: log, Start: start, Node: node}
	write(t, s, func(tx store.Tx) error { return tx.StartTaskLog(t.Context(), p) })
	write(t, s, func(tx store.Tx) error {
		for i, c := range chunks {
			if err := tx.PutTaskLogChunk(t.Context(), p.ID, i, []byte(c)); err != nil {
				return err
			}
			p.Size += int64(len(c))
		}
		return tx.EndTaskLog(t.Context(), p)
	})
	return p
}

// PartsAreWhole looks that a part counts once it is whole, and then takes the place of the one before.
func PartsAreWhole(t *testing.T, s, other store.Store) {
	b := put(t, s, name, at(1), "b", "\x00\xffone", "two", "three")
	a := put(t, s, name, at(1), "a")
	put(t, s, name+"x", at(0), "a", "of another log")
	half := &store.TaskLogPart{Name: name, Start: at(1), Node: "b"}
	write(t, s, func(tx store.Tx) error {
		if err := tx.StartTaskLog(t.Context(), half); err != nil {
			return err
		}
		return tx.PutTaskLogChunk(t.Context(), half.ID, 0, []byte("anew"))
	})
	parts, err := other.TaskLogParts(t.Context(), name)
	require.NoError(t, err)
	assert.Equal(t, []*store.TaskLogPart{a, b}, parts)
	chunks, err := other.TaskLogChunks(t.Context(), b.ID, 0, 2)
	require.NoError(t, err)
	assert.Equal(t, [][]byte{[]byte("\x00\xffone"), []byte("two")}, chunks)
	chunks, err = other.TaskLogChunks(t.Context(), b.ID, 2, 2)
	require.NoError(t, err)
	assert.Equal(t, [][]byte{[]byte("three")}, chunks)

	half.Size = 4
	write(t, s, func(tx store.Tx) error { return tx.EndTaskLog(t.Context(), half) })
	parts, err = other.TaskLogParts(t.Context(), name)
	require.NoError(t, err)
	assert.Equal(t, []*store.TaskLogPart{a, half}, parts)
	chunks, err = other.TaskLogChunks(t.Context(), b.ID, 0, 2)
	require.NoError(t, err)
	assert.Empty(t, chunks, "nothing is left of the one before")
	require.ErrorIs(t, s.Tx(t.Context(), func(tx store.Tx) error { return tx.EndTaskLog(t.Context(), b) }), store.ErrNotFound)
}

// PartsAreRemoved looks that those of a folder go, in steps.
func PartsAreRemoved(t *testing.T, s store.Store) {
	long := put(t, s, name, at(1), "a", "1", "2", "3", "4")
	half := &store.TaskLogPart{Name: run + "/task_id=u/attempt=1.log", Start: at(1), Node: "a"}
	write(t, s, func(tx store.Tx) error { return tx.StartTaskLog(t.Context(), half) })
	put(t, s, run+"/task_id=u/map_index=1/attempt=1.log", at(2), "a", "1")
	young := put(t, s, name, at(3), "a", "1")
	for _, other := range []string{run + "1/task_id=t/attempt=1.log", "dag_id=d/run_id=r/task_id=t/attempt=1.log"} {
		put(t, s, other, at(1), "a", "1")
	}
	count := func(folder string) int {
		n, err := s.CountTaskLogs(t.Context(), folder)
		require.NoError(t, err)
		return n
	}
	assert.Equal(t, 3, count(run))
	parts, steps := 0, 0
	for more := true; more; steps++ {
		require.Less(t, steps, 20)
		write(t, s, func(tx store.Tx) error {
			n, m, err := tx.RemoveTaskLogs(t.Context(), run, at(3), 2)
			parts, more = parts+n, m
			return err
		})
		left, err := s.TaskLogParts(t.Context(), name)
		require.NoError(t, err)
		assert.Equal(t, []*store.TaskLogPart{young}, left, "one that is half removed is none")
	}
	assert.Equal(t, 2, parts)
	assert.GreaterOrEqual(t, steps, 3)
	assert.Equal(t, 1, count(run))
	assert.Equal(t, 1, count(run+"1"))
	assert.Equal(t, 1, count("dag_id=d"))
	chunks, err := s.TaskLogChunks(t.Context(), long.ID, 0, 10)
	require.NoError(t, err)
	assert.Empty(t, chunks)
	require.ErrorIs(t, s.Tx(t.Context(), func(tx store.Tx) error { return tx.EndTaskLog(t.Context(), half) }), store.ErrNotFound, "half a part goes too")
}

// RemovalsAreOnRecord looks that logs to remove stay on record until they are.
func RemovalsAreOnRecord(t *testing.T, s store.Store) {
	first, second := &store.LogRemoval{Folder: run, Before: at(1).Add(time.Millisecond)}, &store.LogRemoval{Folder: "dag_id=e/run_id=r/task_id=t", Before: at(2)}
	write(t, s, func(tx store.Tx) error {
		if err := tx.PutLogRemoval(t.Context(), first); err != nil {
			return err
		}
		return tx.PutLogRemoval(t.Context(), second)
	})
	all, err := s.LogRemovals(t.Context(), 0, 10)
	require.NoError(t, err)
	assert.Equal(t, []*store.LogRemoval{first, second}, all)
	all, err = s.LogRemovals(t.Context(), first.ID, 10)
	require.NoError(t, err)
	assert.Equal(t, []*store.LogRemoval{second}, all)
	write(t, s, func(tx store.Tx) error { return tx.DropLogRemoval(t.Context(), first.ID) })
	all, err = s.LogRemovals(t.Context(), 0, 1)
	require.NoError(t, err)
	assert.Equal(t, []*store.LogRemoval{second}, all)
}
