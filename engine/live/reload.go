package live

import (
	"context"
	"errors"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// Reload brings every running run back into memory, and lets it go on. What is wrong with one
// of them does not hold up the others.
func (rs *Runs) Reload(ctx context.Context) error {
	tried := map[int64]bool{}
	for {
		err := rs.Change(ctx, (*Tx).reload)
		f, ok := errors.AsType[*RunError](err)
		if !ok || f.Run == 0 || tried[f.Run] {
			return err
		}
		tried[f.Run] = true // it has failed: the others once more
	}
}

// reload makes every running run live again. All are loaded before the first goes on:
// what is under way in one of them takes of the limits that they share.
func (tx *Tx) reload() error {
	runs, err := tx.runningRuns()
	if err != nil {
		return err
	}
	of := map[int64][]*store.Instance{}
	all, err := tx.InstancesOfRuns(tx.Ctx, dag.RunRunning)
	oneByOne := err != nil
	for _, in := range all {
		of[in.RunKey] = append(of[in.RunKey], in)
	}
	var live []*Run
	for _, r := range runs {
		is := of[r.Key]
		if oneByOne {
			if is, err = tx.Instances(tx.Ctx, r.Key); err != nil {
				if err := tx.giveUp(r, &RunError{Run: r.Key, Reason: reasonNotReadable, Err: err}, true); err != nil {
					return err
				}
				continue
			}
		}
		lr, err := tx.loadOrGiveUp(r, is)
		if err != nil {
			return err
		}
		if lr != nil {
			live = append(live, lr)
		}
	}
	for _, lr := range live {
		if err := lr.Step(tx); err != nil {
			return err
		}
	}
	return nil
}

// runningRuns reads the running runs, without one whose row can't be read.
func (tx *Tx) runningRuns() ([]*store.Run, error) {
	runs, err := tx.Runs(tx.Ctx, store.RunFilter{States: []dag.RunState{dag.RunRunning}})
	if err == nil {
		return runs, nil
	}
	keys, _, err := tx.OpenRuns(tx.Ctx)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		r, err := tx.Run(tx.Ctx, k)
		if err != nil {
			tx.runs.LogOnce(k, "read a run", err)
			continue
		}
		runs = append(runs, r)
	}
	return runs, nil
}
