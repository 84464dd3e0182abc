package live

import (
	"context"
	"errors"

	"github.com/dingdag/dingdag/engine/schedule"
	"github.com/dingdag/dingdag/store"
)

// Look calls fn with a run as the store has it, among copies of the others that are running,
// so that it can be asked what the scheduler goes by. Nothing that fn notes is written. When
// the run can't be loaded fn gets the fault and no run. Of the options the DAGs and attempts
// do not matter.
func Look(ctx context.Context, o Options, key int64, fn func(*Tx, *Run, *RunError) error) error {
	o.DAGs, o.Attempts = &schedule.DAGs{}, &Attempts{}
	rs := New(o)
	tx := rs.begin(ctx, key)
	return o.Store.Tx(ctx, func(stored store.Tx) error {
		tx.Tx, tx.Now = stored, rs.Now()
		defer tx.unlock()
		lr, err := tx.lookAt(key)
		f, _ := errors.AsType[*RunError](err)
		if err != nil && f == nil {
			return err
		}
		return fn(tx, lr, f)
	})
}

// lookAt reads what decides about the tasks of a run: the run, the others that are running,
// the pools and the paused DAGs.
func (tx *Tx) lookAt(key int64) (*Run, error) {
	r, err := tx.Run(tx.Ctx, key)
	if err != nil {
		return nil, err
	}
	pools, err := tx.Pools(tx.Ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range pools {
		tx.runs.pools[p.Name] = poolOf(p)
	}
	paused, err := tx.PausedDAGs(tx.Ctx)
	if err != nil {
		return nil, err
	}
	tx.runs.o.DAGs.SetPaused(paused)
	running, err := tx.runningRuns()
	if err != nil {
		return nil, err
	}
	for _, other := range running {
		if other.Key == r.Key {
			continue
		}
		is, err := tx.Instances(tx.Ctx, other.Key)
		if err == nil {
			_, err = tx.load(other, is)
		}
		if err != nil {
			tx.runs.o.Log.Warn("a run cannot be read; what it takes of the pools is not counted", "dag", other.DAGID, "run", other.RunID, "error", err)
		}
	}
	is, err := tx.Instances(tx.Ctx, r.Key)
	if err != nil {
		return nil, err
	}
	return tx.load(r, is)
}
