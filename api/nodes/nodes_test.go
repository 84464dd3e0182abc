package nodes_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/api/nodes"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
)

func TestList(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "db"), sqlite.Options{Clock: func() time.Time { return now }})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	list := func() []nodes.Node {
		t.Helper()
		all, err := nodes.List(t.Context(), s, time.Time{})
		require.NoError(t, err)
		return all
	}
	assert.Empty(t, list())

	hour := func(n int) time.Time { return now.Add(time.Duration(n) * time.Hour) }
	process := store.Process{Host: "a", PID: 7, Version: "1.2.3", Workers: 4}
	put := func(l *store.SchedulerLife) {
		t.Helper()
		require.NoError(t, s.Tx(t.Context(), func(tx store.Tx) error { return tx.PutSchedulerLife(t.Context(), l) }))
	}
	last := &store.SchedulerLife{StartedAt: hour(-1), SeenAt: hour(0), By: process}
	put(&store.SchedulerLife{StartedAt: hour(-5), SeenAt: hour(-4), Stopped: true})
	put(&store.SchedulerLife{StartedAt: hour(-3), SeenAt: hour(-2), By: process})
	put(last)
	_, err = s.Beat(t.Context(), 5*time.Second)
	require.NoError(t, err)
	until := now.Add(5 * time.Second)
	roles := []string{"scheduler", "worker"}
	assert.Equal(t, []nodes.Node{
		{ID: "3", Life: 3, State: nodes.Working, Leads: true, Roles: roles, Process: process, StartedAt: hour(-1), SeenAt: hour(0), LeasedUntil: until},
		{ID: "2", Life: 2, State: nodes.Lost, Roles: roles, Process: process, StartedAt: hour(-3), SeenAt: hour(-2)},
		{ID: "1", Life: 1, State: nodes.Stopped, Roles: roles, StartedAt: hour(-5), SeenAt: hour(-4)},
	}, list())
	some, err := nodes.List(t.Context(), s, hour(-2))
	require.NoError(t, err)
	assert.Len(t, some, 2)

	now = until
	assert.Equal(t, nodes.Working, list()[0].State)
	now = until.Add(time.Millisecond)
	assert.Equal(t, nodes.Lost, list()[0].State)
	assert.Zero(t, list()[0].LeasedUntil)
	now = until
	last.Stopped = true
	put(last)
	assert.Equal(t, nodes.Stopped, list()[0].State, "while its lease has not ended")
}

func TestListFails(t *testing.T) {
	t.Parallel()
	for _, s := range []broken{{lives: assert.AnError}, {lease: assert.AnError}, {nodes: assert.AnError}} {
		_, err := nodes.List(t.Context(), s, time.Time{})
		require.ErrorIs(t, err, assert.AnError)
	}
}

// broken is a store that cannot be read.
type broken struct{ lives, lease, nodes error }

func (b broken) SchedulerLives(context.Context, time.Time) ([]*store.SchedulerLife, error) {
	return nil, b.lives
}

func (b broken) LeasedUntil(context.Context) (time.Time, error) { return time.Time{}, b.lease }

func (b broken) Nodes(context.Context, time.Time) ([]*store.Node, error) { return nil, b.nodes }

func (b broken) LeaseClock(context.Context) (time.Time, error) { return time.Time{}, nil }
