package engine

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// Refresh picks up what other processes wrote: paused and unpaused DAGs, sizes of pools,
// triggered runs, backfills, and runs that someone ended; and it tells of missed deadlines.
// What can't be read of it does not hold up the rest, and is in the error.
func (e *Engine) Refresh(ctx context.Context) error {
	// One after another: what was read first must not replace what was read later.
	e.refreshing.Lock()
	defer e.refreshing.Unlock()
	woken, pausedErr := e.refreshPaused(ctx)
	poolsErr := e.refreshPools(ctx)
	if !e.works() {
		return errors.Join(pausedErr, poolsErr)
	}
	if err := e.fireDeadlines(ctx); err != nil {
		e.o.Log.Error("tell of missed deadlines", "error", err)
	}
	running, queued, runsErr := e.store.OpenRuns(ctx)
	for _, id := range append(woken, e.mayStart(queued)...) {
		e.resume(ctx, id)
	}
	backfillsErr := e.refreshBackfills(ctx)
	if runsErr == nil {
		e.dropEnded(ctx, running)
		e.stepDropped(ctx, running)
	}
	return errors.Join(pausedErr, poolsErr, runsErr, backfillsErr)
}

// refreshPaused takes over which DAGs are paused, and returns those that no longer are.
func (e *Engine) refreshPaused(ctx context.Context) (woken []string, err error) {
	ids, err := e.store.PausedDAGs(ctx)
	if err != nil {
		return nil, err
	}
	return e.dags.SetPaused(ids), nil
}

// refreshPools takes over the sizes of the pools; a change may let waiting tasks go on.
func (e *Engine) refreshPools(ctx context.Context) error {
	pools, err := e.store.Pools(ctx)
	if err != nil {
		return err
	}
	next := make(map[string]int, len(pools))
	for _, p := range pools {
		next[p.Name] = p.Slots
	}
	e.mu.Lock()
	same := maps.Equal(e.pools, next)
	e.pools = next
	e.mu.Unlock()
	if !same {
		e.pumpBlocked(ctx)
	}
	return nil
}

// mayStart are those of some DAGs with queued runs of which one may start as far as paused
// DAGs and max_active_runs tell, so that the others need no transaction.
func (e *Engine) mayStart(ids []string) (out []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	active := map[string]int{}
	for _, lr := range e.live {
		if lr.run.BackfillID == 0 {
			active[lr.run.DAGID]++
		}
	}
	stuck := map[string]bool{}
	for k := range e.stuck {
		if lr := e.live[k]; lr != nil {
			stuck[lr.run.DAGID] = true
		}
	}
	for _, id := range ids {
		if d := e.dags.Get(id); !e.dags.Paused(id) && (d == nil || active[id] < d.MaxActiveRuns || stuck[id]) {
			out = append(out, id)
		}
	}
	return out
}

// refreshBackfills lets the backfills go on that may start a run.
func (e *Engine) refreshBackfills(ctx context.Context) error {
	open, err := e.store.OpenBackfills(ctx)
	if err != nil {
		return err
	}
	e.mu.Lock()
	active := map[int64]int{}
	for _, lr := range e.live {
		active[lr.run.BackfillID]++
	}
	open = slices.DeleteFunc(open, func(b *store.Backfill) bool {
		return b.State == store.BackfillPaused || e.dags.Paused(b.DAGID) || active[b.ID] >= b.MaxActiveRuns
	})
	e.mu.Unlock()
	for _, b := range open {
		e.stepBackfill(b.DAGID)
	}
	return nil
}

// stepDropped lets the runs go on whose copy in memory was dropped with a transaction
// that failed. One that can't does not hold up the others.
func (e *Engine) stepDropped(ctx context.Context, running []int64) {
	e.mu.Lock()
	due := slices.DeleteFunc(running, func(k int64) bool { return e.live[k] != nil && !e.dropped[k] })
	e.mu.Unlock()
	for _, k := range due {
		err := e.changeOf(ctx, k, func(c *change) error {
			lr, err := c.liveRun(k)
			if err != nil || lr == nil {
				return err
			}
			return c.step(lr)
		})
		if err != nil {
			e.logOnce(k, "let a run go on", err)
			continue
		}
		e.mu.Lock()
		delete(e.dropped, k)
		e.mu.Unlock()
	}
}

// resume lets the runs of a DAG go on, and starts new ones.
func (e *Engine) resume(ctx context.Context, id string) {
	err := e.change(ctx, func(c *change) error {
		for _, lr := range e.liveOf(id) {
			c.touch(lr)
			if err := c.step(lr); err != nil {
				return err
			}
		}
		return c.wake(id)
	})
	if err != nil {
		e.o.Log.Error("resume", "dag", id, "error", err)
	}
}

func (e *Engine) liveOf(dagID string) (out []*liveRun) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, lr := range e.live {
		if lr.run.DAGID == dagID {
			out = append(out, lr)
		}
	}
	return out
}

var errRunEnded = errors.New("the DAG run was ended by someone")

// dropEnded stops the attempts of runs that another process has ended.
func (e *Engine) dropEnded(ctx context.Context, running []int64) {
	alive := make(map[int64]bool, len(running))
	for _, k := range running {
		alive[k] = true
	}
	e.mu.Lock()
	var ended []int64
	for k := range e.live {
		if !alive[k] {
			ended = append(ended, k)
		}
	}
	e.mu.Unlock()
	for _, k := range ended {
		// The list was read before: a run that started since is still running.
		if r, err := e.store.Run(ctx, k); err != nil || r.State == dag.RunRunning {
			continue
		}
		e.drop(k)
		e.mu.Lock()
		var keys []attemptKey
		for a := range e.attempts {
			if a.run == k {
				keys = append(keys, a)
			}
		}
		e.mu.Unlock()
		for _, a := range keys {
			e.cancel(a, errRunEnded)
		}
	}
}
