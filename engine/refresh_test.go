package engine_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/store"
)

// partlyReadable is a store of which one kind of rows can't be read.
type partlyReadable struct {
	store.Store
	not atomic.Value // the kind
}

func (p *partlyReadable) refused(kind string) error {
	if p.not.Load() == kind {
		return errors.New(kind + " cannot be read")
	}
	return nil
}

// PausedDAGs fails when it is to.
func (p *partlyReadable) PausedDAGs(ctx context.Context) ([]string, error) {
	if err := p.refused("paused"); err != nil {
		return nil, err
	}
	return p.Store.PausedDAGs(ctx)
}

// Pools fails when it is to.
func (p *partlyReadable) Pools(ctx context.Context) ([]*store.Pool, error) {
	if err := p.refused("pools"); err != nil {
		return nil, err
	}
	return p.Store.Pools(ctx)
}

// OpenRuns fails when it is to.
func (p *partlyReadable) OpenRuns(ctx context.Context) (running []int64, queued []string, err error) {
	if err := p.refused("runs"); err != nil {
		return nil, nil, err
	}
	return p.Store.OpenRuns(ctx)
}

// OpenBackfills fails when it is to.
func (p *partlyReadable) OpenBackfills(ctx context.Context) ([]*store.Backfill, error) {
	if err := p.refused("backfills"); err != nil {
		return nil, err
	}
	return p.Store.OpenBackfills(ctx)
}

// DueDeadlines fails when it is to.
func (p *partlyReadable) DueDeadlines(ctx context.Context, now time.Time) ([]*store.RunDeadline, error) {
	if err := p.refused("deadlines"); err != nil {
		return nil, err
	}
	return p.Store.DueDeadlines(ctx, now)
}

// ProvisionalRuns fails when it is to.
func (p *partlyReadable) ProvisionalRuns(ctx context.Context) ([]*store.Run, error) {
	if err := p.refused("provisional"); err != nil {
		return nil, err
	}
	return p.Store.ProvisionalRuns(ctx)
}

// Runs that can't be taken over after a load do not hold up what other processes wrote.
func TestLoadGoesOn(t *testing.T) {
	t.Parallel()
	p := &partlyReadable{}
	p.not.Store("")
	b := newBench(t)
	b.stopStore()
	b.o.Beat = time.Hour // nothing is seen but by the load
	b.wrap = func(s store.Store) store.Store { p.Store = s; return p }
	b.open()
	ds := b.load("d:\n  is_paused_upon_creation: true\n  tasks: [{task_id: t, operator: probe}]\n")
	b.start(engine.RunOptions{})
	waits, err := b.e.Trigger(t.Context(), "d", engine.Trigger{})
	require.NoError(t, err)
	require.NoError(t, b.store.Tx(t.Context(), func(tx store.Tx) error { return tx.SetPaused(t.Context(), "d", false) }))
	p.not.Store("provisional")
	require.EqualError(t, b.e.SetDAGs(t.Context(), ds), "provisional cannot be read")
	b.until("the run that waited has ended", func() bool {
		r, err := b.store.Run(t.Context(), waits.Key)
		require.NoError(t, err)
		return r.State == dag.RunSuccess
	})
}

// What can't be read of what other processes wrote does not hold up the rest.
func TestRefreshGoesOn(t *testing.T) {
	t.Parallel()
	for _, broken := range []string{"", "paused", "pools", "runs", "backfills", "deadlines"} {
		t.Run(broken, func(t *testing.T) {
			t.Parallel()
			p := &partlyReadable{}
			p.not.Store("")
			b := newBench(t)
			b.stopStore()
			b.o.Beat = time.Hour // nothing is seen but by the test's own Refresh
			b.wrap = func(s store.Store) store.Store { p.Store = s; return p }
			b.open()
			ds := b.load(`
paused:
  is_paused_upon_creation: true
  tasks: [{task_id: t, operator: probe}]
pooled:
  deadline: {reference: dagrun_queued_at, interval: 10h, callback: {callback: say, text: late}}
  tasks: [{task_id: t, operator: probe, pool: p}]
asked:
  tasks: [{task_id: t, operator: probe}]
filled:
  schedule: '@daily'
  start_date: 2026-03-01
  end_date: 2026-03-02
  catchup: true
  max_active_runs: 1
  tasks: [{task_id: t, operator: probe}]
`)
			b.start(engine.RunOptions{Schedule: true})
			ctx := t.Context()
			unpaused, err := b.e.Trigger(ctx, "paused", engine.Trigger{})
			require.NoError(t, err)
			waits, err := b.e.Trigger(ctx, "pooled", engine.Trigger{})
			require.NoError(t, err)
			b.until("it waits for its pool", func() bool { return b.states(waits)["t"] == "scheduled" })
			fill, err := b.e.CreateBackfill(ctx, "filled", engine.BackfillRequest{
				From: march(3), To: march(3),
			})
			require.NoError(t, err)
			asked := &store.Run{DAGID: "asked", RunID: "other", Type: dag.ManualRun, State: dag.RunQueued, RunAfter: time.Now(), QueuedAt: time.Now(), Version: ds[2].Version}
			require.Equal(t, "asked", ds[2].ID)
			require.NoError(t, b.store.Tx(ctx, func(tx store.Tx) error {
				_, err := tx.InsertRun(ctx, asked)
				return errors.Join(
					err, tx.SetPaused(ctx, "paused", false), tx.PutPool(ctx, &store.Pool{Name: "p", Slots: 1}),
					tx.DeleteDeadlines(ctx, waits.Key), tx.PutDeadline(ctx, &store.RunDeadline{RunKey: waits.Key, At: time.Now().Add(-time.Second)}),
				)
			}))

			p.not.Store(broken)
			err = b.e.Refresh(ctx)
			if broken == "" || broken == "deadlines" { // of which the log tells
				require.NoError(t, err)
			} else {
				require.EqualError(t, err, broken+" cannot be read")
			}
			seen := func(what string, ok func() bool) {
				if what != broken {
					b.until(what, ok)
				}
			}
			ended := func(key int64) bool {
				r, err := b.store.Run(ctx, key)
				require.NoError(t, err)
				return r.State == dag.RunSuccess
			}
			seen("paused", func() bool { return ended(unpaused.Key) })
			seen("pools", func() bool { return ended(waits.Key) })
			seen("runs", func() bool { return ended(asked.Key) })
			seen("backfills", func() bool { return b.counts(fill.Backfill.ID).Success == 1 })
			seen("deadlines", func() bool { return b.deadlinesLeft() == 0 })
		})
	}
}
