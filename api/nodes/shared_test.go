package nodes_test

import (
	"context"
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/nodes"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
)

// cluster is a store with processes that share it, as far as a list goes.
type cluster struct {
	*sqlite.Store

	all []*store.Node
	now time.Time
	led time.Time
}

func (c *cluster) Nodes(_ context.Context, after time.Time) (out []*store.Node, err error) {
	for _, n := range c.all {
		if n.LeasedUntil.After(after) {
			out = append(out, n)
		}
	}
	return out, nil
}

func (c *cluster) LeaseClock(context.Context) (time.Time, error)  { return c.now, nil }
func (c *cluster) LeasedUntil(context.Context) (time.Time, error) { return c.led, nil }

func newCluster(t *testing.T) *cluster {
	t.Helper()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "db"), sqlite.Options{Clock: func() time.Time { return now }})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	c := &cluster{Store: s, now: now, led: now.Add(2 * time.Second)}
	for _, n := range []struct {
		host  string
		ago   time.Duration
		lease time.Duration
		is    store.Node
	}{
		{"sched-1", time.Hour, 2 * time.Second, store.Node{State: store.NodeWorking, Schedules: true, Leads: true}},
		{"work-1", 2 * time.Hour, 3 * time.Second, store.Node{State: store.NodeWorking, Works: true, Queues: []string{"gpu"}, Running: 2, ClockAhead: 31 * time.Second, LogsWaiting: 3, LogsWaitingFor: time.Minute}},
		{"work-2", 3 * time.Hour, time.Second, store.Node{State: store.NodeWorking, Works: true, Drain: true, Running: 1, ClockAhead: -5 * time.Second}},
		{"work-3", 4 * time.Hour, time.Second, store.Node{State: store.NodeDraining, Works: true, Drain: true}},
		{"work-4", 5 * time.Hour, time.Second, store.Node{State: store.NodeStopping, Works: true}},
		{"work-5", 6 * time.Hour, 0, store.Node{State: store.NodeStopped, Works: true}},
		{"work-6", 7 * time.Hour, -time.Minute, store.Node{State: store.NodeWorking, Works: true, Running: 4, LogsWaiting: 5, LogsWaitingFor: time.Hour}},
		{"older", 0, time.Second, store.Node{}},
	} {
		n.is.ID, n.is.LeasedUntil = n.host+":7/abc", now.Add(n.lease)
		n.is.Process = store.Process{Host: n.host, PID: 7}
		if n.ago != 0 {
			n.is.StartedAt = now.Add(-n.ago)
		}
		c.all = append(c.all, &n.is)
	}
	return c
}

func TestListOfACluster(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	require.NoError(t, c.Tx(t.Context(), func(tx store.Tx) error {
		for _, l := range []*store.SchedulerLife{
			{StartedAt: c.now.Add(-30 * time.Hour), SeenAt: c.now.Add(-29 * time.Hour), By: store.Process{Host: "sched-1", PID: 7}},              // of a process long gone
			{StartedAt: c.now.Add(-time.Hour), SeenAt: c.now.Add(-time.Minute), By: store.Process{Host: "sched-1", PID: 7, Version: "the same"}}, // is in the list
		} {
			if err := tx.PutSchedulerLife(t.Context(), l); err != nil {
				return err
			}
		}
		return nil
	}))
	all, err := nodes.List(t.Context(), c, c.now.Add(-48*time.Hour))
	require.NoError(t, err)
	got := map[string]nodes.State{}
	var order []string
	for _, n := range all {
		got[n.Host], order = n.State, append(order, n.Host)
		assert.Equal(t, n.Host == "sched-1" && n.Life == 0, n.Leads, n.ID)
		assert.Equal(t, n.Host == "work-3", n.Idle, "%s: one that has heard of it", n.ID)
		assert.Equal(t, n.Ended(), n.LeasedUntil.IsZero(), n.ID)
	}
	assert.Equal(t, []string{"sched-1", "work-1", "work-2", "work-3", "work-4", "work-5", "work-6", "sched-1"}, order)
	delete(got, "sched-1")
	assert.Equal(t, map[string]nodes.State{
		"work-1": nodes.Working, "work-2": nodes.Draining, "work-3": nodes.Draining, "work-4": nodes.Stopping, "work-5": nodes.Stopped, "work-6": nodes.Lost,
	}, got)
	assert.Equal(t, []string{nodes.Scheduler}, all[0].Roles)
	assert.Equal(t, []string{nodes.Worker}, all[1].Roles)
	assert.Equal(t, 2, all[1].Running)
	assert.Equal(t, c.now, all[1].SeenAt)
	assert.Equal(t, c.now.Add(-time.Minute), all[6].SeenAt)
	assert.Equal(t, 31*time.Second, all[1].ClockAhead)
	assert.Equal(t, 3, all[1].LogsWaiting)
	assert.Equal(t, time.Minute, all[1].LogsWaitingFor)
	assert.Zero(t, all[6].LogsWaiting, "nobody knows")
	assert.Zero(t, all[6].LogsWaitingFor)
	assert.Zero(t, all[2].ClockAhead, "that little is not said")
	c.all[1].KeyMark, c.all[2].KeyMark, c.all[3].KeyMark, c.all[6].KeyMark = "other", "one", "one", "yet another"
	all, err = nodes.List(t.Context(), c, c.now.Add(-48*time.Hour))
	require.NoError(t, err)
	for _, n := range all {
		assert.Equal(t, n.Host == "work-1", n.OtherKey, "%s: work-3 was there first, work-6 is gone", n.ID)
	}
	for n, serves := range map[int][2]bool{0: {}, 1: {true, false}, 2: {}, 3: {}, 4: {}, 5: {}, 6: {true, true}, 7: {true, true}} {
		assert.Equal(t, serves, [2]bool{c.all[n].Serves("gpu"), c.all[n].Serves("")}, c.all[n].ID)
	}

	c.led = c.now
	all, err = nodes.List(t.Context(), c, c.now.Add(-time.Second))
	require.NoError(t, err)
	assert.False(t, all[0].Leads, "it led")
}

func TestDrain(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	by := store.Actor{Name: "ann"}
	fails := func(name, want string) error {
		t.Helper()
		_, err := nodes.Drain(t.Context(), c, name, true, by, c.now)
		require.EqualError(t, err, want)
		return err
	}
	require.ErrorIs(t, fails("work-1:7/abd", `no node "work-1:7/abd"; did you mean "work-1:7/abc"?`), store.ErrNotFound)
	fails("x", `no node "x"; there are: sched-1:7/abc, work-1:7/abc, work-2:7/abc, work-3:7/abc, work-4:7/abc`)
	fails("work", `"work" may be several nodes: name one of work-1:7/abc, work-2:7/abc, work-3:7/abc, work-4:7/abc`)
	fails("work-5:7/abc", "node work-5:7/abc has ended already")
	fails("", `no node ""; there are: sched-1:7/abc, work-1:7/abc, work-2:7/abc, work-3:7/abc, work-4:7/abc`)

	_, err := nodes.Drain(t.Context(), c.Store, "work-1", true, by, c.now)
	var conflict *api.ConflictError
	require.ErrorAs(t, err, &conflict)
	require.ErrorContains(t, err, "no process here shares its store with others")

	_, err = nodes.Drain(t.Context(), c, "work-1", true, by, c.now)
	require.ErrorIs(t, err, store.ErrNotFound, "the tables have no such process, so that nothing is noted")
	es, err := c.Events(t.Context(), store.EventFilter{})
	require.NoError(t, err)
	assert.Empty(t, es)

	me := &store.Node{Process: store.Process{Host: "real"}, State: store.NodeWorking, StartedAt: c.now, Works: true}
	_, err = c.Renew(t.Context(), me, store.Renewal{Lease: time.Second})
	require.NoError(t, err)
	all, err := c.Store.Nodes(t.Context(), time.Time{})
	require.NoError(t, err)
	require.Len(t, all, 1)
	for _, on := range []bool{true, false} {
		n, err := nodes.Drain(t.Context(), c.Store, all[0].ID, on, by, c.now)
		require.NoError(t, err)
		assert.Equal(t, map[bool]nodes.State{true: nodes.Draining, false: nodes.Working}[on], n.State)
		es, err := c.Events(t.Context(), store.EventFilter{Limit: 1})
		require.NoError(t, err)
		require.Len(t, es, 1)
		var about map[string]any
		require.NoError(t, json.Unmarshal(es[0].Extra, &about))
		assert.Equal(t, map[string]any{"node": n.ID, "draining": on}, about)
		assert.Equal(t, []any{store.EventNodeDrain, by}, []any{es[0].Kind, es[0].Actor})
	}
}
